"""What the planner is told of calls beyond the calls themselves: who the client is, what was before, who is at work.

The same reading serves one call that is being planned and thousands that are tried in a dry run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import CrmRules
from hub.db.routing import PhoneOwner
from hub.db.tables import CallRow, Connection, Provisioned, Workspace
from hub.db.work import DeliveryRow
from hub.domain.call import Outcome
from hub.domain.intents import Lane
from hub.domain.party import Employee
from hub.domain.treatment import LIVE_STATES, PersonState
from hub.routing.hours import Hours, read_hours
from hub.routing.staff import Staff
from mapping.facts import PlanFacts
from mapping.model import PolicyRule, Rules, TaskRules, Who

_AT_ONCE = 500
_FURTHEST_BACK = timedelta(days=400)
_OPENINGS_DAYS = 30


@dataclass(frozen=True, slots=True)
class Known:
    """One client on one CRM connection. `calls`: id, start, direction and outcome of each, the oldest first.

    `made`: the calls for which the CRM made a card, the oldest first, each with what the client was afterwards.
    `found`: the calls of which the CRM said, as they were written, what the client was.
    """

    state: PersonState = PersonState.UNKNOWN
    owner_user_id: str | None = None
    name: str | None = None
    vip: bool = False
    calls: tuple[tuple[int, datetime, str | None, str], ...] = ()
    made: tuple[tuple[int, PersonState], ...] = ()
    found: Mapping[int, PersonState] = field(default_factory=dict)

    def became(self, call_id: int) -> PersonState | None:
        """What this call made of the client; None when it made nothing of them."""
        return dict(self.made).get(call_id)


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


def gather(session: Session, crm: Connection, rules: CrmRules, rows: Sequence[Contacted]) -> Gathered:
    """Read what is known of the clients of `rows`, in a few questions however many there are."""
    workspace = session.get_one(Workspace, crm.workspace_id)
    numbers = sorted({row.client_e164 for row in rows if row.client_e164})
    clients: dict[str, Known] = dict.fromkeys(numbers, Known())
    for part in _parts(numbers):
        _owners(session, crm, rules, part, clients)
        _vips(session, workspace.id, part, clients)
        _calls(session, crm, part, min(row.started_at for row in rows), clients)
    return Gathered(read_hours(workspace.hours, workspace.timezone), clients)


def _parts(numbers: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (numbers[start : start + _AT_ONCE] for start in range(0, len(numbers), _AT_ONCE))


def _owners(
    session: Session, crm: Connection, rules: CrmRules, numbers: Sequence[str], clients: dict[str, Known]
) -> None:
    rows = session.scalars(
        select(PhoneOwner)
        .where(PhoneOwner.connection_id == crm.id, PhoneOwner.e164.in_(numbers))
        .order_by(PhoneOwner.place.desc(), PhoneOwner.id.desc())
    )
    for row in rows:  # the one to prefer comes last and stays
        state = rules.states.get(row.kind, PersonState.CONTACT)
        if state is PersonState.CONTACT and rules.has_open_deal(row.kind, row.place):
            state = PersonState.CONTACT_WITH_DEAL
        vip = row.vip or clients[row.e164].vip
        clients[row.e164] = Known(state, row.owner_user_id, row.name, vip)


def _vips(session: Session, workspace_id: int, numbers: Sequence[str], clients: dict[str, Known]) -> None:
    listed = session.scalars(
        select(Provisioned.key).where(
            Provisioned.workspace_id == workspace_id, Provisioned.section == "vip", Provisioned.key.in_(numbers)
        )
    )
    for number in listed:
        clients[number] = replace(clients[number], vip=True)


def _calls(
    session: Session, crm: Connection, numbers: Sequence[str], first: datetime, clients: dict[str, Known]
) -> None:
    found = session.execute(
        select(CallRow.id, CallRow.client_e164, CallRow.started_at, CallRow.direction, CallRow.outcome)
        .where(
            CallRow.workspace_id == crm.workspace_id,
            CallRow.client_e164.in_(numbers),
            CallRow.started_at > first - _FURTHEST_BACK,
        )
        .order_by(CallRow.started_at, CallRow.id)
    ).all()
    made, seen = _written(session, crm, [row.id for row in found])
    calls: dict[str, list[tuple[int, datetime, str | None, str]]] = defaultdict(list)
    for row in found:
        calls[row.client_e164].append((row.id, row.started_at, row.direction, row.outcome))
    for number, mine in calls.items():
        made_for = tuple((call[0], made[call[0]]) for call in mine if call[0] in made)
        seen_of = {call[0]: seen[call[0]] for call in mine if call[0] in seen}
        clients[number] = replace(clients[number], calls=tuple(mine), made=made_for, found=seen_of)


def _written(
    session: Session, crm: Connection, call_ids: Sequence[int]
) -> tuple[dict[int, PersonState], dict[int, PersonState]]:
    """What the calls made of their clients, and what the CRM kept of the clients before."""
    kinds: dict[int, set[str]] = defaultdict(set)
    seen: dict[int, PersonState] = {}
    for start in range(0, len(call_ids), _AT_ONCE):
        rows = session.execute(
            select(DeliveryRow.call_id, DeliveryRow.result)
            .where(
                DeliveryRow.connection_id == crm.id,
                DeliveryRow.call_id.in_(call_ids[start : start + _AT_ONCE]),
                DeliveryRow.lane != Lane.BULK,
                DeliveryRow.serial_key.is_not(None),
            )
            .order_by(DeliveryRow.rank)
        )
        for call_id, result in rows:
            assert call_id is not None
            kinds[call_id] |= _created(result)
            if result.get("person") in LIVE_STATES:
                seen.setdefault(call_id, PersonState(result["person"]))  # the first step has asked
    return {call_id: _became(made) for call_id, made in kinds.items() if made}, seen


def _created(result: Mapping[str, Any]) -> set[str]:
    created = result.get("created")
    return {str(one.get("type", "")).upper() for one in created} if isinstance(created, list) else set()


def _became(kinds: set[str]) -> PersonState:
    if kinds & {"DEAL", "LEADS"}:
        return PersonState.CONTACT_WITH_DEAL
    return PersonState.LEAD if "LEAD" in kinds else PersonState.CONTACT


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


def state_at(known: Known, call_id: int) -> PersonState:
    """What the CRM kept when the call came: as it said itself, else nobody before the call that made the card."""
    if call_id in known.found:
        return known.found[call_id]
    order = [call[0] for call in known.calls]
    if not known.made or call_id not in order:
        return known.state
    first, became = known.made[0]
    if order.index(call_id) <= order.index(first):
        return known.found.get(first, PersonState.UNKNOWN)
    return known.state if known.state is not PersonState.UNKNOWN else became


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
