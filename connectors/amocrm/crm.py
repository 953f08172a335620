"""amoCRM as the hub's contract wants a CRM."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.amocrm import calls, cards, create, ordered, recordings, reference
from connectors.amocrm.client import Account
from connectors.amocrm.envelope import mapping, text
from connectors.amocrm.errors import Refused
from connectors.amocrm.hosts import host_of, is_kommo
from connectors.amocrm.memory import Memory
from connectors.amocrm.settings import account_settings
from connectors.amocrm.steps import steps_for
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
from hub.domain.treatment import LeadOutcome, PersonState

_AT_ONCE = 2.5
_PER_SECOND = 5.0
"""Of a bucket the hub uses four fifths: two at once and five a second are never more than the seven of any second."""
_ACCOUNT_AT_ONCE = 12.5
_ACCOUNT_PER_SECOND = 30.0
"""Ten at once and thirty a second are never more than forty of the fifty."""

_PERFORM: dict[str, Callable[[Step, Account], StepResult]] = {
    "show": calls.show,
    "find": create.find,
    "create": create.create,
    "call": calls.log,
    "source": cards.set_source,
    "record": recordings.attach,
    "note": cards.add_note,
    "card": ordered.set_card,
    "task": cards.add_task,
    "close_task": cards.close_task,
}

_ALWAYS = frozenset({"show", "find", "create", "close_task"})

_LOOK_UP: dict[str, Callable[[Step, Account], LookUp]] = {
    "create": create.made,
    "call": calls.logged,
    "record": recordings.attached,
    "note": cards.note_added,
    "task": cards.task_added,
}


class AmocrmCrm:
    """Fills `connectors.contract.Crm`. What a step does is the part of its key before the colon."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()

    def steps(self, intent: Intent) -> Sequence[StepSpec] | Unsupported:
        return steps_for(intent)

    def perform(self, step: Step, door: Door) -> StepResult:
        """Of a client of whom the rules want nothing written nothing is: neither the call nor what hangs on it."""
        if _action(step) not in _ALWAYS and _is_unwanted(step):
            return {"skipped": "the rules want nothing written of such a client"}
        return _PERFORM[_action(step)](step, Account(door, self._memory))

    def look_up(self, step: Step, door: Door) -> LookUp:
        """Steps that may be repeated are always `Absent`. Raises delivery errors when amoCRM cannot be asked."""
        look = _LOOK_UP.get(_action(step))
        if look is None:
            return Absent()
        try:
            return look(step, Account(door, self._memory))
        except Refused as refusal:
            return Unclear(refusal.message)

    def quota(self, connection: ConnectionFacts) -> QuotaRule:
        """amoCRM counts by integration and account, Kommo by the address that asks (amocrm.md §2.1).

        Beside that an account takes 50 a second of all integrations together, of which ours must not be all.
        """
        base_url = account_settings(connection).base_url
        of_account = QuotaRule(f"amocrm:account:{host_of(base_url)}", _ACCOUNT_AT_ONCE, _ACCOUNT_PER_SECOND)
        if is_kommo(base_url):
            return QuotaRule("amocrm:kommo", _AT_ONCE, _PER_SECOND, of_account)
        client_id = connection.secrets.get("client_id", "")
        return QuotaRule(f"amocrm:{client_id}:{host_of(base_url)}", _AT_ONCE, _PER_SECOND, of_account)

    def users(self, door: Door) -> Sequence[CrmUser]:
        return reference.users(Account(door, self._memory))


def _is_unwanted(step: Step) -> bool:
    """By what amoCRM said of the client when it was asked last."""
    person = text(step.done.get("create", {}).get("person") or step.done.get("find", {}).get("person"))
    return bool(person) and step.intent.call.orders.treatment(PersonState(person)).outcome is LeadOutcome.NOTHING


def _action(step: Step) -> str:
    return step.key.partition(":")[0]


def check(door: Door) -> str:
    """One harmless read: the account itself."""
    account = Account(door)
    name = text(mapping(account.read("account")).get("name"))
    host = host_of(account.base_url)
    return f"{host} answers; the account is «{name}»." if name else f"{host} answers."
