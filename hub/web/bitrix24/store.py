"""Installations as rows: which connection a portal is, what an installation changes, what a removal ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from connectors.bitrix24.application import Claim, PortalUser, Proof, Unproven, pair_of
from hub.config import Settings
from hub.db.dials import DialRow, ReferenceRow
from hub.db.directory import DirectoryUser
from hub.db.locks import take_turn
from hub.db.tables import AuditRow, Connection, ConnectionToken, Workspace
from hub.db.work import DeliveryRow, InboxRow
from hub.delivery.health import resume
from hub.net.tokens import store_pair
from hub.web.bitrix24.places import place_of

VENDOR = "bitrix24"
_OWN_WORKSPACE = "b24-"
_KEPT_SECRETS = ("client_id", "client_secret")


@dataclass(frozen=True, slots=True)
class Installed:
    connection_id: int
    workspace_id: int
    is_new: bool


def connections_of(session: Session, member_id: str) -> list[Connection]:
    """The connections to one portal; its address may change, its member id never does (bitrix24.md §0)."""
    return list(
        session.scalars(
            select(Connection)
            .where(Connection.vendor == VENDOR, Connection.settings["member_id"].as_string() == member_id)
            .order_by(Connection.id)
        )
    )


def is_known_application(session: Session, settings: Settings, client_id: str) -> bool:
    """Whether `client_id` is an application of ours: the hub's own, or one that a connection names."""
    if client_id and client_id == settings.bitrix24_client_id:
        return True
    rows = session.scalars(select(Connection).where(Connection.vendor == VENDOR))
    return any((row.secrets or {}).get("client_id") == client_id for row in rows)


def keep_installation(
    session: Session,
    settings: Settings,
    now: datetime,
    claim: Claim,
    proof: Proof,
    user: PortalUser,
    workspace_id: int | None = None,
) -> Installed:
    """Write a proven installation into the connection it belongs to, or into a new one.

    `workspace_id` is the workspace whose administrator began it. Raises `Unproven` when the
    application is none of ours, or the portal belongs to somebody else's workspace.
    """
    take_turn(session, VENDOR, proof.member_id)
    row = _connection_for(session, proof, workspace_id)
    is_new = row is None
    if row is None:
        row = _new_connection(session, settings, now, claim, proof, workspace_id)
    elif workspace_id is not None and row.workspace_id != workspace_id:
        _move(session, row, workspace_id)
    _write(session, row, now, claim, proof, user)
    return Installed(row.id, row.workspace_id, is_new)


def _connection_for(session: Session, proof: Proof, workspace_id: int | None) -> Connection | None:
    """The connection with this portal and application; else one that was prepared for the application."""
    same = [row for row in connections_of(session, proof.member_id) if _client_id(row) == proof.client_id]
    same.sort(key=lambda row: row.workspace_id != workspace_id)
    if same:
        return same[0]
    for row in session.scalars(select(Connection).where(Connection.vendor == VENDOR).order_by(Connection.id)):
        waits_for_it = not row.settings.get("member_id") and _client_id(row) == proof.client_id
        if waits_for_it and row.settings.get("domain") in (None, "", proof.domain):
            return row
    return None


def _client_id(row: Connection) -> str:
    return str((row.secrets or {}).get("client_id", ""))


