"""Opening a door: everything a connector may reach the world with, bound to one connection and lane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from connectors.contract import ConnectionFacts, Door, RecordingFile
from hub.db.tables import Connection, RecordingRow, Workspace
from hub.domain.access import QuotaRule, TokenPair
from hub.domain.errors import NotReady, OverBudget, Rejected, Throttled
from hub.domain.intents import Lane
from hub.runtime import Runtime

METHOD_RESTS = timedelta(minutes=10)
"""How long one method is left alone when the vendor blocks it without saying until when (bitrix24.md §2.3)."""


@contextmanager
def open_door(runtime: Runtime, connection_id: int, lane: Lane, *, purpose: str = "other") -> Iterator[Door]:
    """A door to connection `connection_id`; each request through it is counted in the ledger under `purpose`."""
    facts = _facts(runtime, connection_id)
    connector = runtime.registry[facts.vendor]
    asker = connector.crm or connector.pbx
    rule = asker.quota(facts) if asker is not None else None
    spent: list[str] = []

    def spend(method: str) -> None:
        spent.append(method)
        _spend(runtime, rule, facts, lane, purpose, method)

    def refresh(refresh_token: str) -> TokenPair:
        if connector.oauth is None:
            raise Rejected(f"{connector.title} knows no token to refresh")
        return connector.oauth.refresh(door, refresh_token)

    door = Door(
        connection=facts,
        http=runtime.http,
        tokens=runtime.tokens.for_connection(
            connection_id, refresh, lambda changes: _remember(runtime, facts, changes)
        ),
        now=runtime.now,
        spend=spend,
        recording=lambda key: _recording(runtime, key),
        remember=lambda changes: _remember(runtime, facts, changes),
    )
    try:
        yield door
    except Throttled as error:
        if rule is not None and spent and error.scope == "method" and not isinstance(error, OverBudget):
            runtime.bucket.hold_method(rule.key, spent[-1], error.until or runtime.now() + METHOD_RESTS)
        raise


def _facts(runtime: Runtime, connection_id: int) -> ConnectionFacts:
    with runtime.database.reading() as session:
        row, workspace = session.execute(
            select(Connection, Workspace)
            .join(Workspace, Workspace.id == Connection.workspace_id)
            .where(Connection.id == connection_id)
        ).one()
        return ConnectionFacts(
            id=row.id,
            vendor=row.vendor,
            name=row.name,
            region=workspace.region,
            timezone=workspace.timezone,
            locale=workspace.locale,
            settings=row.settings,
            secrets=row.secrets or {},
        )


def _spend(
    runtime: Runtime, rule: QuotaRule | None, facts: ConnectionFacts, lane: Lane, purpose: str, method: str
) -> None:
    if rule is not None:
        try:
            runtime.bucket.take(rule, lane, method)
        except Throttled as error:
            runtime.ledger.note(facts.id, lane, purpose, throttled=True)
            raise OverBudget(str(error), until=error.until, scope=error.scope) from None
    runtime.ledger.note(facts.id, lane, purpose)


def _recording(runtime: Runtime, key: str) -> RecordingFile:
    with runtime.database.reading() as session:
        row = session.get(RecordingRow, int(key))
    if row is None or row.file_name is None:
        raise NotReady("the recording is not kept yet")
    path: Path = runtime.settings.recordings / row.file_name
    if not path.is_file():
        raise Rejected(f"the kept recording {row.id} is gone from the disk")
    return RecordingFile(path, path.suffix.lstrip("."), path.stat().st_size)


def _remember(runtime: Runtime, facts: ConnectionFacts, changes: Mapping[str, object]) -> None:
    with runtime.database.transaction() as session:
        row = session.get_one(Connection, facts.id, with_for_update=True)
        row.settings = {**row.settings, **changes}
