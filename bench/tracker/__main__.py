"""`python -m bench.tracker`: assignments and beats a second against a real broker, and where their time goes."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import redis

from hub.db.engine import Database
from hub.db.keyring import install_keys
from hub.db.migrate import upgrade
from hub.db.tables import Workspace
from hub.db.tracking import SiteRow
from hub.runtime import utc_now
from hub.tracking.live.geo import Geo
from hub.tracking.live.journal import write_journal
from hub.tracking.live.leases import Leases
from hub.tracking.live.numbers import hold_numbers
from hub.tracking.live.sites import Site, read_site
from hub.tracking.live.visitors import Around, Visitors
from tests.services import running_broker

_CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
_ROUNDS = 3000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--live", type=int, nargs="+", default=[100, 10_000, 100_000])
    parser.add_argument("--numbers", type=int, default=1000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_broker() as broker:
        install_keys((), Path(folder))
        database = Database(_site(Path(folder), chosen.numbers))
        visitors = Visitors(redis.Redis.from_url(broker.url), database, Geo(Path(folder) / "none"), "salt", utc_now)
        with database.reading() as session:
            site = read_site(session, "shop", utc_now())
        assert site is not None
        print(f"{'live visits':>12} {'assign/s':>10} {'beat/s':>10} {'arrive/s':>10} {'in Redis':>9} {'rows/s':>10}")
        live = 0
        for wanted in chosen.live:
            live = _fill(visitors.leases, site, live, wanted)
            _report(visitors, site, wanted)
        database.close()


def _site(folder: Path, numbers: int) -> str:
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
            settings={"visits_per_ip_hour": 1_000_000, "idle_seconds": 14_000}, created_at=utc_now(),
        )  # fmt: skip
        session.add(site)
        session.flush()
        hold_numbers(session, {site.id: {f"+7495{place:07}": "" for place in range(numbers)}}, utc_now())
    database.close()
    return url


def _fill(leases: Leases, site: Site, live: int, wanted: int) -> int:
    for place in range(live, wanted):
        leases.hold(site, f"{place:024x}", utc_now())
    return wanted


def _rate(work: Callable[[int], object], rounds: int = _ROUNDS) -> float:
    started = time.perf_counter()
    for place in range(rounds):
        work(place)
    return rounds / (time.perf_counter() - started)


def _report(visitors: Visitors, site: Site, live: int) -> None:
    leases, client = visitors.leases, visitors.client
    now = utc_now() + timedelta(seconds=1)
    around = Around("10.0.0.1", _CHROME, "http://shop.example")
    said = {"url": "http://shop.example/?utm_source=yandex&utm_medium=cpc", "ref": "", "title": "Shop"}
    beat = _rate(lambda place: leases.hold(site, f"{place % live:024x}", now))
    client.config_resetstat()
    assign = _rate(lambda place: leases.hold(site, f"a{live:011x}{place:012x}", now))
    inside = _seconds_inside(client) / (_ROUNDS / assign)
    arrive = _rate(lambda _: visitors.arrive(site, said, around), 1000)
    started = time.perf_counter()
    lines = write_journal(visitors.database, client, [site.id], utc_now())
    rows = lines / (time.perf_counter() - started)
    print(f"{live:>12} {assign:>10.0f} {beat:>10.0f} {arrive:>10.0f} {inside:>9.0%} {rows:>10.0f}")


def _seconds_inside(client: redis.Redis) -> float:
    found: dict[str, dict[str, float]] = client.info("commandstats")
    return found.get("cmdstat_evalsha", {}).get("usec", 0.0) / 1e6


if __name__ == "__main__":
    main()
