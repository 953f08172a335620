"""Bitrix24 as the hub's contract wants a CRM."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.bitrix24 import calls, cards, clients, lookup, ordered, recordings, requests
from connectors.bitrix24.client import Portal
from connectors.bitrix24.directory import active_users
from connectors.bitrix24.envelope import mapping, text
from connectors.bitrix24.errors import Refused
from connectors.bitrix24.hosts import host_of
from connectors.bitrix24.rights import require_rights
from connectors.bitrix24.settings import portal_settings
from connectors.bitrix24.steps import steps_for
from connectors.contract import (
    Absent,
    ConnectionFacts,
    CrmUser,
    Door,
    LookUp,
    Step,
    StepResult,
    StepSpec,
    Unclear,
    Unsupported,
)
from hub.domain.access import QuotaRule
from hub.domain.intents import Intent

_PERFORM: dict[str, Callable[[Step, Portal], StepResult]] = {
    "client": clients.meet,
    "register": calls.register,
    "request": requests.take,
    "deal": requests.add_deal,
    "show": calls.show,
    "hide": calls.hide,
    "finish": calls.finish,
    "source": cards.set_source,
    "trace": cards.add_trace,
    "record": recordings.attach,
    "transcript": calls.attach_transcript,
    "note": cards.add_note,
    "card": ordered.set_card,
    "task": cards.add_task,
    "close_task": cards.close_task,
}

_ALWAYS = frozenset({"client", "request", "close_task"})

_LOOK_UP: dict[str, Callable[[Step, Portal], LookUp]] = {
    "client": clients.met,
    "register": lookup.registered,
    "deal": requests.deal_added,
    "request": requests.taken,
    "finish": lookup.finished,
    "trace": lookup.trace_added,
    "record": lookup.recorded,
    "transcript": lookup.transcribed,
    "note": lookup.note_added,
    "task": lookup.task_added,
}


class Bitrix24Crm:
    """Fills `connectors.contract.Crm`. What a step does is the part of its key before the colon."""

    def steps(self, intent: Intent) -> Sequence[StepSpec] | Unsupported:
        return steps_for(intent)

    def perform(self, step: Step, door: Door) -> StepResult:
        """A call of which the rules want nothing written is not registered, and nothing hangs on it."""
        unwanted = clients.is_unwanted(step) if _action(step) not in _ALWAYS else None
        return unwanted or _PERFORM[_action(step)](step, Portal(door))

    def look_up(self, step: Step, door: Door) -> LookUp:
        """Steps that may be repeated are always `Absent`. Raises delivery errors when the portal cannot be asked.

        A portal that refuses to tell (no right to view the statistics) leaves it `Unclear`.
        """
        look = _LOOK_UP.get(_action(step))
        if look is None:
            return Absent()
        try:
            return look(step, Portal(door))
        except Refused as refusal:
            return Unclear(refusal.message)

    def quota(self, connection: ConnectionFacts) -> QuotaRule:
        """The portal's leaky bucket, shared by all that one address of ours asks of it (bitrix24.md §2.4)."""
        portal = portal_settings(connection)
        whose = host_of(portal.client_endpoint) if portal.webhook else portal.member_id
        capacity, per_second = (250.0, 5.0) if portal.enterprise else (50.0, 2.0)
        return QuotaRule(f"bitrix24:{whose}", capacity, per_second)

    def users(self, door: Door) -> Sequence[CrmUser]:
        return active_users(Portal(door))


def _action(step: Step) -> str:
    return step.key.partition(":")[0]


def check(door: Door) -> str:
    """Harmless reads: `app.info`, or `profile` for a webhook, which has no application; then the rights."""
    portal = Portal(door)
    said = _how_it_answers(portal)
    require_rights(portal)
    return said


def _how_it_answers(portal: Portal) -> str:
    if portal.settings.webhook:
        name = text(mapping(portal.call("profile", {}, write=False)).get("NAME"))
        return f"{portal.host} answers; the webhook acts as {name or 'its creator'}."
    installed = mapping(portal.call("app.info", {}, write=False)).get("INSTALLED")
    if installed in (False, "N"):
        return f"{portal.host} answers, but the application is not fully installed: it will get no events."
    return f"{portal.host} answers; the application is installed."
