"""`dozvon reconcile`: PBX calls = hub calls = CRM calls, or what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from hub.cli.options import example, home_option, open_database, settings_for
from hub.cli.outside import runtime_beside

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from hub.calls.record import CallChange
    from hub.db.tables import Connection
    from hub.delivery.reconcile.statement import Found
    from hub.runtime import Runtime

_COLUMNS = "{:<14} {:<10} {:>5} {:>5}  {:<28} {:>7} {:>5}"


class _Moment(click.ParamType["datetime"]):
    """A day, like 2026-09-01, or a moment, like 2026-09-01T09:00; without an offset it is of the workspace's zone."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no moment: write it like 2026-09-01 or 2026-09-01T09:00.", param, ctx)


@dataclass(frozen=True, slots=True)
class _Span:
    """What the person asked for; None where nothing was said. Naive moments are of the workspace's zone. Calls that
    ended less than `grace` ago are left alone."""

    since: datetime | None
    until: datetime | None
    grace: timedelta = timedelta()

    def bounds(self, connection: Connection, zone: ZoneInfo, now: datetime) -> tuple[datetime, datetime]:
        """Since yesterday until now by default, but not back into the time before the connection."""
        from hub.delivery.reconcile.clock import knows_nothing_before

        yesterday = datetime.combine(now.astimezone(zone).date() - timedelta(days=1), time(), zone)
        since = _aware(self.since, zone) or max(yesterday, knows_nothing_before(connection))
        return since, min(_aware(self.until, zone) or now, now)


def _aware(moment: datetime | None, zone: ZoneInfo) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=zone)


@click.command(epilog=example("dozvon reconcile --connection mango --since 2026-09-01"))
@click.option("--connection", metavar="NAME", help="Only this PBX connection.  [default: all]")
@click.option("--since", type=_Moment(), help="The first day, or moment.  [default: yesterday]")
@click.option("--until", type=_Moment(), help="The moment to end at.  [default: now]")
@click.option(
    "--grace",
    default=0,
    type=click.IntRange(0),
    metavar="SECONDS",
    help="Leave calls alone that ended less than so long ago: their last events may be on their way.  [default: 0]",
)
@home_option
def reconcile(
    connection: str | None, since: datetime | None, until: datetime | None, grace: int, home: Path | None
) -> int:
    """Compare the calls of PBX, hub and CRM, mend what is missing, and print the statement of each day.

    The same as the scheduler does every quarter of an hour and every night. Exit 1 when differences remain.
    """
    settings = settings_for(home)
    with open_database(settings), runtime_beside(settings, "reconcile") as runtime:
        chosen = _chosen(runtime, connection)
        span = _Span(since, until, timedelta(seconds=grace))
        click.echo(_COLUMNS.format("connection", "day", "PBX", "hub", "CRM: logged of expected", "mended", "open"))
        remaining = sum(_print_days(runtime, one, span) for one in chosen)
    return 1 if remaining else 0


def _chosen(runtime: Runtime, name: str | None) -> Sequence[Connection]:
    from hub.delivery.reconcile.statement import pbx_connections

    with runtime.database.reading() as session:
        every = pbx_connections(session, runtime.registry)
    chosen = [one for one in every if name in (None, one.name)]
    if not chosen:
        known = ", ".join(one.name for one in every) or "none yet"
        raise click.UsageError(f"There is no such PBX connection. PBX connections: {known}.")
    return chosen


def _print_days(runtime: Runtime, connection: Connection, span: _Span) -> int:
    """One line for each day of the span, and what is behind it; returns how many differences remain."""
    from hub.db.tables import Workspace

    with runtime.database.reading() as session:
        zone = ZoneInfo(session.get_one(Workspace, connection.workspace_id).timezone)
    since, until = span.bounds(connection, zone, runtime.now())
    if since >= until:
        raise click.UsageError("--since must lie before --until, and not in the future.")
    remaining = 0
    for day in _days(since.astimezone(zone).date(), until.astimezone(zone).date()):
        found = _one_day(runtime, connection, day, zone, (since, until), span)
        if found is not None:
            remaining += _print(connection, day, found)
    return remaining


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _one_day(
    runtime: Runtime,
    connection: Connection,
    day: date,
    zone: ZoneInfo,
    bounds: tuple[datetime, datetime],
    span: _Span,
) -> Found | None:
    """A whole day is kept as a statement; a part of one is only compared and mended. None for no time at all."""
    from hub.changes import follow_change
    from hub.delivery.reconcile.clock import knows_nothing_before
    from hub.delivery.reconcile.difference import Window
    from hub.delivery.reconcile.statement import day_window, make_statement, reconcile

    def on_change(session: Session, change: CallChange) -> None:
        follow_change(session, runtime, change)

    now = runtime.now()
    settled_before = now - span.grace
    whole = day_window(day, zone, settled_before)
    begins, ends = max(whole.since, bounds[0]), min(whole.until, bounds[1])
    if begins >= ends:
        return None
    is_whole = begins <= max(whole.since, knows_nothing_before(connection)) and (
        ends == whole.until or span.until is None
    )
    if is_whole:
        return make_statement(runtime, connection.id, day, settled_before, on_change, _tell, not_before=begins)[0]
    return reconcile(runtime, connection.id, Window(begins, ends, settled_before), on_change, _tell)


def _tell(words: str) -> None:
    click.echo(words, err=True)


def _print(connection: Connection, day: date, found: Found) -> int:
    logged = ", ".join(f"{one.connection} {one.logged} of {one.expected}" for one in found.crms) or "no CRM"
    left = found.open_differences
    pbx_calls = str(found.pbx.pbx_calls) if found.pbx.asked else "?"
    figures = (pbx_calls, found.pbx.hub_calls, logged, found.repaired, len(left))
    click.echo(_COLUMNS.format(connection.name, day.isoformat(), *figures))
    for words in [*_not_asked(connection, found), *_on_the_way(found)]:
        click.echo(f"  {words}")
    for one in [*(one for one in found.differences if one.repaired), *left]:
        state = "mended" if one.repaired else "OPEN"
        click.echo(f"  {state:<6} {one.kind}, call {one.call_id or one.call_key}, {one.connection}: {one.words}")
    return len(left)


def _not_asked(connection: Connection, found: Found) -> Iterator[str]:
    if not found.pbx.asked:
        yield f"{connection.name} could not be asked: {found.pbx.reason}"
    for crm in found.crms:
        if not crm.asked:
            yield f"{crm.connection} could not be asked: {crm.reason}"


def _on_the_way(found: Found) -> Iterator[str]:
    for crm in found.crms:
        if crm.under_way:
            yield f"{crm.connection}: {crm.under_way} on the way"
