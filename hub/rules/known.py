"""What is known of a client on one CRM connection: from the index, from what was written, and what the CRM said now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from connectors.contract import ClientNow, CrmRules
from hub.db.callbacks import CallbackRow
from hub.db.routing import PhoneOwner
from hub.db.tables import CallRow, Connection, Provisioned
from hub.db.work import DeliveryRow
from hub.domain.intents import Lane
from hub.domain.treatment import LIVE_STATES, PersonState

_AT_ONCE = 500
_FURTHEST_BACK = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Known:
    """One client on one CRM connection. `calls`: id, start, direction and outcome of each, the oldest first.

    `met`: the calls and the requests for a callback, the oldest first; a request's id is negated (`id_of_request`).
    `made`: those of them for which the CRM made a card, each with what the client was afterwards.
    `found`: those of which the CRM said, as they were written, what the client was.
    """

    state: PersonState = PersonState.UNKNOWN
    owner_user_id: str | None = None
    name: str | None = None
    vip: bool = False
    calls: tuple[tuple[int, datetime, str | None, str], ...] = ()
    met: tuple[int, ...] = ()
    made: tuple[tuple[int, PersonState], ...] = ()
    found: Mapping[int, PersonState] = field(default_factory=dict)

    def became(self, subject: int) -> PersonState | None:
        """What this call or request made of the client; None when it made nothing of them."""
        return dict(self.made).get(subject)


def id_of_request(callback_id: int) -> int:
    """How a request is told from the calls beside it."""
    return -callback_id


def state_at(known: Known, subject: int) -> PersonState:
    """What the CRM kept when the call or request came: as it said itself, else nobody before what made the card."""
    if subject in known.found:
        return known.found[subject]
    if not known.made or subject not in known.met:
        return known.state
    first, became = known.made[0]
    if known.met.index(subject) <= known.met.index(first):
        return known.found.get(first, PersonState.UNKNOWN)
    return known.state if known.state is not PersonState.UNKNOWN else became


# --- Reading ------------------------------------------------------------------------------------------


def read_clients(
    session: Session,
    crm: Connection,
    rules: CrmRules,
    numbers: Sequence[str],
    first: datetime,
    asked: Mapping[str, ClientNow],
) -> dict[str, Known]:
    """The clients with these numbers by E.164, in a few questions however many there are.

    What they did is read from some time before `first` on. What the CRM said of a client just now (`asked`) stands
    before what the index remembers.
    """
    clients: dict[str, Known] = dict.fromkeys(numbers, Known())
    for part in _parts(numbers):
        _owners(session, crm, rules, part, clients)
        _now(asked, part, clients)
        _vips(session, crm.workspace_id, part, clients)
        _calls(session, crm, part, first, clients)
    return clients


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


def _now(asked: Mapping[str, ClientNow], numbers: Sequence[str], clients: dict[str, Known]) -> None:
    for number in numbers:
        client = asked.get(number)
        if client is not None:
            name = client.name or clients[number].name
            clients[number] = Known(client.state, client.owner_user_id, name, clients[number].vip)


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
    asked = _requests(session, crm, numbers)
    calls: dict[str, list[tuple[int, datetime, str | None, str]]] = defaultdict(list)
    met: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for row in found:
        calls[row.client_e164].append((row.id, row.started_at, row.direction, row.outcome))
        met[row.client_e164].append((row.started_at, row.id))
    for row in asked:
        met[row.e164].append((row.created_at, id_of_request(row.id)))
    made, seen = _written(session, crm, DeliveryRow.call_id, [row.id for row in found])
    of_requests = _written(session, crm, DeliveryRow.callback_id, [row.id for row in asked])
    made |= {id_of_request(one): state for one, state in of_requests[0].items()}
    seen |= {id_of_request(one): state for one, state in of_requests[1].items()}
    for number, moments in met.items():
        order = tuple(subject for _, subject in sorted(moments))
        made_for = tuple((subject, made[subject]) for subject in order if subject in made)
        seen_of = {subject: seen[subject] for subject in order if subject in seen}
        mine = tuple(calls[number])
        clients[number] = replace(clients[number], calls=mine, met=order, made=made_for, found=seen_of)


def _requests(session: Session, crm: Connection, numbers: Sequence[str]) -> Sequence[Any]:
    """The requests for a callback of these clients: each may have made somebody of them."""
    columns = (CallbackRow.id, CallbackRow.e164, CallbackRow.created_at)
    mine = (CallbackRow.workspace_id == crm.workspace_id, CallbackRow.e164.in_(numbers))
    return session.execute(select(*columns).where(*mine)).all()


def _written(
    session: Session, crm: Connection, subject: InstrumentedAttribute[int | None], ids: Sequence[int]
) -> tuple[dict[int, PersonState], dict[int, PersonState]]:
    """What the calls, or the requests, made of their clients, and what the CRM kept of the clients before."""
    kinds: dict[int, set[str]] = defaultdict(set)
    seen: dict[int, PersonState] = {}
    for start in range(0, len(ids), _AT_ONCE):
        rows = session.execute(
            select(subject, DeliveryRow.result)
            .where(
                DeliveryRow.connection_id == crm.id,
                subject.in_(ids[start : start + _AT_ONCE]),
                DeliveryRow.lane != Lane.BULK,
                DeliveryRow.serial_key.is_not(None),
            )
            .order_by(DeliveryRow.rank)
        )
        for one, result in rows:
            assert one is not None
            kinds[one] |= _created(result)
            if result.get("person") in LIVE_STATES:
                seen.setdefault(one, PersonState(result["person"]))  # the first step has asked
    return {one: _became(made) for one, made in kinds.items() if made}, seen


def _created(result: Mapping[str, Any]) -> set[str]:
    created = result.get("created")
    return {str(one.get("type", "")).upper() for one in created} if isinstance(created, list) else set()


def _became(kinds: set[str]) -> PersonState:
    if kinds & {"DEAL", "LEADS"}:
        return PersonState.CONTACT_WITH_DEAL
    return PersonState.LEAD if "LEAD" in kinds else PersonState.CONTACT
