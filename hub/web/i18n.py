"""Languages and times of the pages: the user's choice, else what the browser asks for."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask, has_request_context, request, session
from flask_babel import (  # type: ignore[import-untyped]
    Babel,
    format_datetime,
    get_locale,
    lazy_gettext,
)
from flask_babel import gettext as _gettext
from flask_babel import ngettext as _ngettext

from hub.web.people import current_person
from hub.web.services import web

LOCALES = {"ru": "Русский", "en": "English"}
_FALLBACK = "ru"


def _(text: str, **values: object) -> str:
    """`text` in the language of this request."""
    return str(_gettext(text, **values))


def _n(one: str, many: str, number: int) -> str:
    """One of two texts by `number`, which they may show as %(num)d."""
    return str(_ngettext(one, many, number))


def _l(text: str) -> str:
    """`text`, translated when it is shown: for tables that are made at import."""
    lazy: str = lazy_gettext(text)
    return lazy


def locale_of_request() -> str:
    """ "ru" or "en": the user's setting, then what a stranger chose, then Accept-Language."""
    if not has_request_context():
        return _FALLBACK
    person = current_person()
    for chosen in (person.locale if person else None, session.get("locale")):
        if chosen in LOCALES:
            return str(chosen)
    return request.accept_languages.best_match(list(LOCALES)) or _FALLBACK


def _zone_of_request() -> ZoneInfo:
    person = current_person() if has_request_context() else None
    return person.zone if person else ZoneInfo("UTC")


def show_moment(value: datetime | None) -> str:
    """Day and time to the minute, in the workspace's zone; the year when it is not this one."""
    if value is None:
        return "—"
    this_year = value.year == web().services.now().year
    return str(format_datetime(value, "d MMM, HH:mm" if this_year else "d MMM y, HH:mm"))


def show_clock(value: datetime | None) -> str:
    """The time of day to the second."""
    return "—" if value is None else str(format_datetime(value, "HH:mm:ss"))


def show_hour(value: datetime) -> str:
    return str(format_datetime(value, "HH"))


def show_day(value: datetime) -> str:
    return str(format_datetime(value, "EEEE, d MMMM"))


def show_zone(value: datetime) -> str:
    """The zone as people call it, like "GMT+3" or "Moscow Time"."""
    return str(format_datetime(value, "zzzz"))


def zone_now() -> str:
    """The zone that every time of the pages is in."""
    return show_zone(web().services.now())


def show_seconds(seconds: int | None) -> str:
    """A duration as people say it: "45 s", "3 min 05 s", "1 h 02 min"."""
    if not seconds:
        return "—"
    minutes, rest = divmod(int(seconds), 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return _("%(hours)d h %(minutes)02d min", hours=hours, minutes=left)
    if minutes:
        return _("%(minutes)d min %(seconds)02d s", minutes=minutes, seconds=rest)
    return _("%(seconds)d s", seconds=rest)


def init_languages(app: Flask) -> None:
    Babel(app, locale_selector=locale_of_request, timezone_selector=_zone_of_request)
    filters = {
        "moment": show_moment, "clock": show_clock, "hour": show_hour, "day": show_day, "zone": show_zone,
        "seconds": show_seconds,
    }  # fmt: skip
    app.jinja_env.filters.update(filters)
    app.jinja_env.globals.update(
        locales=LOCALES, zone_now=zone_now, current_locale=lambda: str(get_locale() or _FALLBACK)
    )
