"""Accounts as rows: which connection an account is, what a log-in changes, and how a connection finds its workspace."""

from __future__ import annotations

from secrets import token_urlsafe

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from connectors.amocrm.hosts import host_of
from connectors.amocrm.install import Keys, Login, Unproven
from connectors.amocrm.jwt import account_id_of
from hub.db.locks import take_turn
from hub.db.tables import AuditRow, Connection, ConnectionToken, Workspace
from hub.delivery.health import resume
from hub.net.tokens import store_pair
from hub.provisioning.connections import token_hash as hash_token
from hub.web.services import web

VENDOR = "amocrm"
CALLBACK = "/amocrm/callback"
_OWN_WORKSPACE = "amo-"
_HOOK_TOKEN_BYTES = 24
_NOT_YET = "Nobody has logged in to this amoCRM account yet."
_LOG_IN = "Open /amocrm/install and connect it."
_ELSEWHERE = "This account is connected to another workspace already."


def connections_of(session: Session, client_id: str) -> list[Connection]:
    """The connections that use one integration, in every workspace."""
    rows = session.scalars(select(Connection).where(Connection.vendor == VENDOR).order_by(Connection.id))
    return [row for row in rows if client_id and keys_of(row).client_id == client_id]


def connections_in(session: Session, workspace_id: int) -> list[Connection]:
    """amoCRM's connections of one workspace that an integration's keys can log in."""
    rows = session.scalars(
        select(Connection)
        .where(Connection.vendor == VENDOR, Connection.workspace_id == workspace_id)
        .order_by(Connection.id)
    )
    return [row for row in rows if keys_of(row).client_secret]


def keys_of(row: Connection) -> Keys:
    """The integration's keys; an integration made for us has our own redirect address."""
    secrets = row.secrets or {}
    redirect_uri = secrets.get("redirect_uri") or f"{web().public_url}{CALLBACK}"
    return Keys(secrets.get("client_id", ""), secrets.get("client_secret", ""), redirect_uri)


def market_keys() -> Keys | None:
    """Our own integration in the vendor's marketplace, when the operator has one."""
    settings = web().settings
    if not settings.amocrm_client_id or not settings.amocrm_client_secret:
        return None
    return Keys(settings.amocrm_client_id, settings.amocrm_client_secret, f"{web().public_url}{CALLBACK}")


def account_of(session: Session, row: Connection) -> str:
    """The account that a connection was last logged in to; "" before that."""
    if row.settings.get("account_id"):
        return str(row.settings["account_id"])
    token = session.get(ConnectionToken, row.id)
    return account_id_of(token.pair["access"]) if token else ""


