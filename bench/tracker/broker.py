"""The lease script alone: one connection, a real broker, and what the broker itself says of the time it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import redis

from hub.db.engine import Database
from hub.db.keyring import install_keys
from hub.db.migrate import upgrade
from hub.db.tables import Workspace
from hub.db.tracking import SiteRow
from hub.runtime import utc_now
from hub.tracking.live.journal import write_journal
from hub.tracking.live.leases import Leases
from hub.tracking.live.numbers import hold_numbers
from hub.tracking.live.sites import Site, read_site
from tests.services import running_broker

_ADDRESSES = 500


@dataclass(frozen=True, slots=True)
class Leased:
    """Rates of one connection; `assign_us` and `beat_us` are the broker's own microseconds for one."""

    live: int
    assign: float
    beat: float
    assign_us: float
    beat_us: float
    rows: float


def measure_leases(folder: Path, numbers: int, live: Sequence[int], rounds: int) -> list[Leased]:
    """One line for each count of live visits, in rising order."""
    with running_broker() as broker:
        install_keys((), folder)
        database = Database(_with_site(folder, numbers))
        client = redis.Redis.from_url(broker.url)
        leases = Leases(client, database)
        with database.reading() as session:
            site = read_site(session, "shop", utc_now())
        assert site is not None
        lines, there = [], 0
        for wanted in live:
            for place in range(there, wanted):
                leases.hold(site, f"{place:024x}", utc_now(), address=f"{place % _ADDRESSES:016x}")
            there = wanted
            lines.append(_line(leases, client, database, site, wanted, rounds))
        database.close()
    return lines


def _with_site(folder: Path, numbers: int) -> str:
    url = f"sqlite:///{folder / 'bench.sqlite3'}"
    upgrade(url)
    database = Database(url)
    with database.transaction() as session:
        workspace = Workspace(
            slug="acme", name="Acme", timezone="UTC", region="RU", locale="ru", hours={}, created_at=utc_now()
        )
        session.add(workspace)
        session.flush()
        site = SiteRow(
            workspace_id=workspace.id, key="shop", name="shop", origins=["http://shop.example"],
            settings={"idle_seconds": 14_000}, created_at=utc_now(),
        )  # fmt: skip
        session.add(site)
        session.flush()
        hold_numbers(session, {site.id: {f"+7495{place:07}": "" for place in range(numbers)}}, utc_now())
    database.close()
    return url


def _line(leases: Leases, client: redis.Redis, database: Database, site: Site, live: int, rounds: int) -> Leased:
    now = utc_now() + timedelta(seconds=1)
    write_journal(database, client, [site.id], utc_now())
    beat, beat_us = _rate(client, rounds, lambda place: leases.hold(site, f"{place % live:024x}", now))

    def assign_one(place: int) -> object:
        return leases.hold(site, f"a{live:011x}{place:012x}", now, address=f"{place % _ADDRESSES:016x}")

    assign, assign_us = _rate(client, rounds, assign_one)
    began = time.perf_counter()
    lines = write_journal(database, client, [site.id], utc_now())
    rows = lines / (time.perf_counter() - began)
    for place in range(rounds):
        leases.leave(site, f"a{live:011x}{place:012x}", now)
    leases.note(site, now + timedelta(minutes=1), ())
    return Leased(live, assign, beat, assign_us, beat_us, rows)


def _rate(client: redis.Redis, rounds: int, work: Callable[[int], object]) -> tuple[float, float]:
    """How many a second, and the broker's own microseconds for each."""
    client.config_resetstat()
    began = time.perf_counter()
    for place in range(rounds):
        work(place)
    took = time.perf_counter() - began
    stats: dict[str, dict[str, float]] = client.info("commandstats")
    return rounds / took, stats["cmdstat_evalsha"]["usec"] / rounds
