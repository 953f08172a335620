"""The way from the portal's frame into the admin pages: a signed ticket, good once and for ten minutes."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass

from flask import current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.locks import take_turn
from hub.db.tables import AuditRow, Connection, User, Workspace
from hub.web.bitrix24 import bitrix24
from hub.web.bitrix24.frame import refusal_page
from hub.web.pages.login import begin_session
from hub.web.people import Person, person_of
from hub.web.services import web

TICKET_SECONDS = 600
_SALT = "bitrix24 launch"
_LOCKED = "!"  # no hash of anything: such an account has no way in but the portal


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who may come in, as the portal told when the page was opened."""

    connection_id: int
    user_id: str
    role: str
    locale: str
    nonce: str


def new_ticket(connection_id: int, user_id: str, role: str, locale: str) -> str:
    ticket = Ticket(connection_id, user_id, role, locale, secrets.token_urlsafe(18))
    return str(_signer().dumps(asdict(ticket)))


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=_SALT)


def _read(text: str) -> Ticket | None:
    try:
        return Ticket(**_signer().loads(text, max_age=TICKET_SECONDS))
    except (BadSignature, TypeError):
        return None


@bitrix24.post("/launch")
def launch() -> ResponseReturnValue:
    """Begin a session of the person on the ticket. A ticket that was seen before opens nothing."""
    ticket = _read(request.form.get("ticket", "")) if _is_our_own_form() else None
    person = _person(ticket) if ticket is not None else None
    if ticket is None or person is None:
        return refusal_page("ticket", status=403)
    begin_session(person)
    return redirect(url_for("pages.root"), code=303)


def _is_our_own_form() -> bool:
    """The form stands on a page of ours; another site must not log people in as somebody of its choice."""
    origin = request.headers.get("Origin")
    return origin in (None, request.host_url.rstrip("/"), web().public_url)


def _person(ticket: Ticket) -> Person | None:
    with web().database.transaction() as session:
        take_turn(session, "launch", ticket.nonce)
        connection = session.get(Connection, ticket.connection_id)
        if connection is None or _was_used(session, connection, ticket):
            return None
        user = _user(session, connection, ticket)
        if user.disabled_at is not None:
            return None
        actor = user.email
        session.add(
            AuditRow(
                workspace_id=connection.workspace_id,
                at=web().services.now(),
                actor=actor,
                action="bitrix24_launch",
                subject=ticket.nonce,
            )
        )
        session.flush()
        return person_of(user, session.get_one(Workspace, connection.workspace_id))


def _was_used(session: Session, connection: Connection, ticket: Ticket) -> bool:
    seen = select(AuditRow.id).where(
        AuditRow.workspace_id == connection.workspace_id,
        AuditRow.action == "bitrix24_launch",
        AuditRow.subject == ticket.nonce,
    )
    return session.scalar(seen) is not None


def _user(session: Session, connection: Connection, ticket: Ticket) -> User:
    """The portal's employee as an account of their own: never one that was made here under the same e-mail."""
    email = f"{ticket.user_id}@{connection.name}.bitrix24"
    mine = (User.workspace_id == connection.workspace_id, User.email == email)
    user = session.scalar(select(User).where(*mine))
    if user is None:
        user = User(
            workspace_id=connection.workspace_id,
            email=email,
            password_hash=_LOCKED,
            role=ticket.role,
            locale=ticket.locale,
            created_at=web().services.now(),
        )
        session.add(user)
    user.role = ticket.role
    session.flush()
    return user