def new_connection(session: Session, workspace_id: int, keys: Keys, base_url: str = "") -> Connection:
    """A connection that waits for somebody to log in."""
    now = web().services.now()
    token = token_urlsafe(_HOOK_TOKEN_BYTES)
    row = Connection(
        workspace_id=workspace_id,
        name=_free_name(session, workspace_id),
        vendor=VENDOR,
        hook_token=token,
        hook_token_hash=hash_token(token),
        settings={"auth": "oauth", "base_url": base_url},
        secrets={
            "client_id": keys.client_id,
            "client_secret": keys.client_secret,
            "redirect_uri": keys.redirect_uri,
        },
        state="needs_reconnect",
        state_reason=_NOT_YET,
        state_mend=_LOG_IN,
        state_since=now,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _free_name(session: Session, workspace_id: int) -> str:
    taken = set(session.scalars(select(Connection.name).where(Connection.workspace_id == workspace_id)))
    return next(name for name in ("amo", *(f"amo-{number}" for number in range(2, 1000))) if name not in taken)


# --- A log-in -----------------------------------------------------------------------------------------


def keep_login(session: Session, row: Connection, login: Login) -> None:
    """Make a fresh pair the connection's. Raises `Unproven` where the account is, or would be, somebody else's.

    Two connections to one account would write everything twice; one whose account changes under it
    would send a client's calls to a stranger.
    """
    take_turn(session, VENDOR, login.account_id)
    known = account_of(session, row)
    if known and known != login.account_id:
        words = "That is another account than this connection's."
        raise Unproven(words, "Log in to the account it belongs to.").because("other_account")
    _require_admin(session, row, login)
    _free_account(session, row, login.account_id)
    row.settings = {
        **row.settings,
        "auth": "oauth",
        "base_url": login.base_url,
        "account_id": login.account_id,
    }
    store_pair(session, row.id, login.pair)
    resume(session, row.id)
    note(session, row, "amocrm_connected", login.user_id)


def _require_admin(session: Session, row: Connection, login: Login) -> None:
    """The token carries its person's rights (amocrm.md §1.1), so an administrator's is not given up for less."""
    if login.is_admin is False and session.get(ConnectionToken, row.id) is not None:
        raise Unproven("Only an administrator of the account can connect it anew.").because("admin_needed")


def _free_account(session: Session, row: Connection, account_id: str) -> None:
    for other in connections_of(session, keys_of(row).client_id):
        if other.id == row.id or account_of(session, other) != account_id:
            continue
        if other.workspace_id == row.workspace_id:
            words = f"This account is connected already, as “{other.name}”."
            raise Unproven(words, "Log in to that connection.").because("connected_already", name=other.name)
        workspace = session.get_one(Workspace, other.workspace_id)
        if not _is_unclaimed(session, workspace):
            raise Unproven(_ELSEWHERE, "Remove it there first.").because("elsewhere")
        session.execute(delete(ConnectionToken).where(ConnectionToken.connection_id == other.id))
        session.execute(delete(Connection).where(Connection.id == other.id))
        session.execute(delete(Workspace).where(Workspace.id == workspace.id))


def note(session: Session, row: Connection, action: str, who: str = "") -> None:
    """Write into the audit what was done for a connection, and by whom over there."""
    actor = f"amocrm:{who}" if who else VENDOR
    now = web().services.now()
    session.add(AuditRow(workspace_id=row.workspace_id, at=now, actor=actor, action=action, subject=row.name))


# --- From the widget ----------------------------------------------------------------------------------


def connection_for(session: Session, keys: Keys, login: Login) -> Connection:
    """The connection of an account that was installed from the widget: known, prepared, or new and unclaimed.

    Only rows with the secret that brought the log-in count: whoever merely names the integration and
    the account's address in a connection of theirs must not be handed its access.
    """
    rows = [row for row in connections_of(session, keys.client_id) if keys_of(row) == keys]
    for row in rows:
        if account_of(session, row) == login.account_id:
            return row
    for row in rows:
        if not account_of(session, row) and host_of(str(row.settings.get("base_url", ""))) == host_of(login.base_url):
            return row
    return new_connection(session, _waiting_room(session, login).id, keys)


def _waiting_room(session: Session, login: Login) -> Workspace:
    """A workspace without people: nobody sees the account's connection until its administrator claims it."""
    slug = f"{_OWN_WORKSPACE}{login.account_id}"
    known = session.scalar(select(Workspace).where(Workspace.slug == slug))
    if known is not None:
        return known
    room = Workspace(
        slug=slug,
        name=login.account_name[:200],
        timezone="Europe/Moscow",
        region="RU",
        locale="ru",
        hours={},
        created_at=web().services.now(),
    )
    session.add(room)
    session.flush()
    return room


def claim(session: Session, row: Connection, workspace_id: int) -> None:
    """Take a waiting connection into a workspace. Raises `Unproven` when it belongs to another one."""
    if row.workspace_id == workspace_id:
        return
    room = session.get_one(Workspace, row.workspace_id)
    if not _is_unclaimed(session, room):
        raise Unproven(_ELSEWHERE, "Remove it there first.").because("elsewhere")
    row.name, row.workspace_id = _free_name(session, workspace_id), workspace_id
    note(session, row, "amocrm_claimed")
    session.flush()
    session.execute(delete(Workspace).where(Workspace.id == room.id))


def is_waiting(session: Session, row: Connection) -> bool:
    """Whether nobody has claimed this connection yet."""
    return _is_unclaimed(session, session.get_one(Workspace, row.workspace_id))


def _is_unclaimed(session: Session, workspace: Workspace) -> bool:
    alone = select(func.count()).select_from(Connection).where(Connection.workspace_id == workspace.id)
    return workspace.slug.startswith(_OWN_WORKSPACE) and session.scalar(alone) == 1
