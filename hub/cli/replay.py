"""`dozvon replay`: work that failed, once more, on the same path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hub.cli.options import example, home_option, open_database, settings_for

if TYPE_CHECKING:
    from hub.config import Settings
    from hub.db.engine import Database


@click.command(epilog=example("dozvon replay --dead --connection b24"))
@click.option("--inbox", "inbox", type=int, multiple=True, metavar="ID…", help="Read these inbox items again.")
@click.option("--delivery", "delivery", type=int, multiple=True, metavar="ID…", help="Send these deliveries again.")
@click.option("--dead", is_flag=True, help="Send every dead delivery again.")
@click.option("--connection", metavar="NAME", help="With --dead: only those of this connection.")
@click.argument("more", type=int, nargs=-1, metavar="")
@home_option
def replay(
    inbox: tuple[int, ...],
    delivery: tuple[int, ...],
    dead: bool,
    connection: str | None,
    more: tuple[int, ...],
    home: Path | None,
) -> None:
    """Take up inbox items or deliveries again; `--inbox 3 5 8` takes several."""
    if sum(map(bool, (inbox, delivery, dead))) != 1:
        raise click.UsageError("Give one of --inbox ID…, --delivery ID… and --dead.")
    if dead and more:
        raise click.UsageError("--dead takes no ids.")
    if connection and not dead:
        raise click.UsageError("--connection goes with --dead.")
    work = _work(inbox + more if inbox else (), delivery + more if delivery else (), connection)
    settings = settings_for(home)
    with open_database(settings) as database:
        count = work(database)
    click.echo(f"{count} {'item is' if count == 1 else 'items are'} due again.")
    if count and inbox:
        _ring(settings)


def _work(inbox: Sequence[int], delivery: Sequence[int], connection: str | None) -> Callable[[Database], int]:
    def run(database: Database) -> int:
        if inbox:
            from hub.calls.replay import replay_inbox

            return replay_inbox(database, list(inbox))
        from hub.delivery.replay import replay_dead, replay_deliveries

        if delivery:
            return replay_deliveries(database, list(delivery))
        _check_connection(database, connection)
        return replay_dead(database, connection)

    return run


def _check_connection(database: Database, name: str | None) -> None:
    from sqlalchemy import select

    from hub.db.tables import Connection

    with database.reading() as session:
        names = list(session.scalars(select(Connection.name).order_by(Connection.id)))
    if name is not None and name not in names:
        raise click.UsageError(f"There is no connection {name}. Connections: {', '.join(names) or 'none yet'}.")


def _ring(settings: Settings) -> None:
    """Wake a worker of a running hub; without one the next sweep finds the rows."""
    from hub.broker import running_broker_url
    from hub.jobs import Doorbell, connect_redis

    url = settings.redis_url or running_broker_url(settings.home)
    if url:
        bell = Doorbell(connect_redis(url))
        bell.ring_inbox()
        bell.close()
