"""A workspace in which every kind of reason is kept somewhere, in both languages where rows keep both."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

from sqlalchemy.orm import Session

from hub.callbacks.rules import Rules
from hub.callbacks.words import WORDS as CALLBACK_WORDS
from hub.db.callbacks import CallbackRow, CallbackStep
from hub.db.engine import Database
from hub.db.routing import CommandRow, OwnerSync, PhoneOwner, RouteDecision
from hub.db.statements import NoticeRow
from hub.db.tables import AuditRow, CallRow, Connection, RecordingRow
from hub.db.tracking import AttributionRow, SiteAlarm, SiteRow, VisitRow
from hub.db.work import DeliveryAttempt, DeliveryRow, InboxRow
from hub.delivery.reconcile.difference import Kind
from hub.delivery.reference import Said
from hub.domain.attribution import Attribution, Model
from hub.domain.codec import to_document
from hub.routing.decide import Reason, RuleTried
from hub.routing.decide import Said as Fact
from hub.web.office.words import ACTIONS
from hub.web.routing.words import COMMAND_KINDS, COMMAND_STATES, FACTS
from hub.web.told import KNOWN, crm, delivery, intake, wire
from hub.web.words import ALARMS, ATTEMPTS, DELIVERY_STATES, INBOX_STATES, INTENTS, PARTIES
from mapping.words import WORDS
from tests.web.rule_books import add_rules
from tests.web.seed import NOW, Seeded, add_delivery, add_item
from tests.web.test_evidence_words import SENTENCES
from tests.web.test_statements import add_statement

SAMPLES = {
    "state": "dead",
    "words": "the call is on no card",
    "cause": "a header or the address has characters not allowed",
}
SUBJECTS = {
    "rules.draft": "b24: draft 3", "rules.publish": "b24: version 2", "vip.import": "1 new, 2 changed, 3 removed",
    "block.add": "number +7900", "block.remove": "visitor 7", "user.add": "vera@acme.example: agent",
    "user.change": "vera@acme.example: agent → auditor, Анна", "user.remove": "vera@acme.example: admin",
    "workspace.change": "timezone: Europe/Moscow → Asia/Omsk, region: 1 → 2, locale: 1 → 2, hours",
    "callbacks.settings": ", ".join(one.name for one in fields(Rules)), "callbacks.stop": "callbacks",
    "callbacks.start": "callbacks", "bitrix24_removed": "wiped", "routing.put_hours": "workspace",
    "routing.put_routing_settings": "settings", "provisioning.apply": "+ connection b24 (Bitrix24)",
}  # fmt: skip
"""What the log says of actions that have more to tell than a name."""
PLACE = re.compile(r"\{(\w+)\}|%\((\w+)\)s")


def filled(template: str) -> str:
    """A sentence of that template, with a figure or another sentence in each of its places."""
    return PLACE.sub(lambda place: SAMPLES.get(place[1] or place[2], "7"), template)


def add_reasons(database: Database, seeded: Seeded) -> dict[str, Any]:
    """Rows with reasons of every kind. Returns ids of things to be looked at, by the names of their places."""
    statement_id = add_statement(database, seeded, NOW.date(), **_statement())
    item_id = [add_item(database, seeded, reason=filled(reason)) for reason in intake.SENTENCES][-1]
    with database.transaction() as session:
        call_id = max(row.id for row in session.query(CallRow))
    for state, words in zip(cycle(DELIVERY_STATES), KNOWN, strict=False):
        add_delivery(database, seeded, call_id, state=state, words=filled(words))
    with database.transaction() as session:
        _plan(session, call_id)
        _deliveries(session, call_id)
        _inbox(session, seeded)
        _recordings(session, seeded, call_id)
        _routing(session, seeded, call_id)
        _connections(session, seeded)
        _audit(session, seeded)
        add_rules(session, seeded)
        _tracking(session, seeded, call_id)
        _desk(session, seeded, call_id)
        callback_id = _callbacks(session, seeded)
    return {"statement_id": statement_id, "item_id": item_id, "call_id": call_id, "callback_id": callback_id}


def _statement() -> dict[str, Any]:
    differences = [
        {"kind": str(kind), "call_id": None, "call_key": "abc", "connection": "b24", "words": filled(words)}
        for kind, words in zip(cycle(Kind), delivery.SENTENCES, strict=False)
    ]
    crm_side = {"connection": "b24", "asked": False, "expected": 1, "logged": 1, "under_way": 0}
    return {
        "pbx": {"asked": False, "reason": "Mango Office keeps no history that the hub can ask for", "calls": 0},
        "crm": [{**crm_side, "reason": filled(wire.SENTENCES[1])}],
        "differences": differences,
        "repairs": [{**one, "at": "2026-05-13T09:15:00+00:00"} for one in differences],
    }


def reasons_of_the_planner() -> Iterable[str]:
    """Every sentence that the planner puts into a why-trace, in both languages."""
    left_out = (
        "missed_t",
        "recording",
        "request_",
        "callback_failed_t",
        "visit_",
        "unknown_",
        "page_",
        "wrong_",
        "room_",
    )
    for key, said in WORDS.items():
        if not key.startswith(
            (*left_out, "part_", "line_", "detail_", "flag_", "preset_name", "act_", "what_", "outcome_")
        ):
            for words in said.values():
                yield filled(words)


def _plan(session: Session, call_id: int) -> None:
    row = session.get_one(CallRow, call_id)
    fields = cycle(["", "user_id", "creates_lead", "source", "crm_source", "deadline"])
    sentences = [one for one in reasons_of_the_planner() if not _is_a_label(one)]
    why = [{"field": field, "rule": rule, "fact": rule} for field, rule in zip(fields, sentences, strict=False)]
    unsupported = cycle(filled(one) for one in crm.SENTENCES)
    row.plan_trace = [{"kind": kind, "key": "k", "why": why, "unsupported": next(unsupported)} for kind in INTENTS]


def _is_a_label(sentence: str) -> bool:
    """Whether it only stands inside a reason: a situation, or what a client is."""
    inside = ("situation_", "person_", "recordings_a", "recordings_l", "recordings_n", "open_deal_", "turn_")
    return any(sentence in said.values() for key, said in WORDS.items() if key.startswith(inside))


def _deliveries(session: Session, call_id: int) -> None:
    rows = session.query(DeliveryRow).filter_by(call_id=call_id).all()
    for row, sentence, outcome in zip(rows, KNOWN, cycle(ATTEMPTS), strict=False):
        row.result = {"skipped": filled(sentence)}
        words = f"Bitrix24: No such lead (ERROR). {filled(sentence)}"
        session.add(DeliveryAttempt(delivery_id=row.id, at=NOW, outcome=outcome, words=words, took_ms=3))


def _inbox(session: Session, seeded: Seeded) -> None:
    for state in INBOX_STATES:
        session.add(
            InboxRow(
                connection_id=seeded.pbx_id, dedupe_key=state, topic="events/call", body=b"{}", received_at=NOW,
                state=state, reason=filled(intake.SENTENCES[0]), due_at=NOW,
            )
        )  # fmt: skip


def _recordings(session: Session, seeded: Seeded, call_id: int) -> None:
    for state in ("wanted", "failed"):
        session.add(
            RecordingRow(
                workspace_id=seeded.workspace_id, call_id=call_id, connection_id=seeded.pbx_id, recording_key=state,
                token=state * 4, state=state, reason="no recording within 7 days: the file is neither MP3 nor WAV",
                next_attempt_at=NOW, created_at=NOW,
            )
        )  # fmt: skip


def _routing(session: Session, seeded: Seeded, call_id: int) -> None:
    values = {
        "name": "Анна",
        "why": "is absent",
        "extension": "101",
        "user": "7",
        "kind": "contact",
        "id": "5",
        "weight": "1",
        "total": "2",
    }
    steps = []
    for reason, template in zip(cycle(Reason), FACTS, strict=False):
        fact = Fact(str(template), values)
        steps.append(to_document(RuleTried(reason, took=False, fact=str(fact), says=fact)))
    place: dict[str, Any] = {"workspace_id": seeded.workspace_id, "connection_id": seeded.pbx_id, "call_id": call_id}
    for reason, asked_by in zip(Reason, cycle(("pbx", "call", "callback", "key")), strict=False):
        session.add(
            RouteDecision(**place, at=NOW, caller="+79001234567", asked_by=asked_by, reason=reason, steps=steps)
        )
    for number, (kind, state) in enumerate(zip(cycle(COMMAND_KINDS), COMMAND_STATES, strict=False)):
        session.add(
            CommandRow(
                **place, uid=f"u{number}", kind=kind, order={"to": "101"}, state=state, due_at=NOW, expires_at=NOW,
                created_at=NOW, last_error="its time passed before it could be sent",
            )
        )  # fmt: skip
    session.add(OwnerSync(connection_id=seeded.crm_id, started_at=NOW, last_error="a list in a batch gave no answer"))


def _connections(session: Session, seeded: Seeded) -> None:
    row = session.get_one(Connection, seeded.crm_id)
    row.state_reason, row.last_error = "Bitrix24: Wrong client (invalid_client)", filled(wire.SENTENCES[4])
    row.state_mend = "Connect Bitrix24 again: install the application anew or enter a new webhook."
    lists = [Said("gone", "lead_stage", "Новый", "1"), Said("renamed", "field", "Новый", "1", "Борис")]
    notices = {
        "reference_changed": "; ".join(one.words(locale) for one in lists for locale in ("ru", "en")),
        "callback_destination": CALLBACK_WORDS["alarm_destination"][1].format(where="+7900"),
        "callback_day_cap": CALLBACK_WORDS["alarm_day_cap"][0],
        "silence": "Nothing has come from mango.",
    }
    for kind, words in notices.items():
        session.add(
            NoticeRow(
                workspace_id=seeded.workspace_id, connection_id=seeded.pbx_id, kind=kind, words=words, since=NOW,
                made_at=NOW,
            )
        )  # fmt: skip


def _audit(session: Session, seeded: Seeded) -> None:
    for action in ACTIONS:
        row = AuditRow(workspace_id=seeded.workspace_id, at=NOW, actor="anna@acme.example", action=action)
        row.subject = SUBJECTS.get(action, "b24")
        session.add(row)


def _tracking(session: Session, seeded: Seeded, call_id: int) -> None:
    """An attribution with every reason, alarms of a site, and a visitor's device."""
    site = session.query(SiteRow).filter_by(workspace_id=seeded.workspace_id).one()
    site.settings = {"channels": ["paid_search", "organic_social"]}
    for kind in ALARMS:
        session.add(SiteAlarm(site_id=site.id, kind=kind, hour=datetime.now(UTC) - timedelta(minutes=5), times=3))
    session.query(VisitRow).one().device = "desktop Chrome Windows"
    answer = Attribution(f"c{call_id}", Model.UNKNOWN, None, 0.4, evidence=tuple(SENTENCES))
    session.add(
        AttributionRow(
            call_id=call_id, workspace_id=seeded.workspace_id, site_id=site.id, model=answer.model, called_at=NOW,
            probability=0.4, document=to_document(answer),
        )
    )  # fmt: skip


