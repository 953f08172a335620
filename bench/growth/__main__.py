"""Whether intake, claim and sweep stay flat while the tables grow: `python -m bench.growth [--quick]`."""

from __future__ import annotations

import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from sqlalchemy.engine import make_url

from bench.growth.fill import CONNECTIONS, DUE, Filled
from hub.calls.inbox import claim as claim_inbox
from hub.config import load_settings
from hub.db.migrate import upgrade
from hub.delivery.claim import claim, due_connections
from hub.delivery.retention import BATCH, sweep_old_rows
from hub.domain.intents import Lane
from hub.runtime import Runtime
from hub.wiring import build_runtime, prepare_process
from tests.services import running_postgres
from webhooks.contract import InboxItem
from webhooks.inbox import PostgresInbox

SIZES = (10_000, 100_000, 1_000_000)
TIMES = 300
_LANES = tuple(Lane)
_WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds of one operation, repeated: a tenth was faster, half was, all but a hundredth was."""

    p10_ms: float
    p50_ms: float
    p99_ms: float


@click.command(epilog="Example:  python -m bench.growth --quick")
@click.option("--quick", is_flag=True, help="Only up to 100 000 rows.")
def main(quick: bool) -> None:
    """Fill inbox and outbox on PostgreSQL, and print what each operation takes at each size."""
    sizes = SIZES[:2] if quick else SIZES
    found: dict[str, dict[int, Speed]] = {}
    with tempfile.TemporaryDirectory() as folder, running_postgres(durable=True) as server:
        filled = Filled(server.create("growth"))
        upgrade(filled.url)
        with _runtime(filled.url, Path(folder)) as runtime:
            filled.seed()
            for rows in sizes:
                click.echo(f"Filling up to {rows:,} rows …", err=True)
                filled.grow_to(rows)
                for name, speed in _measured(runtime, filled.url, rows).items():
                    found.setdefault(name, {})[rows] = speed
            click.echo("Deleting what is old …", err=True)
            swept = _retention(runtime)
    _print(found, sizes)
    click.echo(f"\nRetention: {swept}")
    click.echo(f"\nPython {platform.python_version()}, PostgreSQL on the same machine, {datetime.now(UTC):%Y-%m-%d}.")


@contextmanager
def _runtime(url: str, home: Path) -> Iterator[Runtime]:
    settings = replace(load_settings({}, home=home), database_url=url)
    prepare_process(settings)
    runtime = build_runtime(settings, None)
    try:
        yield runtime
    finally:
        runtime.database.close()


def _measured(runtime: Runtime, url: str, rows: int) -> dict[str, Speed]:
    with closing(PostgresInbox(make_url(url), connections=1)) as inbox:
        return {name: _time(work) for name, work in _operations(runtime, inbox, rows).items()}


def _operations(runtime: Runtime, inbox: PostgresInbox, rows: int) -> dict[str, Callable[[], None]]:
    numbers = iter(range(10**9))
    crms = iter(range(10**9))

    def insert() -> None:
        item = InboxItem(f"new:{rows}:{next(numbers)}", "events/call", b"{}")
        inbox.keep(1, [item], datetime.now(UTC) + timedelta(days=1))

    def claim_deliveries() -> None:
        assert claim(runtime, 2 + next(crms) % CONNECTIONS, _LANES, 4), "nothing was due"

    def take_inbox() -> None:
        assert claim_inbox(runtime, 4), "nothing was due"

    def sweep() -> None:
        with runtime.database.reading() as session:
            assert due_connections(session, _LANES), "nothing was due"

    return {
        "intake: insert one webhook": insert,
        "inbox: claim 4 of the due rows": take_inbox,
        "outbox: sweep for connections with work": sweep,
        "outbox: claim 4 of a connection's due rows": claim_deliveries,
    }


def _time(work: Callable[[], None]) -> Speed:
    for _ in range(_WARM_UP):
        work()
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    shares = statistics.quantiles(took, n=100)
    return Speed(shares[9], shares[49], shares[98])


def _retention(runtime: Runtime) -> str:
    began, gone = time.perf_counter(), sweep_old_rows(runtime)["inbox"]
    took = time.perf_counter() - began
    batch_ms = took / max(1, gone / BATCH) * 1000
    return f"{gone:,} old inbox rows went in {took:.1f} s, {BATCH:,} at a time in {batch_ms:.0f} ms."


def _print(found: dict[str, dict[int, Speed]], sizes: tuple[int, ...]) -> None:
    heads = " | ".join(f"{rows:,} rows, p10 / p50 / p99 ms" for rows in sizes)
    click.echo(f"| operation | {heads} | ratio of p10, of p50 |")
    click.echo("|---|" + "---|" * (len(sizes) + 1))
    for name, speeds in found.items():
        cells = " | ".join(_cell(speeds[rows]) for rows in sizes)
        first, last = speeds[sizes[0]], speeds[sizes[-1]]
        click.echo(f"| {name} | {cells} | {last.p10_ms / first.p10_ms:.2f}, {last.p50_ms / first.p50_ms:.2f} |")


def _cell(speed: Speed) -> str:
    return f"{speed.p10_ms:.2f} / {speed.p50_ms:.2f} / {speed.p99_ms:.2f}"


assert DUE >= (TIMES + _WARM_UP) * 4 + CONNECTIONS  # else there is nothing left to claim

if __name__ == "__main__":
    main()
