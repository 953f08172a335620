"""Which PBX and which CRM of a workspace a table is about, and whom the PBX names."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Connector, ListedExtension, Registry
from hub.db.tables import Connection
from hub.delivery.doors import open_door
from hub.delivery.pace import keep_pace
from hub.domain.errors import DeliveryError, Throttled
from hub.domain.intents import Lane
from hub.runtime import Runtime

_SHORTEST_WAIT_SECONDS = 0.05


def is_pbx(connector: Connector | None) -> bool:
    return connector is not None and connector.hook is not None and connector.crm is None


def is_crm(connector: Connector | None) -> bool:
    return connector is not None and connector.crm is not None


@dataclass(frozen=True, slots=True)
class Systems:
    """One CRM and the PBX whose extensions are meant; `pbx` is None while the workspace has none."""

    crm: Connection
    pbx: Connection | None
    pbxs: tuple[Connection, ...] = ()

    @property
    def other_pbxs(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.pbxs if self.pbx is None or one.id != self.pbx.id)


def systems_of(session: Session, registry: Registry, crm: Connection, pbx_id: int | None = None) -> Systems:
    """The CRM with that PBX of its workspace, else with the one that was connected last."""
    rows = session.scalars(
        select(Connection).where(Connection.workspace_id == crm.workspace_id).order_by(Connection.id)
    )
    pbxs = tuple(row for row in rows if is_pbx(registry.get(row.vendor)))
    chosen = next((row for row in pbxs if row.id == pbx_id), pbxs[-1] if pbxs else None)
    return Systems(crm, chosen, pbxs)


@dataclass(frozen=True, slots=True)
class Listing:
    """The employees whom a PBX names; nobody where it cannot be asked.

    `trouble` are its words when it refused; `is_early` tells that it only wants to be asked later.
    """

    extensions: tuple[ListedExtension, ...] = ()
    trouble: str = ""
    is_early: bool = False


def ask_pbx(
    runtime: Runtime | None, registry: Registry, pbx: Connection | None, *, patience: timedelta = timedelta(0)
) -> Listing:
    """Ask the PBX now for its employees and their e-mails.

    One that wants to be asked later is asked again then, as long as that is within `patience` from now.
    """
    connector = registry.get(pbx.vendor) if pbx is not None else None
    if runtime is None or pbx is None or connector is None or connector.directory is None:
        return Listing()
    gives_up_at = runtime.now() + patience
    while True:
        try:
            return Listing(_asked(runtime, connector, pbx.id))
        except Throttled as error:
            if error.until is None or error.until > gives_up_at:
                return Listing(trouble=error.message, is_early=True)
            wait = error.until - runtime.now()
        except DeliveryError as error:
            return Listing(trouble=error.message)
        threading.Event().wait(max(wait.total_seconds(), _SHORTEST_WAIT_SECONDS))


def _asked(runtime: Runtime, connector: Connector, pbx_id: int) -> tuple[ListedExtension, ...]:
    assert connector.directory is not None
    with open_door(runtime, pbx_id, Lane.URGENT, purpose="directory") as door:
        keep_pace(runtime, connector.commands, door.connection, "extensions")
        return employees_in(connector.directory.extensions(door))


def employees_in(listed: Sequence[ListedExtension]) -> tuple[ListedExtension, ...]:
    """Those that are people's, each once; a group's number belongs to nobody."""
    unique = {one.extension: one for one in reversed(listed) if one.kind == "user"}
    return tuple(reversed(unique.values()))
