"""A draft tried on the last calls: what each would come to, beside what the rules in force come to. Writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Registry
from hub.db.tables import CallRow, Connection, Workspace
from hub.delivery.people import default_user_id, employees_for
from hub.domain.call import Call
from hub.domain.codec import from_document
from hub.domain.party import Employee, Source
from hub.domain.treatment import PersonState
from hub.routing.facts import read_staff
from hub.routing.staff import Staff
from hub.rules.books import Book, turns_before
from hub.rules.definitions import crm_ways
from hub.rules.gather import Gathered, ask_for_duty, gather, on_duty
from hub.rules.store import in_force, vendor_rules
from mapping.facts import PlanFacts
from mapping.forecast import Forecast, same
from mapping.model import Rules

LAST = 200
MOST = 10_000


@dataclass(frozen=True, slots=True)
class TriedCall:
    """One call under both rule books. `changed` says that the CRM would come to show something else."""

    call_id: int
    started_at: datetime
    client_e164: str | None
    client_raw: str | None
    line: str | None
    source: str | None
    person: PersonState
    vip: bool
    draft: Forecast
    published: Forecast

    @property
    def changed(self) -> bool:
        return not same(self.draft, self.published)


@dataclass(frozen=True, slots=True)
class DryRun:
    """`tried` has the newest call first. `version` is the published one that the draft was compared with."""

    tried: tuple[TriedCall, ...]
    version: int

    @property
    def changed(self) -> int:
        return sum(one.changed for one in self.tried)

    def totals(self) -> Mapping[str, tuple[int, int]]:
        """Effect ("created lead") to how often it is had by the draft, and by the published rules."""
        draft, published = Counter[str](), Counter[str]()
        for one in self.tried:
            draft.update({f"{effect.act} {effect.what}" for effect in one.draft.effects})
            published.update({f"{effect.act} {effect.what}" for effect in one.published.effects})
        return {name: (draft[name], published[name]) for name in sorted(draft | published)}


def dry_run(session: Session, registry: Registry, connection: Connection, rules: Rules, *, last: int = LAST) -> DryRun:
    """Try `rules` on the newest `last` calls that are over; the rules in force on the same."""
    query = (
        select(CallRow)
        .where(CallRow.workspace_id == connection.workspace_id, CallRow.closing != "open")
        .order_by(CallRow.started_at.desc(), CallRow.id.desc())
        .limit(min(last, MOST))
    )
    return _try(session, registry, connection, rules, session.scalars(query).all())


def try_one(session: Session, registry: Registry, connection: Connection, rules: Rules, call: CallRow) -> TriedCall:
    """The same for one call."""
    return _try(session, registry, connection, rules, [call]).tried[0]


def _try(session: Session, registry: Registry, connection: Connection, rules: Rules, rows: Sequence[CallRow]) -> DryRun:
    held = in_force(session, registry, connection)
    crm = vendor_rules(registry, connection.vendor)
    gathered = gather(session, connection, crm, rows)
    house = _House(session, connection, asks_for_duty=ask_for_duty(rules) or ask_for_duty(held.rules))
    ways = crm_ways(session, connection.id, crm)
    oldest_first = tuple(reversed(rows))
    draft = Book(rules, 0, ways, turns_before(session, connection.id, rules, oldest_first))
    published = Book(held.rules, held.version, ways, turns_before(session, connection.id, held.rules, oldest_first))
    tried = [_tried(row, draft, published, gathered, house) for row in oldest_first]
    return DryRun(tuple(reversed(tried)), held.version)


def _tried(row: CallRow, draft_book: Book, published_book: Book, gathered: Gathered, house: _House) -> TriedCall:
    plain = house.facts(row)
    draft, drafted = draft_book.apply(plain, row, gathered)
    _, published = published_book.apply(plain, row, gathered)
    return TriedCall(
        row.id,
        row.started_at,
        row.client_e164,
        row.client_raw,
        row.line,
        row.source,
        draft.person,
        draft.vip,
        drafted,
        published,
    )


class _House:
    """What all calls of a workspace share, read once."""

    def __init__(self, session: Session, crm: Connection, *, asks_for_duty: bool) -> None:
        self._session = session
        self._crm = crm
        self._locale = session.get_one(Workspace, crm.workspace_id).locale
        self._default_user_id = default_user_id(session, crm)
        self._asks_for_duty = asks_for_duty
        self._people: dict[int, Mapping[str, Employee]] = {}
        self._staff: dict[int, Staff] = {}

    def facts(self, row: CallRow) -> PlanFacts:
        pbx_id = row.connection_id
        if pbx_id not in self._people:
            pbx = self._session.get_one(Connection, pbx_id)
            self._people[pbx_id] = employees_for(self._session, pbx, self._crm)
            if self._asks_for_duty:
                self._staff[pbx_id] = read_staff(self._session, pbx.workspace_id, pbx.name)
        source = Source(row.source, row.medium, row.campaign) if row.source else None
        return PlanFacts(
            call=from_document(row.facts, Call),
            call_id=row.uid,
            locale=self._locale,
            employees=self._people[pbx_id],
            default_user_id=self._default_user_id,
            source=source,
            on_duty=on_duty(self._staff[pbx_id], self._crm, row.started_at) if pbx_id in self._staff else (),
        )
