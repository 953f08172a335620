"""What a PBX lists as its short numbers: kept, and asked before a command names one.

A command with an extension that the PBX does not know is an invalid request, and two of those shut
some PBXs for minutes (`mango.md §6.2`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import delete, func, select

from connectors.contract import Connector, Door, ListedExtension
from hub.db.engine import database_now
from hub.db.routing import PbxExtension
from hub.delivery.directory import lists_to_read
from hub.delivery.doors import open_door
from hub.delivery.pace import keep_pace
from hub.domain.errors import DeliveryError, OverBudget, Rejected
from hub.domain.intents import Lane
from hub.runtime import Runtime

log = structlog.get_logger()

FRESH_FOR = timedelta(minutes=10)
ASK_AGAIN_AFTER = timedelta(minutes=1)
_LOOK_AGAIN_IN = timedelta(milliseconds=150)
_SHORT_DIGITS = 5
_KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "route": ("to", ("user", "group")),
    "callback": ("extension", ("user",)),
    "callback_group": ("extension", ("group",)),
}


def check_extension(runtime: Runtime, connector: Connector, door: Door, command: str, order: Mapping[str, Any]) -> None:
    """Raises `Rejected` when the PBX does not list the short number that `order` names.

    The list is read now when it was never read, or when the number may be newer than the list.
    """
    if connector.directory is None or command not in _KINDS:
        return
    field, kinds = _KINDS[command]
    extension = str(order.get(field, ""))
    if not extension.isdigit() or len(extension) > _SHORT_DIGITS:
        return
    known = _known(runtime, door.connection.id, extension, kinds)
    if known is None:
        try:
            _refresh(runtime, connector, door)
        except OverBudget as error:
            # Somebody else has just asked: what they were told stands here in a moment.
            raise OverBudget(str(error), until=runtime.now() + _LOOK_AGAIN_IN, scope="method") from None
        known = _known(runtime, door.connection.id, extension, kinds)
    if not known:
        raise Rejected(f"The PBX lists no extension {extension} that this command could ring.")


def _known(runtime: Runtime, connection_id: int, extension: str, kinds: tuple[str, ...]) -> bool | None:
    """Whether the number is listed; None when the list should be read (again) before anybody says no."""
    with runtime.database.reading() as session:
        kind = session.scalar(
            select(PbxExtension.kind).where(
                PbxExtension.connection_id == connection_id, PbxExtension.extension == extension
            )
        )
        if kind in kinds:
            return True
        read_at = session.scalar(
            select(func.max(PbxExtension.refreshed_at)).where(PbxExtension.connection_id == connection_id)
        )
        is_old = read_at is None or database_now(session) - read_at > ASK_AGAIN_AFTER
    return None if is_old else False


def _refresh(runtime: Runtime, connector: Connector, door: Door) -> None:
    assert connector.directory is not None
    keep_pace(runtime, connector.commands, door.connection, "extensions")
    keep_extensions(runtime, door.connection.id, connector.directory.extensions(door))


def keep_extensions(runtime: Runtime, connection_id: int, listed: Sequence[ListedExtension]) -> None:
    """Replace what is kept; an empty list changes nothing."""
    if not listed:
        return
    unique = {one.extension: one for one in reversed(listed)}
    with runtime.database.transaction() as session:
        now = database_now(session)
        session.execute(delete(PbxExtension).where(PbxExtension.connection_id == connection_id))
        session.add_all(
            PbxExtension(
                connection_id=connection_id,
                extension=one.extension[:64],
                kind=one.kind,
                name=one.name[:200],
                refreshed_at=now,
            )
            for one in unique.values()
        )


def refresh_extensions(runtime: Runtime) -> None:
    """Read the lists of all PBXs that have one and whose list is older than ten minutes."""
    able = [vendor for vendor, connector in runtime.registry.items() if connector.directory and connector.commands]
    for connection_id, vendor in lists_to_read(runtime, able, PbxExtension, FRESH_FOR):
        connector = runtime.registry[vendor]
        try:
            with open_door(runtime, connection_id, Lane.BULK, purpose="extensions") as door:
                _refresh(runtime, connector, door)
        except DeliveryError as error:
            log.warning("extensions_not_refreshed", connection_id=connection_id, reason=str(error)[:200])
