"""`dozvon ring-test`: ring your own number, and watch what the hub makes of that call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub.cli.options import example, home_option, open_database, settings_for

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from hub.db.engine import Database
    from hub.db.tables import CallRow, Connection

_LOOK_SECONDS = 0.3
_OVER = frozenset({"done", "superseded", "expired", "dead", "blocked"})
_WELL = frozenset({"done", "superseded", "expired"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is of the call by now. `lines` are for people, in order; each stays as it is once it is there."""

    lines: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    is_over: bool = False
    has_call: bool = False
    is_written: bool = False


@click.command("ring-test", epilog=example("dozvon ring-test --connection mango --seconds 180"))
@click.option("--connection", metavar="NAME", help="The PBX connection.  [default: the only one]")
@click.option("--seconds", type=click.IntRange(5, 3600), default=120, show_default=True, help="How long to wait.")
@home_option
def ring_test(connection: str | None, seconds: int, home: Path | None) -> int:
    """Ring your own number and watch: events heard, the call understood, what each CRM has got.

    Nothing is made up: the call is a real one and is logged like any other. Exit 1 when it did not
    come, or did not reach a CRM in time.
    """
    with open_database(settings_for(home)) as database:
        with database.reading() as session:
            chosen = _chosen(session, connection)
            connection_id, name, after = chosen.id, chosen.name, _newest_item(session, chosen.id)
        click.echo(f"Ring a number of {name} now: this watches for {seconds} seconds, Ctrl-C ends it.")
        seen = _watch(lambda: _look(database, connection_id, after), seconds)
    return _verdict(seen, name)


def _chosen(session: Session, name: str | None) -> Connection:
    from sqlalchemy import select

    from connectors.registry import REGISTRY
    from hub.db.tables import Connection

    rows = [
        row
        for row in session.scalars(select(Connection).order_by(Connection.id))
        if row.vendor in REGISTRY and REGISTRY[row.vendor].hook and not REGISTRY[row.vendor].crm
    ]
    fitting = [row for row in rows if name in {None, row.name}]
    names = ", ".join(row.name for row in rows) or "none yet"
    if not fitting:
        raise click.UsageError(f"There is no such PBX connection. PBX connections: {names}.")
    if len(fitting) > 1:
        raise click.UsageError(f"Say which one with --connection NAME. PBX connections: {names}.")
    return fitting[0]


def _newest_item(session: Session, connection_id: int) -> int:
    from sqlalchemy import func, select

    from hub.db.work import InboxRow

    return session.scalar(select(func.max(InboxRow.id)).where(InboxRow.connection_id == connection_id)) or 0


def _watch(look: Callable[[], Seen], seconds: float) -> Seen:
    """Print what is new until the call is over or the time is."""
    deadline = time.monotonic() + seconds
    printed: set[str] = set()
    while True:
        seen = look()
        for line in seen.lines:
            if line not in printed:
                printed.add(line)
                click.echo(f"  {line}")
        if seen.is_over or time.monotonic() > deadline:
            return seen
        time.sleep(_LOOK_SECONDS)


def _verdict(seen: Seen, name: str) -> int:
    for trouble in seen.troubles:
        click.echo(f"  {trouble}", err=True)
    if seen.is_over and not seen.troubles and seen.is_written:
        click.echo("All of it arrived.")
        return 0
    if not seen.lines:
        hint = f"Nothing came from {name}. Check its hook address in the PBX; `dozvon doctor` says more."
    elif not seen.has_call:
        hint = f"Something came from {name}, but no call: see /admin/quarantine."
    elif seen.is_over and not seen.is_written:
        hint = "The call arrived, and there is no CRM that it goes to: connect one, or look at the rules."
    else:
        hint = "The call did not get all the way: its page under /admin/calls shows where it stands."
    click.echo(hint, err=True)
    return 1


# --- What there is ---------------------------------------------------------------------------------------


def _look(database: Database, connection_id: int, after: int) -> Seen:
    from sqlalchemy import select

    from hub.db.tables import CallRow
    from hub.db.work import InboxRow

    with database.reading() as session:
        fresh = (InboxRow.connection_id == connection_id, InboxRow.id > after)
        items = session.scalars(select(InboxRow).where(*fresh).order_by(InboxRow.id).limit(500)).all()
        lines = [f"heard: {item.topic or 'an event'}" for item in items]
        troubles = [f"not understood: {item.reason}" for item in items if item.state == "quarantined"]
        ids = [item.call_id for item in items if item.call_id is not None]
        call = session.get(CallRow, ids[0]) if ids else None
        if call is None:
            return Seen(tuple(lines), tuple(troubles))
        return _with_call(session, call, lines, troubles)


def _with_call(session: Session, call: CallRow, lines: Sequence[str], troubles: Iterable[str]) -> Seen:
    from sqlalchemy import select

    from hub.db.tables import Connection
    from hub.db.work import DeliveryRow

    rows = session.execute(
        select(DeliveryRow.step_key, DeliveryRow.state, DeliveryRow.last_error, Connection.name)
        .join(Connection, Connection.id == DeliveryRow.connection_id)
        .where(DeliveryRow.call_id == call.id)
        .order_by(DeliveryRow.id)
    ).all()
    written = [f"{row.name}: {row.step_key.partition(':')[0]}" for row in rows if row.state == "done"]
    failed = [f"{row.name}: {row.step_key}: {row.last_error}" for row in rows if row.state in _OVER - _WELL]
    is_closed = call.closing != "open"
    return Seen(
        (*lines, *_told_of(call), *(f"written to {line}" for line in written)),
        (*troubles, *failed),
        is_over=is_closed and all(row.state in _OVER for row in rows),
        has_call=True,
        is_written=bool(written),
    )


def _told_of(call: CallRow) -> list[str]:
    from hub.domain.phone import mask_phone

    who = mask_phone(call.client_e164 or call.client_raw or "") or "a hidden number"
    told = [f"understood: {call.direction or 'a'} call with {who}"]
    if call.answered_at is not None:
        told.append(f"answered by extension {call.answered_by or 'unknown'}")
    if call.closing != "open":
        told.append(f"ended: {call.outcome}, {call.talk_seconds} s of talk")
    return told