def _new_connection(
    session: Session, settings: Settings, now: datetime, claim: Claim, proof: Proof, workspace_id: int | None
) -> Connection:
    if proof.client_id != settings.bitrix24_client_id or not settings.bitrix24_client_secret:
        hint = "Enter its client_id and client_secret in a connection, or in DOZVON_BITRIX24_CLIENT_ID and _SECRET."
        words = "The portal opened an application that the hub does not know."
        raise Unproven(words, hint).because("unknown_application")
    workspace = session.get(Workspace, workspace_id) if workspace_id is not None else None
    if workspace is None:
        workspace = _new_workspace(session, now, claim, proof)
    keys = {"client_id": settings.bitrix24_client_id, "client_secret": settings.bitrix24_client_secret}
    row = Connection(
        workspace_id=workspace.id,
        name=_free_name(session, workspace.id),
        vendor=VENDOR,
        settings={"auth": "oauth", "source_id": "CALL", "plan": "ordinary"},
        secrets=keys,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _new_workspace(session: Session, now: datetime, claim: Claim, proof: Proof) -> Workspace:
    slug = f"{_OWN_WORKSPACE}{proof.member_id[:24].lower()}"
    known = session.scalar(select(Workspace).where(Workspace.slug == slug))
    if known is not None:
        return known
    place = place_of(proof.domain, claim.language)
    workspace = Workspace(
        slug=slug,
        name=proof.domain,
        timezone=place.timezone,
        region=place.region,
        locale=place.locale,
        hours={},
        created_at=now,
    )
    session.add(workspace)
    session.flush()
    return workspace


def _free_name(session: Session, workspace_id: int) -> str:
    taken = set(session.scalars(select(Connection.name).where(Connection.workspace_id == workspace_id)))
    return next(name for name in (VENDOR, *(f"{VENDOR}-{n}" for n in range(2, 1000))) if name not in taken)


def _move(session: Session, row: Connection, workspace_id: int) -> None:
    """An installation that made a workspace for itself joins the one whose administrator asked for it."""
    alone = select(func.count()).select_from(Connection).where(Connection.workspace_id == row.workspace_id)
    old = session.get_one(Workspace, row.workspace_id)
    if not old.slug.startswith(_OWN_WORKSPACE) or session.scalar(alone) != 1:
        words = "This portal is connected to another workspace already."
        raise Unproven(words, "Remove the application there first.").because("elsewhere")
    row.name, row.workspace_id = _free_name(session, workspace_id), workspace_id
    session.flush()
    session.execute(delete(Workspace).where(Workspace.id == old.id))


def _write(session: Session, row: Connection, now: datetime, claim: Claim, proof: Proof, user: PortalUser) -> None:
    row.settings = {
        **row.settings,
        "auth": "oauth",
        "member_id": proof.member_id,
        "domain": proof.domain,
        "client_endpoint": proof.client_endpoint,
        "server_endpoint": proof.server_endpoint,
        "installed_by": user.id,
    }
    if claim.application_token:
        row.secrets = {**row.secrets, "application_token": claim.application_token}
    pair = pair_of(claim, now)
    if pair is not None:
        store_pair(session, row.id, pair)
        resume(session, row.id)
    session.add(_audit(row, now, user.id, "bitrix24_installed", proof.domain))


def _audit(row: Connection, now: datetime, who: str, action: str, subject: str) -> AuditRow:
    actor = f"bitrix24:{who}" if who else VENDOR
    return AuditRow(workspace_id=row.workspace_id, at=now, actor=actor, action=action, subject=subject[:200])


def has_tokens(session: Session, connection_id: int) -> bool:
    return session.get(ConnectionToken, connection_id) is not None


def keep_address(row: Connection, proof: Proof) -> None:
    """The portal was renamed: the auth server says for the same member id that it lives elsewhere now."""
    moved = {"domain": proof.domain, "client_endpoint": proof.client_endpoint}
    if any(row.settings.get(name) != value for name, value in moved.items()):
        row.settings = {**row.settings, **moved}


# --- Removal ----------------------------------------------------------------------------------------


def end_access(session: Session, row: Connection, now: datetime, *, wipe: bool) -> None:
    """The application was removed: its tokens and what it had read of the portal go; with `wipe` all of it."""
    for table in (ConnectionToken, DirectoryUser, ReferenceRow):
        session.execute(delete(table).where(table.connection_id == row.id))
    row.secrets = {name: value for name, value in (row.secrets or {}).items() if name in _KEPT_SECRETS}
    row.previous_secrets = None
    session.add(_audit(row, now, "", "bitrix24_removed", "wiped" if wipe else "kept"))
    if wipe:
        _wipe(session, row)


def _wipe(session: Session, row: Connection) -> None:
    """What the hub wrote to the portal, and what came from it. The rows of the inbox stay as empty receipts."""
    session.execute(delete(DeliveryRow).where(DeliveryRow.connection_id == row.id))
    session.execute(delete(DialRow).where(DialRow.crm_connection_id == row.id))
    session.execute(update(InboxRow).where(InboxRow.connection_id == row.id).values(body=b""))
    kept = ("auth", "member_id", "domain", "client_endpoint", "server_endpoint", "source_id", "plan")
    row.settings = {name: value for name, value in row.settings.items() if name in kept}
