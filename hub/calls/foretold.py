"""What an item of the inbox would become if it were read again now; nothing is written, and nothing is counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Registry
from hub.calls.inbox import DEADLY
from hub.calls.storable import storable
from hub.db.tables import CallRow, Connection, Workspace
from hub.db.work import InboxRow
from hub.domain.events import CallEvent
from webhooks.contract import InboxItem, Malformed, News, ParseContext, Parsed, Stated

log = structlog.get_logger()


class Fate(StrEnum):
    """`news`: something that is not about a call; `untried`: reading it may end the process, so only workers do."""

    JOINS_CALL = "joins_call"
    NEW_CALL = "new_call"
    NEWS = "news"
    IGNORED = "ignored"
    STAYS = "stays"
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True)
class Foretold:
    """`events` are what the item states of calls, `call_ids` those calls of them that the hub knows, by key."""

    fate: Fate
    reason: str = ""
    events: tuple[CallEvent, ...] = ()
    call_ids: Mapping[str, int] | None = None


def foretell(session: Session, registry: Registry, rows: Sequence[InboxRow]) -> dict[int, Foretold]:
    """By row id, what each of `rows` would become by this version of the hub."""
    contexts = _contexts(session, {row.connection_id for row in rows})
    return {row.id: _foretell(session, registry, row, *contexts[row.connection_id]) for row in rows}


def _contexts(session: Session, connection_ids: Iterable[int]) -> dict[int, tuple[str, ParseContext]]:
    found = session.execute(
        select(Connection.id, Connection.vendor, Connection.settings, Workspace.region)
        .join(Workspace, Workspace.id == Connection.workspace_id)
        .where(Connection.id.in_(connection_ids))
    )
    return {row.id: (row.vendor, ParseContext(row.region, row.settings)) for row in found}


def _foretell(session: Session, registry: Registry, row: InboxRow, vendor: str, context: ParseContext) -> Foretold:
    if row.reason == DEADLY:
        return Foretold(Fate.UNTRIED, row.reason)
    parsed = _read(registry, row, vendor, context)
    if isinstance(parsed, Stated):
        known = _known_calls(session, row.connection_id, {event.call_key for event in parsed.events})
        fate = Fate.JOINS_CALL if known else Fate.NEW_CALL
        return Foretold(fate, events=parsed.events, call_ids=known)
    if isinstance(parsed, News):
        return Foretold(Fate.NEWS)
    return Foretold(Fate.STAYS if isinstance(parsed, Malformed) else Fate.IGNORED, parsed.reason)


def _read(registry: Registry, row: InboxRow, vendor: str, context: ParseContext) -> Parsed:
    hook = registry[vendor].hook if vendor in registry else None
    if hook is None:
        return Malformed(f"{vendor} sends nothing that the hub reads")
    try:
        return storable(hook.parse(InboxItem(row.dedupe_key, row.topic, row.body), context))
    except Exception as error:
        log.exception("foretelling_failed", inbox_id=row.id, vendor=vendor)
        return Malformed(
            f"the hub failed on it {row.attempts + 1} times ({type(error).__name__}); replay it after an update"
        )


def _known_calls(session: Session, connection_id: int, keys: Iterable[str]) -> dict[str, int]:
    query = select(CallRow.call_key, CallRow.id).where(CallRow.connection_id == connection_id)
    return {key: int(call_id) for key, call_id in session.execute(query.where(CallRow.call_key.in_(keys)))}
