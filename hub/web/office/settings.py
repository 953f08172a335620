"""The workspace's settings: its name, zone, country, language and hours."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from babel import Locale
from flask import flash, make_response, redirect, render_template, request, url_for
from flask_babel import get_locale  # type: ignore[import-untyped]
from werkzeug.wrappers import Response

from hub.db.tables import Workspace
from hub.web.audit import note
from hub.web.i18n import LOCALES, _
from hub.web.pages import pages
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.routing.hours import WEEKDAY_NAMES, WrongHours, in_short, read_form
from hub.web.services import web

_LONGEST_NAME = 200
_FIELDS = ("name", "timezone", "region", "locale")
_NOT_FOR_PEOPLE = ("Etc/", "SystemV/", "US/", "posix", "right", "Factory", "localtime")


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """Every time zone that a place is named after, and UTC."""
    return (
        *sorted(name for name in available_timezones() if "/" in name and not name.startswith(_NOT_FOR_PEOPLE)),
        "UTC",
    )


@lru_cache(maxsize=8)
def countries(locale: str) -> Mapping[str, str]:
    """Every country whose numbers can be read: its code to its name in `locale`, by name."""
    names = Locale(locale).territories
    known = {code: str(names.get(code, code)) for code in phonenumbers.SUPPORTED_REGIONS}
    return dict(sorted(known.items(), key=lambda item: item[1]))


@pages.get("/admin/workspace")
@needs(Right.WORKSPACE)
def workspace() -> str:
    with web().database.reading() as session:
        row = session.get_one(Workspace, this_person().workspace_id)
    return _page({name: getattr(row, name) for name in _FIELDS}, row.hours, {})


def _page(values: Mapping[str, str], hours: Mapping[str, Any], errors: Mapping[str, str]) -> str:
    return render_template(
        "office/settings.html",
        values=values,
        hours=hours,
        errors=errors,
        weekdays=WEEKDAY_NAMES,
        in_short=in_short,
        zones=zones(),
        countries=countries(str(get_locale() or "en")),
    )


@pages.post("/admin/workspace")
@needs(Right.WORKSPACE_EDIT)
def change_workspace() -> Response:
    """Keep the settings; nothing of them when one is wrong."""
    if "name" not in request.form:
        flash(_("Nothing was changed."), "warn")
        return redirect(url_for("pages.workspace"), code=303)
    values = {name: request.form.get(name, "").strip() for name in _FIELDS}
    errors = _mistakes(values)
    hours: Mapping[str, Any] = {}
    try:
        hours = read_form(request.form)
    except WrongHours as error:
        errors["hours"] = str(error)
    if errors:
        typed: dict[str, Any] = {day: request.form.get(day, "").split(",") for day in (*WEEKDAY_NAMES, "holidays")}
        typed["zone"] = request.form.get("zone", "")
        return make_response(_page(values, typed if request.form.get("own") == "yes" else {}, errors), 422)
    said = _keep(values, hours)
    flash(_("Kept."), "good") if said else flash(_("Nothing was changed."), "warn")
    return redirect(url_for("pages.workspace"), code=303)


def _mistakes(values: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, by field, in the reader's words."""
    found = {}
    if not values["name"] or len(values["name"]) > _LONGEST_NAME or not values["name"].isprintable():
        found["name"] = _("Write a name of 1 to 200 characters.")
    if values["timezone"] not in available_timezones():
        found["timezone"] = _("There is no such time zone; choose one of the list, like Europe/Moscow.")
    if values["region"] not in phonenumbers.SUPPORTED_REGIONS:
        found["region"] = _("Choose a country of the list.")
    if values["locale"] not in LOCALES:
        found["locale"] = _("Choose a language of the list.")
    return found


def _keep(values: Mapping[str, str], hours: Mapping[str, Any]) -> list[str]:
    """Write what differs and note it; returns what that was."""
    person = this_person()
    with web().database.transaction() as session:
        row = session.get_one(Workspace, person.workspace_id, with_for_update=True)
        said = [
            f"{name}: {getattr(row, name)} → {value}" for name, value in values.items() if getattr(row, name) != value
        ]
        for name, value in values.items():
            setattr(row, name, value)
        if row.hours != hours:
            row.hours = dict(hours)
            said.append("hours")
        if said:
            note(session, person, "workspace.change", ", ".join(said))
    return said
