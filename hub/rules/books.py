"""One rule book on its way through past calls: what it made of a client, and whose turn it was, counts from then on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlalchemy.orm import Session

from hub.domain.party import ClientHistory
from hub.domain.treatment import PersonState
from hub.rules.gather import Contacted, Gathered, told
from hub.rules.known import Known, state_at
from hub.rules.tried import PastRequest
from hub.rules.turns import queues_of, standing_queues, taken_turns
from mapping.facts import PlanFacts
from mapping.forecast import CrmWays, Forecast, forecast
from mapping.model import Rules
from mapping.turns import Queue, after

_A_TASK = ClientHistory(("earlier",))


@dataclass
class PastTurns:
    """The queues as they stood before the first of the calls, and whose turn was used up by which of them."""

    queues: dict[str, Queue] = field(default_factory=dict)
    taken: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, subject: str) -> dict[str, Queue]:
        mine = self.taken.get(subject, {})
        return {name: replace(queue, taken=mine.get(name)) for name, queue in self.queues.items()}


class Subject(Contacted, Protocol):
    """A call or a request: `uid` names it in CRMs."""

    @property
    def uid(self) -> str: ...


def turns_before(session: Session, connection_id: int, rules: Rules, rows: Sequence[Subject]) -> PastTurns:
    """What the book starts from; `rows` has the oldest first."""
    names = queues_of(rules)
    if not names or not rows:
        return PastTurns()
    queues = standing_queues(session, connection_id, names, before=rows[0].started_at)
    return PastTurns(queues, taken_turns(session, connection_id, [row.uid for row in rows]))


class Book:
    """Calls and requests are applied the oldest first."""

    def __init__(self, rules: Rules, version: int, ways: CrmWays, turns: PastTurns) -> None:
        self._rules = rules
        self._version = version
        self._ways = ways
        self._turns = turns
        self._made: dict[str, PersonState] = {}
        self._began: dict[str, PersonState] = {}
        self._has_task: dict[str, bool] = {}
        self._differs: set[str] = set()

    @property
    def ways(self) -> CrmWays:
        return self._ways

    def apply(self, plain: PlanFacts, row: Subject, gathered: Gathered) -> tuple[PlanFacts, Forecast]:
        """The facts as this book sees them, and what it makes of them."""
        client = row.client_e164 or ""
        known = gathered.clients.get(client, Known())
        rules = replace(plain, rules=self._rules, rules_version=self._version, queues=self._turns.of(row.uid))
        facts = told(rules, row, gathered)
        self._began.setdefault(client, state_at(known, row.id))
        facts = replace(facts, person=self._person(facts, client))
        has_task = self._has_task.setdefault(client, facts.after_missed and self._rules.tasks.make)
        if isinstance(row, PastRequest):  # one that fails leaves a task, whatever else is open
            found = forecast(facts, self._ways, row.plan(facts))
        else:
            facts = replace(facts, history=_A_TASK) if has_task else facts
            found = forecast(facts, self._ways)
        self._note(found, row, known)
        return facts, found

    def _person(self, facts: PlanFacts, client: str) -> PersonState:
        """What the CRM said, as long as this book has made of the client what was really made of them."""
        if client in self._differs:
            return self._made.get(client, self._began[client])
        return facts.person

    def _note(self, found: Forecast, row: Subject, known: Known) -> None:
        client = row.client_e164 or ""
        if found.becomes is not None:
            self._made[client] = found.becomes
        if found.becomes != known.became(row.id):
            self._differs.add(client)
        for turn in found.turns:
            self._turns.queues[turn.name] = after(self._turns.queues.get(turn.name, Queue()), turn.user_id)
        did = {(effect.act, effect.what) for effect in found.effects}
        if ("created", "task") in did:
            self._has_task[client] = True
        elif ("changed", "task_closed") in did:
            self._has_task[client] = False