def _desk(session: Session, seeded: Seeded, call_id: int) -> None:
    """A call that rings at the agent's place, of somebody whom CRMs know as everything that there is."""
    row = session.get_one(CallRow, call_id)
    row.closing, row.outcome, row.missed_reason = "open", "in_progress", None
    row.facts = {**row.facts, "rung": ["101"], "ringing": ["101"]}
    for place, kind in enumerate(PARTIES):
        session.add(
            PhoneOwner(
                workspace_id=seeded.workspace_id, connection_id=seeded.crm_id, e164=row.client_e164, kind=kind,
                party_id=str(place), place=place, name="Анна", owner_user_id="7", seen_at=NOW,
            )
        )  # fmt: skip


def _callbacks(session: Session, seeded: Seeded) -> int:
    """A request for each reason of a failure; the first has every line of a story, in both languages."""
    reasons = [key.removeprefix("failed_") for key in CALLBACK_WORDS if key.startswith("failed_")]
    rows = [_failed(seeded, number, reason) for number, reason in enumerate((*reasons, "rang_in"))]
    session.add_all(rows)
    session.flush()
    for key, said in CALLBACK_WORDS.items():
        for number, words in enumerate(said):
            if key.startswith("story_"):
                line = words.format(
                    moment=("завтра в 09:00", "tomorrow at 09:00")[number], who="Анна", words="7",
                    reason=CALLBACK_WORDS["failed_busy"][number],
                )  # fmt: skip
                session.add(CallbackStep(callback_id=rows[0].id, at=NOW, state="failed", words=line))
    return rows[0].id


def _failed(seeded: Seeded, number: int, reason: str) -> CallbackRow:
    return CallbackRow(
        uid=f"failed-{number}", workspace_id=seeded.workspace_id, asked_by="site", e164=f"+790012399{number:02}",
        zone="Europe/Moscow", failed_because=reason, state="cancelled" if reason == "rang_in" else "failed",
        due_at=NOW, created_at=NOW - timedelta(hours=1), closed_at=NOW,
    )  # fmt: skip
