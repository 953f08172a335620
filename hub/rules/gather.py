"""What the planner is told of calls beyond the calls themselves: who the client is, what was before, who is at work.

The same reading serves one call that is being planned and thousands that are tried in a dry run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy.orm import Session

from connectors.contract import ClientNow, CrmRules
from hub.db.tables import Connection, Workspace
from hub.domain.call import Outcome
from hub.domain.party import Employee
from hub.domain.treatment import PersonState
from hub.routing.hours import Hours, read_hours
from hub.routing.staff import Staff
from hub.rules.known import Known, read_clients, state_at
from mapping.facts import PlanFacts
from mapping.model import PolicyRule, Rules, TaskRules, Who

_OPENINGS_DAYS = 30


class Contacted(Protocol):
    """What is asked of a call, or of a request that is no call yet, to gather what is known of its client."""

    @property
    def id(self) -> int: ...
    @property
    def client_e164(self) -> str | None: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...
    @property
    def outcome(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that plans of one workspace's calls for one CRM connection take from the database."""

    hours: Hours
    clients: Mapping[str, Known] = field(default_factory=dict)


def gather(
    session: Session,
    crm: Connection,
    rules: CrmRules,
    rows: Sequence[Contacted],
    asked: Mapping[str, ClientNow] | None = None,
) -> Gathered:
    """Read what is known of the clients of `rows`, in a few questions however many there are.

    What the CRM said of a client just now (`asked`, by E.164) stands before what the index remembers.
    """
    workspace = session.get_one(Workspace, crm.workspace_id)
    numbers = sorted({row.client_e164 for row in rows if row.client_e164})
    first = min((row.started_at for row in rows), default=datetime.max.replace(tzinfo=UTC))
    clients = read_clients(session, crm, rules, numbers, first, asked or {})
    return Gathered(read_hours(workspace.hours, workspace.timezone), clients)


# --- For one call ---------------------------------------------------------------------------------------


def told(facts: PlanFacts, row: Contacted, gathered: Gathered) -> PlanFacts:
    """`facts` with everything that was gathered of this call's client. `facts.rules` must be set already."""
    known = gathered.clients.get(row.client_e164 or "", Known())
    rules = facts.rules_of
    state = state_at(known, row.id)
    return replace(
        facts,
        employees={**facts.employees, **_own_employees(rules)},
        person=state,
        owner_user_id=known.owner_user_id if state is not PersonState.UNKNOWN else None,
        client_name=known.name,
        vip=known.vip,
        after_hours=not gathered.hours.is_open(row.started_at),
        after_missed=_after_missed(known, row, timedelta(hours=rules.quality.missed_hours)),
        first_call=not _called_within(known, row, timedelta(days=rules.quality.unique_days)),
        openings=()
        if row.outcome == Outcome.ANSWERED
        else _openings(gathered.hours, rules.tasks, row.ended_at or row.started_at),
    )


def _own_employees(rules: Rules) -> dict[str, Employee]:
    return {one.extension: Employee(one.name or one.extension, one.extension, one.user) for one in rules.employees}


def _before(known: Known, row: Contacted, within: timedelta) -> Iterable[tuple[int, datetime, str | None, str]]:
    return (
        call
        for call in known.calls
        if (call[1], call[0]) < (row.started_at, row.id) and row.started_at - call[1] <= within
    )


def _after_missed(known: Known, row: Contacted, within: timedelta) -> bool:
    """Whether the client's last call before this one was missed and nobody has talked to them since."""
    missed = False
    for _, _, direction, outcome in _before(known, row, within):
        if outcome == "answered":
            missed = False
        elif direction == "inbound" and outcome == "missed":
            missed = True
    return missed


def _called_within(known: Known, row: Contacted, within: timedelta) -> bool:
    return any(True for _ in _before(known, row, within))


def _openings(hours: Hours, tasks: TaskRules, since: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """The working hours in which the task's time runs, no more than it needs; none when all time counts."""
    left, found = timedelta(minutes=tasks.within_minutes), []
    first = since.date() - timedelta(days=1)
    for days in range(_OPENINGS_DAYS if tasks.working_hours else 0):
        for opens, closes in sorted(hours.spans(first + timedelta(days=days))):
            if closes > since:
                found.append((opens, closes))
                left -= closes - max(opens, since)
        if left <= timedelta():
            break
    return tuple(found)


def ask_for_duty(rules: Rules) -> bool:
    """Whether the rules want to know who is at work."""
    lists: list[PolicyRule | TaskRules] = [*rules.policy, rules.tasks]
    return any(Who.ON_DUTY in (one.responsible if isinstance(one, PolicyRule) else one.who) for one in lists)


def on_duty(staff: Staff, crm: Connection, at: datetime) -> tuple[str, ...]:
    """The CRM users who are at work at that moment."""
    return tuple(
        person.users[crm.id]
        for person in staff.colleagues
        if crm.id in person.users and not person.absent(at) and (person.hours or staff.hours).is_open(at)
    )
