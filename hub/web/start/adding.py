"""Making a connection from a form by the same way as `dozvon apply` does, and asking whether its keys are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from connectors.contract import Connector
from hub.db.engine import database_now
from hub.db.tables import Connection, Workspace
from hub.delivery.directory import keep_users
from hub.delivery.doors import open_door
from hub.delivery.health import MEND_PAUSED, MEND_REVOKED, resume, stop
from hub.domain.errors import AuthExpired, AuthRevoked, DeliveryError, Paused, Throttled
from hub.domain.intents import Lane
from hub.provisioning.connections import apply_connections
from hub.provisioning.document import Source
from hub.provisioning.work import Work
from hub.staff.systems import is_crm
from hub.web.audit import note
from hub.web.pages.holding import MEND_BY_HAND
from hub.web.people import Person
from hub.web.services import web
from hub.web.start.standing import never_let_in


@dataclass(frozen=True, slots=True)
class Keys:
    """What a form gave for a connection of `vendor`."""

    vendor: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, Any]


def keep_connection(person: Person, keys: Keys, known_id: int | None = None) -> int:
    """Make the connection, or give the known one these keys; secrets that were left empty stay. Returns its id.

    Raises `WrongDocument` when the connector's schemas refuse something; nothing is kept then.
    """
    with web().database.transaction() as session:
        workspace = session.get_one(Workspace, person.workspace_id, with_for_update=True)
        rows = session.scalars(select(Connection).where(Connection.workspace_id == workspace.id)).all()
        known = next((row for row in rows if row.id == known_id), None)
        name = known.name if known else _free_name(keys.vendor, {row.name for row in rows})
        secrets = {**(known.secrets or {}), **keys.secrets} if known else dict(keys.secrets)
        services = web().services
        source = Source("form", Path(), {}, {})
        work = Work(session, workspace, source, services.registry, services.now(), web().public_url)
        item = {"name": name, "vendor": keys.vendor, "settings": keys.settings, "secrets": secrets}
        apply_connections(work, [item])
        note(session, person, "connection.change" if known else "connection.add", name)
        query = select(Connection).where(Connection.workspace_id == workspace.id, Connection.name == name)
        row = session.scalars(query).one()
        if never_let_in(row) and _will_be_asked(row):
            # Nothing else may use keys that nobody has tried: a PBX shuts its door after two wrong requests.
            stop(session, row, "needs_reconnect", "", MEND_REVOKED)
        return row.id


def _will_be_asked(row: Connection) -> bool:
    connector = web().services.registry.get(row.vendor)
    return connector is not None and connector.check is not None and web().services.runtime is not None


def _free_name(vendor: str, taken: set[str]) -> str:
    number, name = 1, vendor
    while name in taken:
        number += 1
        name = f"{vendor}-{number}"
    return name


def refusal_by(connection: Connection, connector: Connector) -> DeliveryError | None:
    """Ask the other system once; of a CRM also who works there. None when it answered, else what it said.

    The connection learns from it. Call it only where the hub has a way out and the connector a `check`.
    """
    runtime = web().services.runtime
    assert runtime is not None
    assert connector.check is not None
    try:
        with open_door(runtime, connection.id, Lane.URGENT, purpose="check") as door:
            connector.check(door)
            users = connector.crm.users(door) if connector.crm else ()
    except DeliveryError as error:
        _learn_refusal(connection.id, connector, error)
        return error
    keep_users(runtime, connection.id, users)
    _learn_success(connection.id)
    return None


def _learn_success(connection_id: int) -> None:
    """It lets us in: what was stopped by anything but a person's hand goes on."""
    with web().database.transaction() as session:
        row = session.get_one(Connection, connection_id, with_for_update=True)
        if row.state != "active" and row.state_mend != MEND_BY_HAND:
            resume(session, connection_id)
        elif row.failing_since is not None:
            row.failing_since, row.failures_in_row, row.breaker_until = None, 0, None


def _learn_refusal(connection_id: int, connector: Connector, error: DeliveryError) -> None:
    """Dead access stops a connection; a CRM that has never let us in stays shut after any refusal.

    Calls for it wait then, instead of being tried for days at an address with a typing mistake.
    """
    with web().database.transaction() as session:
        row = session.get_one(Connection, connection_id, with_for_update=True)
        if row.state_mend == MEND_BY_HAND:
            return
        is_new = never_let_in(row)
        stays_shut = is_crm(connector) or isinstance(error, Throttled)
        if isinstance(error, AuthRevoked | AuthExpired) or (is_new and stays_shut):
            stop(session, row, "needs_reconnect", error.message, MEND_REVOKED)
        elif isinstance(error, Paused):
            stop(session, row, "paused", error.message, MEND_PAUSED)
        elif is_new:
            resume(session, connection_id)
            session.refresh(row)
            row.failing_since, row.last_error = database_now(session), error.message[:2000]
