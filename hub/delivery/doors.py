"""Opening a door: everything a connector may reach the world with, bound to one connection and lane."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeGuard

from sqlalchemy import select

from connectors.contract import ConnectionFacts, Door, RecordingFile
from hub.db.tables import Connection, RecordingRow, Workspace
from hub.delivery.health import rest, rests_until
from hub.delivery.secrecy import Confidences, OverheardTokens
from hub.domain.access import QuotaRule, TokenPair
from hub.domain.errors import DeliveryError, NotReady, OverBudget, Rejected, Throttled
from hub.domain.intents import Lane
from hub.runtime import Runtime

METHOD_RESTS = timedelta(minutes=10)
"""How long one method is left alone when the vendor blocks it without saying until when (bitrix24.md §2.3)."""
FINISHES_WITHIN_SECONDS = 10.0
"""How long a step that has begun waits in place for the budget of its next request."""
_NEXT_LOOK_SECONDS = 0.05


@contextmanager
def open_door(
    runtime: Runtime, connection_id: int, lane: Lane, *, purpose: str = "other", delivers: bool = False
) -> Iterator[Door]:
    """A door to connection `connection_id`; each request through it is counted in the ledger under `purpose`.

    A delivery error that leaves through it repeats none of the connection's secrets, whatever the vendor said.
    A CRM that has said "too fast" is left alone by what is no delivery, too: raises `OverBudget` then.
    (Deliveries themselves wait in the outbox, and learn from each try: `delivers`.)
    """
    with open_listening_door(runtime, connection_id, lane, purpose=purpose) as (door, _):
        is_duty = not delivers and runtime.registry[door.connection.vendor].crm is not None
        resting = rests_until(runtime, connection_id) if is_duty else None
        if resting is not None:
            raise OverBudget("The other side asked for a pause.", until=resting)
        try:
            yield door
        except Throttled as error:
            if is_duty and error.scope == "connection" and not isinstance(error, OverBudget):
                rest(runtime, connection_id, error.until, str(error))
            raise


@contextmanager
def open_listening_door(
    runtime: Runtime, connection_id: int, lane: Lane, *, purpose: str
) -> Iterator[tuple[Door, Confidences]]:
    """The same, with the secrets that were used through it: for errors that are returned and not raised."""
    facts = _facts(runtime, connection_id)
    connector = runtime.registry[facts.vendor]
    asker = connector.crm or connector.pbx
    rule = asker.quota(facts) if asker is not None else None
    spent: list[str] = []
    confidences = Confidences(facts.secrets)

    def spend(method: str) -> None:
        goes_on = bool(spent)
        spent.append(method)
        if rule is not None:
            _take(runtime, rule, facts, lane, purpose, method, goes_on=goes_on)
        runtime.ledger.note(facts.id, lane, purpose)

    def refresh(refresh_token: str) -> TokenPair:
        if connector.oauth is None:
            raise Rejected(f"{connector.title} knows no token to refresh")
        confidences.add(refresh_token)
        return confidences.heard(connector.oauth.refresh(door, refresh_token))

    tokens = runtime.tokens.for_connection(connection_id, refresh, lambda changes: _remember(runtime, facts, changes))
    door = Door(
        connection=facts,
        http=runtime.http,
        tokens=OverheardTokens(tokens, confidences),
        now=runtime.now,
        spend=spend,
        recording=lambda key: _recording(runtime, key),
        remember=lambda changes: _remember(runtime, facts, changes),
    )
    try:
        yield door, confidences
    except DeliveryError as error:
        confidences.hush(error)
        if rule is not None and spent and _blocks_method(error):
            runtime.bucket.hold_method(rule.key, spent[-1], error.until or runtime.now() + METHOD_RESTS)
        raise


def _blocks_method(error: DeliveryError) -> TypeGuard[Throttled]:
    return isinstance(error, Throttled) and error.scope == "method" and not isinstance(error, OverBudget)


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


def _take(
    runtime: Runtime, rule: QuotaRule, facts: ConnectionFacts, lane: Lane, purpose: str, method: str, *, goes_on: bool
) -> None:
    """Take one request from the budget. Raises `OverBudget` when there is none.

    What has begun is finished: a second request waits for its turn here, out of the reserve of the
    urgent. Put off, it would begin anew with the first one, and where the budget is scarce several
    such steps could spend all of it on beginnings.
    """
    gives_up_at = time.monotonic() + (FINISHES_WITHIN_SECONDS if goes_on else 0)
    while True:
        try:
            lane_now = Lane.URGENT if goes_on else lane
            if rule.beside is not None:  # the wider one first: it is rarely empty, and little is lost when it is not
                runtime.bucket.take(rule.beside, lane_now, method)
            runtime.bucket.take(rule, lane_now, method)
            return
        except Throttled as error:
            wait_seconds = (error.until - runtime.now()).total_seconds() if error.until else math.inf
            if time.monotonic() + wait_seconds > gives_up_at:
                runtime.ledger.note(facts.id, lane, purpose, throttled=True)
                if lane is not Lane.URGENT and error.until is not None and error.scope == "connection":
                    runtime.rests.rest(facts.id, lane, error.until)
                raise OverBudget(str(error), until=error.until, scope=error.scope) from None
        threading.Event().wait(max(wait_seconds, _NEXT_LOOK_SECONDS))


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
