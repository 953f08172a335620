"""What we send away and must get back: signed, good for ten minutes and once, bound to a session where there is one."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from flask import current_app, session
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.locks import take_turn
from hub.db.tables import AuditRow
from hub.web.people import current_person, this_person
from hub.web.services import web

LIVES = timedelta(minutes=10)
_SESSION_KEY = "amocrm_states"
_MOST_TABS = 5
Facts = dict[str, Any]


def new_state(connection_id: int | None) -> str:
    """A state for the log-in of one connection; None for one that an external integration's keys will make."""
    facts = {"workspace": this_person().workspace_id, "connection": connection_id}
    text, nonce = seal("state", facts)
    session[_SESSION_KEY] = [*session.get(_SESSION_KEY, []), nonce][-_MOST_TABS:]
    return text


def returned_state(text: str) -> Facts | None:
    """The facts of a state that comes back to the session that sent it, of somebody who is still of that workspace."""
    facts = unseal("state", text)
    person = current_person()
    if facts is None or person is None or person.workspace_id != facts["workspace"]:
        return None
    known = session.get(_SESSION_KEY, [])
    if facts["nonce"] not in known:
        return None
    session[_SESSION_KEY] = [nonce for nonce in known if nonce != facts["nonce"]]
    with web().database.transaction() as database:
        return facts if spend(database, facts["workspace"], "amocrm_state", facts["nonce"]) else None


def seal(kind: str, facts: Facts) -> tuple[str, str]:
    """`facts` as a text that only we can have written, and its nonce."""
    nonce = secrets.token_urlsafe(18)
    until = int((web().services.now() + LIVES).timestamp())
    return str(_signer(kind).dumps({**facts, "nonce": nonce, "until": until})), nonce


def unseal(kind: str, text: str) -> Facts | None:
    """What was sealed; None when it is not ours or its time is over."""
    try:
        facts: Facts = _signer(kind).loads(text)
    except BadSignature:
        return None
    return facts if web().services.now().timestamp() < facts["until"] else None


def spend(database: Session, workspace_id: int, action: str, nonce: str) -> bool:
    """Note that `nonce` was used for `action`; False when it had been before."""
    take_turn(database, action, nonce)
    seen = select(AuditRow.id).where(
        AuditRow.workspace_id == workspace_id, AuditRow.action == action, AuditRow.subject == nonce[:200]
    )
    if database.scalar(seen) is not None:
        return False
    person = current_person()
    actor = person.email if person else "amocrm"
    now = web().services.now()
    database.add(AuditRow(workspace_id=workspace_id, at=now, actor=actor, action=action, subject=nonce[:200]))
    return True


def _signer(kind: str) -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=f"amocrm {kind}")
