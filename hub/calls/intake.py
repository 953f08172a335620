"""From the inbox to calls: claim rows, read them, fold, and close them in the transaction that changes the call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.calls.inbox import Claimed, acquit, claim, mark
from hub.calls.record import CallChange, StatedEvent, record_events, split_by_time
from hub.calls.storable import storable
from hub.db.engine import database_now
from hub.db.retrying import in_transaction
from hub.db.tables import Connection, DriftRow, Workspace
from hub.db.work import InboxRow, InboxState
from hub.domain.events import CallEvent, EventKind
from hub.domain.notices import Notice
from hub.net.upserts import insert_into
from hub.observe.crash import crash_point
from hub.runtime import Runtime
from webhooks.contract import Drift, Ignored, Malformed, News, ParseContext, Parsed, Stated

log = structlog.get_logger()

BATCH = 64
"""How many rows one claim takes: a telephone that begins to ring waits for no more than these."""
POISON_AFTER_TRIES = 3

_ENDS = frozenset({EventKind.ENDED, EventKind.SUMMARY})

OnChange = Callable[[Session, CallChange], None]
OnNotice = Callable[[Session, int, Notice], bool]
"""Told of each notice with the connection it came from; False when nobody here minds it."""


def nobody_minds(_session: Session, _connection_id: int, _notice: Notice) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class _Understood:
    row: Claimed
    events: tuple[CallEvent, ...]


def drain_inbox(
    runtime: Runtime, on_change: OnChange, on_notice: OnNotice = nobody_minds, *, batch: int = BATCH
) -> int:
    """Process waiting rows until none is due; returns how many were closed.

    `on_change` is called inside the transaction that changes a call, so that what follows from the
    change is committed with it or not at all; `on_notice` likewise in the one that closes its row.
    """
    closed = 0
    while rows := claim(runtime, batch):
        try:
            closed += _process(runtime, rows, on_change, on_notice)
        except OperationalError:
            acquit(runtime, rows)
            raise
    return closed


def _process(runtime: Runtime, rows: Sequence[Claimed], on_change: OnChange, on_notice: OnNotice) -> int:
    contexts = _contexts(runtime, {row.connection_id for row in rows})
    groups: dict[tuple[int, tuple[str, ...]], list[_Understood]] = {}
    closed = 0
    for row in rows:
        parsed = _parse(runtime, row, contexts)
        if isinstance(parsed, Stated):
            call_keys = tuple(sorted({event.call_key for event in parsed.events}))
            groups.setdefault((row.connection_id, call_keys), []).append(_Understood(row, parsed.events))
        elif isinstance(parsed, News):
            closed += _heed(runtime, row, parsed, on_notice)
        elif parsed is not None:
            _close(runtime, row, parsed)
            closed += 1
        if parsed is not None and parsed.drift:
            _count_drift(runtime, row.connection_id, parsed.drift)
    for (connection_id, _), understood in sorted(groups.items(), key=lambda group: _is_over(group[1])):
        closed += _fold_group(runtime, connection_id, understood, on_change)
    _note_signs_of_life(runtime, rows)
    return closed


def _is_over(understood: Sequence[_Understood]) -> bool:
    """Whether these rows tell of ends only or as well: somebody waits for the card of those that do not."""
    return any(event.kind in _ENDS for one in understood for event in one.events)


def _note_signs_of_life(runtime: Runtime, rows: Sequence[Claimed]) -> None:
    """When each connection was last heard of: once per connection and batch."""
    heard_at = {row.connection_id: row.received_at for row in sorted(rows, key=lambda row: row.received_at)}
    with runtime.database.transaction() as session:
        for connection_id, moment in sorted(heard_at.items()):
            session.execute(
                update(Connection)
                .where(
                    Connection.id == connection_id,
                    or_(Connection.last_event_at.is_(None), Connection.last_event_at < moment),
                )
                .values(last_event_at=moment)
                .execution_options(synchronize_session=False)
            )


def _contexts(runtime: Runtime, connection_ids: set[int]) -> dict[int, tuple[str, ParseContext]]:
    with runtime.database.reading() as session:
        found = session.execute(
            select(Connection.id, Connection.vendor, Connection.settings, Workspace.region)
            .join(Workspace, Workspace.id == Connection.workspace_id)
            .where(Connection.id.in_(connection_ids))
        ).all()
    return {row.id: (row.vendor, ParseContext(row.region, row.settings)) for row in found}


def _parse(runtime: Runtime, row: Claimed, contexts: dict[int, tuple[str, ParseContext]]) -> Parsed | None:
    """What the row states; None when it stays for another try."""
    vendor, context = contexts[row.connection_id]
    hook = runtime.registry[vendor].hook if vendor in runtime.registry else None
    if hook is None:
        return Malformed(f"{vendor} sends nothing that the hub reads")
    try:
        return storable(hook.parse(row.item, context))
    except Exception as error:
        log.exception("parse_failed", inbox_id=row.id, vendor=vendor)
        return _poison(runtime, row, error)


def _poison(runtime: Runtime, row: Claimed, error: Exception) -> Malformed | None:
    """Count the failure; None while the row may be tried again.

    Only what the hub itself failed on is a try: a claim that came to nothing because the database went is none.
    """
    failures = row.attempts + 1
    if failures >= POISON_AFTER_TRIES:
        return Malformed(f"the hub failed on it {failures} times ({type(error).__name__}); replay it after an update")
    with runtime.database.transaction() as session:
        session.execute(update(InboxRow).where(InboxRow.id == row.id).values(attempts=failures, taken=0))
    return None


def _by_call(understood: Sequence[_Understood]) -> dict[str, list[StatedEvent]]:
    calls: dict[str, list[StatedEvent]] = {}
    for one in understood:
        for event in one.events:
            calls.setdefault(event.call_key, []).append((event, one.row.received_at, one.row.id))
    return calls


def _fold_group(runtime: Runtime, connection_id: int, understood: Sequence[_Understood], on_change: OnChange) -> int:
    """Fold all rows of the same calls at once; when that fails, one by one: a poisoned row harms only itself."""
    try:
        return _fold(runtime, connection_id, understood, on_change)
    except OperationalError:
        raise  # the database is in trouble and not the row: it is no try of the row's
    except Exception as error:
        log.exception("fold_failed", connection_id=connection_id, rows=[one.row.id for one in understood])
        if len(understood) > 1:
            return sum(_fold_group(runtime, connection_id, [one], on_change) for one in understood)
        verdict = _poison(runtime, understood[0].row, error)
        if verdict is None:
            return 0
        _close(runtime, understood[0].row, verdict)
        return 1


def _fold(runtime: Runtime, connection_id: int, understood: Sequence[_Understood], on_change: OnChange) -> int:
    """A row that tells of several calls is closed with all of them, or with none."""

    def work(session: Session) -> None:
        for call_key, everything in sorted(_by_call(understood).items()):
            for stated in split_by_time(everything):
                change = record_events(session, runtime, connection_id, call_key, stated)
                on_change(session, change)
                mark(session, [inbox_id for _, _, inbox_id in stated], InboxState.PROCESSED, "", change.row.id)
        crash_point("before_fold_commit")

    in_transaction(runtime.database, work)
    crash_point("after_fold_commit_before_bell")
    return len(understood)


def _heed(runtime: Runtime, row: Claimed, news: News, on_notice: OnNotice) -> int:
    def work(session: Session) -> None:
        minded = [on_notice(session, row.connection_id, notice) for notice in news.notices]
        if any(minded):
            mark(session, [row.id], InboxState.PROCESSED, "", None)
        else:
            kinds = ", ".join(sorted({type(notice).__name__ for notice in news.notices}))
            mark(session, [row.id], InboxState.IGNORED, f"nobody here minds it: {kinds}", None)

    try:
        in_transaction(runtime.database, work)
    except OperationalError:
        raise
    except Exception as error:
        log.exception("notice_failed", inbox_id=row.id)
        verdict = _poison(runtime, row, error)
        if verdict is None:
            return 0
        _close(runtime, row, verdict)
    return 1


def _close(runtime: Runtime, row: Claimed, parsed: Ignored | Malformed) -> None:
    state = InboxState.IGNORED if isinstance(parsed, Ignored) else InboxState.QUARANTINED
    with runtime.database.transaction() as session:
        mark(session, [row.id], state, parsed.reason, None)
    if state is InboxState.QUARANTINED:
        log.warning("quarantined", inbox_id=row.id, connection_id=row.connection_id, reason=parsed.reason)


def _count_drift(runtime: Runtime, connection_id: int, drift: Sequence[Drift]) -> None:
    with runtime.database.transaction() as session:
        now = database_now(session)
        for one in drift:
            seen = insert_into(session, DriftRow).values(
                connection_id=connection_id, kind=one.kind, name=one.name, seen=1, last_seen_at=now
            )
            session.execute(
                seen.on_conflict_do_update(
                    index_elements=["connection_id", "kind", "name"],
                    set_={"seen": DriftRow.seen + 1, "last_seen_at": now},
                )
            )


def waiting(session: Session) -> int:
    """How many inbox rows are not closed yet."""
    count = session.scalar(select(func.count()).where(InboxRow.state == InboxState.RECEIVED))
    return count or 0
