"""From the journal in Redis to rows in SQL, in batches; said twice, written once.

A line is a letter and what it says: `V` a visit, `T` a touch, `P` a page, `F` a form, `U` what changed of a visit, `S`
what the script saw on a page (all as JSON), `L visit number since until seen shared` a lease (times in ms).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import redis
import structlog
from sqlalchemy import bindparam, event, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from hub.db.engine import Database, database_now
from hub.db.locks import take_turn
from hub.db.tables import Base
from hub.db.tracking import FormReport, LeaseRow, PageRow, SiteRow, TouchRow, VisitRow
from hub.tracking.live.late import LATE, ask_again_of_forms, ask_again_of_leases

log = structlog.get_logger()

BATCH = 1000
_BROKEN = (DataError, IntegrityError, LookupError, ValueError)


def write_journal(database: Database, client: redis.Redis, site_ids: Iterable[int], now: datetime) -> int:
    """Write what the journals of these sites hold; returns how many lines. Raises `redis.RedisError`."""
    written = 0
    for site_id in site_ids:
        while client.xlen(_journal(site_id)):
            lines = _write_one_batch(database, client, site_id, now)
            written += lines
            if lines < BATCH:
                break
    return written


def _write_one_batch(database: Database, client: redis.Redis, site_id: int, now: datetime) -> int:
    """A batch that cannot be written is tried line by line, so that a broken line harms only itself."""
    try:
        with database.transaction() as session:
            return write_batch(session, client, site_id, now)
    except _BROKEN:
        log.exception("journal_batch_failed", site_id=site_id)
    for _ in range(BATCH):
        try:
            with database.transaction() as session:
                if not write_batch(session, client, site_id, now, size=1):
                    break
        except _BROKEN as error:
            log.warning("journal_line_dropped", site_id=site_id, reason=type(error).__name__)
            _forget(client, site_id, [entry for entry, _ in _read(client, site_id, 1)])
    return BATCH


def write_batch(session: Session, client: redis.Redis, site_id: int, now: datetime, *, size: int = BATCH) -> int:
    """Write one batch inside `session`; its lines leave the journal after the commit. Returns how many they were."""
    take_turn(session, "journal", site_id)
    entries = _read(client, site_id, size)
    if not entries:
        return 0
    site = session.get(SiteRow, site_id)
    if site is not None:
        batch = _Batch(site.id, site.workspace_id, site)
        for entry, line in entries:
            batch.read(entry.decode(), line)
        batch.write(session, now)
    ids = [entry for entry, _ in entries]

    def forget(committed: Session) -> None:
        if not committed.in_nested_transaction():  # a savepoint is no commit yet
            _forget(client, site_id, ids)

    event.listen(session, "after_commit", forget)
    return len(entries)


def carry_journal(client: redis.Redis, session: Session, site_id: int) -> None:
    """Write what the tracker said of a site inside a transaction of somebody else, whom it must not harm.

    Redis away: the rows are all there is, and what comes later has the call asked about again.
    """
    try:
        now = database_now(session)
        with session.begin_nested():
            write_batch(session, client, site_id, now)
    except redis.RedisError as error:
        log.warning("journal_out_of_reach", site_id=site_id, reason=type(error).__name__)
    except _BROKEN as error:
        log.warning("journal_left_to_the_web", site_id=site_id, reason=type(error).__name__)


def _read(client: redis.Redis, site_id: int, size: int) -> list[tuple[bytes, str]]:
    found: Any = client.xrange(_journal(site_id), count=size)
    return [(entry, fields[b"d"].decode()) for entry, fields in found]


def _forget(client: redis.Redis, site_id: int, ids: Sequence[bytes]) -> None:
    """What cannot be forgotten now is written again, and changes nothing then."""
    try:
        client.xdel(_journal(site_id), *ids)
    except redis.RedisError as error:
        log.warning("journal_not_shortened", reason=type(error).__name__)


def _journal(site_id: int) -> str:
    return f"dz:t:{{{site_id}}}:journal"


@dataclass(slots=True)
class _Batch:
    """The lines of one batch, sorted into rows."""

    site_id: int
    workspace_id: int
    site: SiteRow
    rows: dict[type[Base], list[dict[str, Any]]] = field(default_factory=dict)
    leases: dict[tuple[str, str, int], dict[str, Any]] = field(default_factory=dict)
    seen: dict[str, datetime] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def read(self, entry: str, line: str) -> None:
        kind, _, rest = line.partition(" ")
        if kind == "L":
            self._read_lease(rest)
        else:
            _READERS[kind](self, entry, json.loads(rest))

    def _read_lease(self, rest: str) -> None:
        visit, number, since, until, seen, shared = rest.split(" ")
        row = {
            "workspace_id": self.workspace_id, "site_id": self.site_id, "visit_uid": visit, "number": number,
            "since": _moment(since), "until": _moment(until), "shared": shared == "1",
        }  # fmt: skip
        self.leases[visit, number, int(since)] = row
        self.is_seen(visit, _moment(seen))

    def is_seen(self, visit: str, at: datetime) -> None:
        self.seen[visit] = max(at, self.seen.get(visit, at))

    def add(self, table: type[Base], row: dict[str, Any]) -> None:
        self.rows.setdefault(table, []).append(row)

    def write(self, session: Session, now: datetime) -> None:
        for table, rows in self.rows.items():
            insert_new(session, table, rows)
        _write_leases(session, list(self.leases.values()), now)
        ask_again_of_forms(session, self.rows.get(FormReport, ()))
        _write_seen(session, self.seen)
        _write_changes(session, self.changes)


def _moment(ms: str | float) -> datetime:
    return datetime.fromtimestamp(float(ms) / 1000, UTC)


def _read_visit(batch: _Batch, _entry: str, said: dict[str, Any]) -> None:
    at = _moment(said["at"])
    batch.add(
        VisitRow,
        {
            "uid": said["visit"], "workspace_id": batch.workspace_id, "site_id": batch.site_id,
            "visitor_id": said.get("visitor"), "started_at": at, "last_seen_at": at, "landing_url": said["url"],
            "referrer": said["referrer"], "source": said["source"], "medium": said["medium"],
            "campaign": said.get("campaign"), "region": said.get("region"), "device": said["device"],
            "ids": said["ids"], "params": {},
        },
    )  # fmt: skip


def _read_touch(batch: _Batch, entry: str, said: dict[str, Any]) -> None:
    names = ("source", "medium", "campaign", "content", "term", "channel", "url", "referrer", "click_ids")
    row = {"visit_uid": said["visit"], "entry": entry, "at": _moment(said["at"])}
    batch.add(TouchRow, {**row, **{name: said.get(name) for name in names}})


def _read_page(batch: _Batch, entry: str, said: dict[str, Any]) -> None:
    at = _moment(said["at"])
    batch.is_seen(said["visit"], at)
    batch.add(
        PageRow, {"visit_uid": said["visit"], "entry": entry, "at": at, "url": said["url"], "title": said["title"]}
    )


def _read_form(batch: _Batch, entry: str, said: dict[str, Any]) -> None:
    batch.add(
        FormReport,
        {
            "workspace_id": batch.workspace_id, "site_id": batch.site_id, "visit_uid": said["visit"], "entry": entry,
            "at": _moment(said["at"]), "form": said["form"], "phone_e164": said.get("phone"), "fields": said["fields"],
        },
    )  # fmt: skip


def _read_change(batch: _Batch, _entry: str, said: dict[str, Any]) -> None:
    batch.changes.append(said)


def _read_sight(batch: _Batch, _entry: str, said: dict[str, Any]) -> None:
    batch.site.seen = said


_READERS: Mapping[str, Callable[[_Batch, str, dict[str, Any]], None]] = {
    "V": _read_visit,
    "T": _read_touch,
    "P": _read_page,
    "F": _read_form,
    "U": _read_change,
    "S": _read_sight,
}


def insert_new(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows that are not there yet."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(table).on_conflict_do_nothing(), list(rows))


def _write_seen(session: Session, seen: Mapping[str, datetime]) -> None:
    if not seen:
        return
    visits = VisitRow.metadata.tables[VisitRow.__tablename__]
    later = (
        update(visits)
        .where(visits.c.uid == bindparam("visit"), visits.c.last_seen_at < bindparam("seen_at"))
        .values(last_seen_at=bindparam("seen_at"))
    )
    session.connection().execute(later, [{"visit": visit, "seen_at": at} for visit, at in seen.items()])


def _write_leases(session: Session, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    if not rows:
        return
    late = [row for row in rows if now - row["since"] >= LATE]
    found = session.execute(
        select(LeaseRow.visit_uid, LeaseRow.number).where(LeaseRow.visit_uid.in_({row["visit_uid"] for row in late}))
    )
    known = {(visit, number) for visit, number in found}
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(LeaseRow)
    moved = statement.on_conflict_do_update(
        index_elements=["visit_uid", "number", "since"], set_={"until": statement.excluded.until}
    )
    session.execute(moved, list(rows))
    ask_again_of_leases(session, [row for row in late if (row["visit_uid"], row["number"]) not in known])


def _write_changes(session: Session, changes: Sequence[Mapping[str, Any]]) -> None:
    for said in changes:
        row = session.scalar(select(VisitRow).where(VisitRow.uid == said["visit"]))
        if row is None:
            continue
        row.params = {**row.params, **said.get("params", {})}
        row.ids = {**row.ids, **said.get("ids", {})}
        row.visitor_id = said.get("visitor") or row.visitor_id
