"""A draft tried on the last calls: what each would come to, beside what the rules in force come to. Writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from connectors.contract import ClientNow, Registry
from hub.db.callbacks import CallbackRow
from hub.db.tables import CallRow, Connection
from hub.rules.books import Book, Subject, turns_before
from hub.rules.definitions import crm_ways
from hub.rules.gather import Gathered, ask_for_duty, gather
from hub.rules.house import House
from hub.rules.store import in_force, vendor_rules
from hub.rules.tried import Doubt, DryRun, PastRequest, TriedCall
from mapping.model import Rules

LAST = 200
MOST = 10_000
MOST_REQUESTS = 1000

ReadRequests = Callable[[Session, int, datetime | None, int], Sequence[PastRequest]]
"""The requests of a workspace since a moment (None: ever), at most so many, the newest first."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who the clients are: `clients` as the CRM said just now. Where the CRM `knows` more than the index, whoever is
    missing there may be anybody.
    """

    clients: Mapping[str, ClientNow]
    knows: bool


def numbers_of(session: Session, connection: Connection, *, last: int = LAST) -> list[str]:
    """The numbers of the clients whom a dry run of that length meets, those of the newest calls first."""
    calls = session.scalars(_calls(connection, last).with_only_columns(CallRow.client_e164)).all()
    asked = session.scalars(
        select(CallbackRow.e164)
        .where(CallbackRow.workspace_id == connection.workspace_id)
        .order_by(CallbackRow.id.desc())
        .limit(min(last, MOST_REQUESTS))
    )
    return list(dict.fromkeys(number for number in (*calls, *asked) if number))


def _calls(connection: Connection, last: int) -> Select[CallRow]:
    """The newest ones that are over."""
    return (
        select(CallRow)
        .where(CallRow.workspace_id == connection.workspace_id, CallRow.closing != "open")
        .order_by(CallRow.started_at.desc(), CallRow.id.desc())
        .limit(min(last, MOST))
    )


def dry_run(
    session: Session,
    registry: Registry,
    connection: Connection,
    rules: Rules,
    *,
    last: int = LAST,
    asked: Mapping[str, ClientNow] | None = None,
    requests: ReadRequests | None = None,
) -> DryRun:
    """Try `rules` on the newest `last` calls that are over and on the requests for a callback of the same time; the
    rules in force on the same.

    `asked` is what the CRM said of the clients just now (`hub.rules.asking.ask_crm`).
    """
    calls = session.scalars(_calls(connection, last)).all()
    since = calls[-1].started_at if len(calls) >= last else None
    most = min(last, MOST_REQUESTS)
    past = requests(session, connection.workspace_id, since, most) if requests else ()
    return _try(session, registry, connection, rules, (*calls, *past), asked)


def try_one(
    session: Session,
    registry: Registry,
    connection: Connection,
    rules: Rules,
    call: CallRow,
    asked: Mapping[str, ClientNow] | None = None,
) -> TriedCall:
    """The same for one call."""
    return _try(session, registry, connection, rules, [call], asked).tried[0]


def _try(
    session: Session,
    registry: Registry,
    connection: Connection,
    rules: Rules,
    subjects: Sequence[CallRow | PastRequest],
    asked: Mapping[str, ClientNow] | None,
) -> DryRun:
    held = in_force(session, registry, connection)
    crm = vendor_rules(registry, connection.vendor)
    rows = sorted(subjects, key=lambda one: (one.started_at, one.id))
    gathered = gather(session, connection, crm, rows, asked)
    duty = ask_for_duty(rules) or ask_for_duty(held.rules)
    house = House(session, registry, connection, rows, asks_for_duty=duty)
    ways = crm_ways(session, connection.id, crm)
    draft = Book(rules, 0, ways, turns_before(session, connection.id, rules, rows))
    published = Book(held.rules, held.version, ways, turns_before(session, connection.id, held.rules, rows))
    asking = Asking(asked or {}, registry[connection.vendor].clients is not None)
    tried = [_tried(row, draft, published, gathered, house, asking) for row in rows]
    tried.reverse()
    return DryRun(
        tuple(one for one in tried if one.request_id is None),
        held.version,
        tuple(one for one in tried if one.request_id is not None),
    )


def _tried(
    row: CallRow | PastRequest, draft_book: Book, published_book: Book, gathered: Gathered, house: House, asking: Asking
) -> TriedCall:
    plain = house.facts(row)
    draft, drafted = draft_book.apply(plain, row, gathered)
    _, published = published_book.apply(plain, row, gathered)
    request = row if isinstance(row, PastRequest) else None
    call = None if isinstance(row, PastRequest) else row
    return TriedCall(
        call.id if call else 0,
        row.started_at,
        row.client_e164,
        call.client_raw if call else row.client_e164,
        call.line if call else None,
        plain.source.source if plain.source else None,
        draft.person,
        draft.vip,
        drafted,
        published,
        request.callback_id if request else None,
        Doubt(draft, draft_book.ways, request) if _in_doubt(row, gathered, asking) else None,
    )


def _in_doubt(row: Subject, gathered: Gathered, asking: Asking) -> bool:
    """Whether nobody knows who the client was: the CRM was asked neither now nor when the call was written."""
    client = row.client_e164
    if not asking.knows or not client or client in asking.clients:
        return False
    known = gathered.clients[client]
    return row.id not in known.found and not (known.made and row.id in known.met)
