"""Handing numbers out and taking them back: one atomic script in Redis, loaded from SQL when Redis knows nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import func, select

from hub.db.engine import Database
from hub.db.tracking import LeaseRow
from hub.tracking.live.journal import write_journal
from hub.tracking.live.sites import Site

_FOLDER = Path(__file__).parent
_LONGEST_REST = timedelta(days=90)
NOBODY = "-"


def prefix_of(site_id: int) -> str:
    """What the site's keys begin with; the braces keep them on one node of a cluster."""
    return f"dz:t:{{{site_id}}}:"


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def moment_at(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Lease:
    """A visit holds `number` until `until`, unless it says something before. `shared`: others hold it as well."""

    number: str
    since: datetime
    until: datetime
    shared: bool


class Leases:
    """The leases of all sites. Every method may raise `redis.RedisError`: then nobody gets a number."""

    def __init__(self, client: redis.Redis, database: Database) -> None:
        self.client = client
        self._database = database
        self._step = client.register_script((_FOLDER / "leases.lua").read_text(encoding="utf-8"))
        self._load = client.register_script((_FOLDER / "load.lua").read_text(encoding="utf-8"))

    def hold(
        self,
        site: Site,
        visit: str,
        now: datetime,
        *,
        region: str = "",
        had: str = "",
        address: str = NOBODY,
        notes: Sequence[str] = (),
    ) -> Lease | None:
        """The number of `visit`, given or kept; None when the site has none.

        `had` is the number the visit had before: it gets it again if that is free. `address` is a hash of where
        it comes from. `notes` are lines for the journal, written with it or not at all.
        """
        found = self._run(site, "hold", now, visit, region, had, address, notes)
        if found[0] != b"held":
            return None
        number, since, until, shared = found[1].decode(), int(found[2]), int(found[3]), bool(found[4])
        return Lease(number, moment_at(since), moment_at(until), shared)

    def leave(self, site: Site, visit: str, now: datetime) -> None:
        """The visit gives its number back; coming again within seconds it gets the same one."""
        self._run(site, "leave", now, visit, "", "", NOBODY, ())

    def note(self, site: Site, now: datetime, notes: Sequence[str]) -> None:
        """Lines for the journal alone; what has lapsed is taken back on the way."""
        self._run(site, "sweep", now, NOBODY, "", "", NOBODY, notes)

    def _run(
        self,
        site: Site,
        what: str,
        now: datetime,
        visit: str,
        region: str,
        had: str,
        address: str,
        notes: Sequence[str],
    ) -> Any:
        idle_ms = site.rules.idle_seconds * 1000
        pool = region if region in site.numbers.values() else ""
        arguments: list[str | int] = [what, site.version, milliseconds(now), visit, idle_ms, pool, had, address, *notes]
        found: Any = self._step([prefix_of(site.id)], arguments)
        if found[0] == b"load":
            self.load(site, now)
            found = self._step([prefix_of(site.id)], arguments)
        return found

    def load(self, site: Site, now: datetime) -> None:
        """Bring Redis to the site's present numbers and to the leases that SQL knows."""
        write_journal(self._database, self.client, [site.id], now)
        with self._database.reading() as session:
            rested = session.execute(
                select(LeaseRow.number, func.max(LeaseRow.until))
                .where(LeaseRow.site_id == site.id, LeaseRow.until > now - _LONGEST_REST)
                .group_by(LeaseRow.number)
            ).all()
            held = session.execute(
                select(LeaseRow.visit_uid, LeaseRow.number, LeaseRow.since, LeaseRow.until)
                .where(LeaseRow.site_id == site.id, LeaseRow.until > now)
                .order_by(LeaseRow.since.desc())
            ).all()
        rest = {number: milliseconds(until) for number, until in rested}
        arguments: list[str | int] = [site.version, milliseconds(now), len(site.numbers)]
        for number, region in site.numbers.items():
            arguments += [number, region, rest.get(number, 0)]
        for visit, number, since, until in held:
            arguments += [visit, number, milliseconds(since), milliseconds(until)]
        self._load([prefix_of(site.id)], arguments)


def address_hash(address: str, salt: str) -> str:
    """An IP address as the budgets know it: the address itself is kept nowhere."""
    return hashlib.blake2b(f"{salt}|{address}".encode(), digest_size=8).hexdigest()
