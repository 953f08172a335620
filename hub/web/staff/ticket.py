"""The way into the table from a CRM's frame: a signed ticket in the form itself, for no cookie reaches a frame.

It is made when the CRM has proven who opened the page, and holds one connection of one workspace, the
portal or account it was bound to then, and that user. It travels in posts alone, never in an address;
another site cannot know it, so a form that carries it is nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.orm import Session

from hub.db.tables import Connection
from hub.web.services import web

LIVES = timedelta(minutes=60)
_SALT = "who is who in a frame"
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who looks, as the CRM said: `account` is the portal's member id, or the account's id."""

    vendor: str
    connection_id: int
    workspace_id: int
    account: str
    user_id: str
    may_change: bool
    language: str
    until: int = 0

    @property
    def actor(self) -> str:
        """How the audit log names them."""
        return f"{self.vendor}:{self.user_id}"


@dataclass(frozen=True, slots=True)
class Turned:
    """Why a ticket opens nothing: "expired", "forged" or "gone"; `language` is "" where it cannot be believed."""

    why: str
    language: str = ""


def seal(ticket: Ticket) -> str:
    """The ticket as a text that only we can have written; good for an hour from now."""
    until = int((web().services.now() + LIVES).timestamp())
    return str(_signer().dumps({**asdict(ticket), "until": until}))


def opened(
    session: Session, text: str, vendor: str, account_of: Callable[[Session, Connection], str]
) -> tuple[Ticket, Connection] | Turned:
    """The ticket and its connection, when it is ours, in time, and the connection is still what it was then."""
    ticket = _read(text)
    if ticket is None or ticket.vendor != vendor:
        return Turned("forged")
    if web().services.now().timestamp() >= ticket.until:
        return Turned("expired", ticket.language)
    row = session.get(Connection, ticket.connection_id)
    is_same = row is not None and (row.vendor, row.workspace_id) == (ticket.vendor, ticket.workspace_id)
    if row is None or not is_same or account_of(session, row) != ticket.account or row.state == "needs_reconnect":
        return Turned("gone", ticket.language)
    return ticket, row


def _read(text: str) -> Ticket | None:
    if len(text) > _LONGEST:
        return None
    try:
        return Ticket(**_signer().loads(text))
    except (BadSignature, TypeError):
        return None


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=_SALT)
