"""How callbacks are made, what they may cost, and the switch that stops them all."""

from __future__ import annotations

import re
from dataclasses import fields, replace

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from hub.callbacks.rules import Limit, Rules
from hub.callbacks.store import local_day, read_rules
from hub.db.callbacks import CallbackDay, CallbackRules
from hub.db.tables import Connection, Workspace
from hub.domain.codec import to_document
from hub.web.audit import note
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.services import web

SCOPES = ("number", "visitor", "ip", "site", "workspace")
_EXTENSION = re.compile(r"[0-9]{1,10}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_LARGEST = 10**9
_LONGEST_RETRY_SECONDS = 7 * 86_400
_MOST_ROUNDS = 10


class Mistake(ValueError):
    """A field that cannot be kept, in words for people."""


@pages.get("/admin/callbacks/settings")
@needs(Right.CALLBACKS)
def callback_settings() -> str:
    with web().database.reading() as session:
        rules, stopped = read_rules(session, this_person().workspace_id)
        today = _today(session, this_person().workspace_id)
        asks_for_key = _asks_for_key(session, this_person().workspace_id)
    return render_template(
        "callbacks/settings.html", rules=rules, stopped=stopped, today=today, limits=_limit_lines(rules),
        asks_for_key=asks_for_key,
    )  # fmt: skip


def _asks_for_key(session: Session, workspace_id: int) -> bool:
    """Whether a PBX of the workspace can ask the employee for a key."""
    registry = web().services.registry
    able = [vendor for vendor, connector in registry.items() if connector.key_press is not None]
    mine = (Connection.workspace_id == workspace_id, Connection.vendor.in_(able))
    return session.scalar(select(Connection.id).where(*mine).limit(1)) is not None


def _today(session: Session, workspace_id: int) -> CallbackDay | None:
    workspace = session.get_one(Workspace, workspace_id)
    return session.get(CallbackDay, (workspace_id, local_day(web().services.now(), workspace.timezone)))


@pages.post("/admin/callbacks/settings")
@needs(Right.CALLBACKS_EDIT)
def put_callback_settings() -> Response:
    try:
        with web().database.transaction() as session:
            row = _row(session, this_person().workspace_id)
            rules, _stopped = read_rules(session, row.workspace_id)
            changed = read_form(request.form, rules)
            row.document = to_document(changed)
            if changed != rules:
                note(session, this_person(), "callbacks.settings", _difference(rules, changed))
        flash(_("The settings are kept."))
    except Mistake as mistake:
        flash(str(mistake), "bad")
    return redirect(url_for("pages.callback_settings"))


def _difference(before: Rules, after: Rules) -> str:
    """The names of the settings that differ."""
    return ", ".join(one.name for one in fields(Rules) if getattr(before, one.name) != getattr(after, one.name))


@pages.post("/admin/callbacks/stop")
@needs(Right.CALLBACKS_EDIT)
def stop_callbacks() -> Response:
    """The kill switch, both ways."""
    stop = request.form.get("stop") == "1"
    with web().database.transaction() as session:
        row = _row(session, this_person().workspace_id)
        row.stopped, row.stopped_because = stop, this_person().email[:300] if stop else ""
        if stop:
            note(session, this_person(), "callbacks.stop", "callbacks")
        else:
            note(session, this_person(), "callbacks.start", "callbacks")
    flash(_("Callbacks are switched off.") if stop else _("Callbacks are switched on."))
    return redirect(url_for("pages.callback_settings"))


def _row(session: Session, workspace_id: int) -> CallbackRules:
    row = session.scalar(select(CallbackRules).where(CallbackRules.workspace_id == workspace_id).with_for_update())
    if row is None:
        row = CallbackRules(workspace_id=workspace_id, document=to_document(Rules()))
        session.add(row)
        session.flush()
    return row


# --- Reading the form ---------------------------------------------------------------------------------


def read_form(form: MultiDict[str, str], rules: Rules) -> Rules:
    """The rules as the form has them. Raises `Mistake`; the rest of `rules` stays as it is."""
    return replace(
        rules,
        group=_one(form, "group", _EXTENSION),
        managers=tuple(_many(form, "managers", _EXTENSION)),
        client_first=form.get("client_first") == "1",
        owner_first=form.get("owner_first") == "1",
        key_press=form.get("key_press") == "1",
        most_managers=_number(form, "most_managers", 1, 50),
        operator_retries=_seconds(form, "operator_retries"),
        client_retries=_seconds(form, "client_retries"),
        line=_one(form, "line", re.compile(r"\+?[0-9]{7,15}")),
        countries=tuple(_many(form, "countries", _COUNTRY)),
        call_cost=_number(form, "call_cost", 0, _LARGEST),
        day_cap=_number(form, "day_cap", 0, _LARGEST),
        alarm_per_hour=_number(form, "alarm_per_hour", 1, _LARGEST),
        visitor_from=_one(form, "visitor_from", _CLOCK) or rules.visitor_from,
        visitor_until=_one(form, "visitor_until", _CLOCK) or rules.visitor_until,
        limits=_limits(form),
    )


def _limit_lines(rules: Rules) -> str:
    return "\n".join(f"{limit.scope} {limit.most} {limit.seconds}" for limit in rules.limits)


def _limits(form: MultiDict[str, str]) -> tuple[Limit, ...]:
    found = []
    for line in form.get("limits", "").splitlines():
        words = line.split()
        if not words:
            continue
        numbers = words[1:] if len(words) == 3 else []
        if words[0] not in SCOPES or not numbers or not all(word.isdigit() and len(word) < 9 for word in numbers):
            raise Mistake(_("A limit is written like “number 2 900”, not “%(line)s”.", line=line[:80]))
        found.append(Limit(words[0], int(numbers[0]), int(numbers[1])))
    return tuple(found)


def _one(form: MultiDict[str, str], name: str, pattern: re.Pattern[str]) -> str:
    text = form.get(name, "").strip()
    if text and not pattern.fullmatch(text):
        raise Mistake(_("“%(value)s” cannot be kept.", value=text[:80]))
    return text


def _many(form: MultiDict[str, str], name: str, pattern: re.Pattern[str]) -> list[str]:
    words = re.split(r"[\s,;]+", form.get(name, "").strip().upper())
    wrong = next((word for word in words if word and not pattern.fullmatch(word)), None)
    if wrong is not None:
        raise Mistake(_("“%(value)s” cannot be kept.", value=wrong[:80]))
    return [word for word in words if word]


def _number(form: MultiDict[str, str], name: str, least: int, most: int) -> int:
    text = form.get(name, "").strip()
    if not text.isascii() or not text.isdigit() or not least <= int(text[:12]) <= most:
        raise Mistake(_("“%(value)s” cannot be kept.", value=text[:80]))
    return int(text)


def _seconds(form: MultiDict[str, str], name: str) -> tuple[int, ...]:
    words = _many(form, name, re.compile(r"[0-9]{1,6}"))
    if len(words) > _MOST_ROUNDS or any(int(word) > _LONGEST_RETRY_SECONDS for word in words):
        raise Mistake(_("At most ten rounds, each within a week."))
    return tuple(int(word) for word in words)
