"""Which users of the hub a person from the provider is. Nobody becomes a user here."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.identities import UserIdentity
from hub.db.tables import User, Workspace
from hub.web.audit import note
from hub.web.office.accounts import ARGON
from hub.web.oidc.provider import Identity
from hub.web.oidc.refusals import Reason, Refused
from hub.web.people import Person, person_of, users_named

Found = list[tuple[User, Workspace]]


def find_users(session: Session, identity: Identity) -> Found:
    """The accounts that may be opened, in one workspace or several.

    Who was bound before is known by the subject, whatever their e-mail is by now; else the verified
    e-mail decides. Raises `Refused` when there is no account, or none that is open.
    """
    bound = _bound(session, identity)
    known = {user.id for user, _ in bound}
    named = [pair for pair in _named(session, identity) if pair[0].id not in known]
    taken = _bound_to_others(session, identity, [user.id for user, _ in named])
    found = bound + [pair for pair in named if pair[0].id not in taken]
    if not found:
        raise Refused(_why_nobody(identity, is_taken=bool(taken)))
    still_open = [pair for pair in found if pair[0].disabled_at is None]
    if not still_open:
        raise Refused(Reason.DISABLED)
    return still_open


def enter(session: Session, user_id: int, identity: Identity, now: datetime) -> Person:
    """The person to begin a session for, bound to the provider from now on. Raises `Refused` as `find_users` does."""
    session.get(User, user_id, with_for_update=True)
    user, workspace = next(
        (pair for pair in find_users(session, identity) if pair[0].id == user_id), (None, None)
    )  # fmt: skip
    if user is None or workspace is None:
        raise Refused(Reason.UNKNOWN)
    person = person_of(user, workspace)
    mine = select(UserIdentity.id).where(UserIdentity.user_id == user_id, UserIdentity.issuer == identity.issuer)
    if session.scalar(mine) is None:
        session.add(
            UserIdentity(user_id=user_id, issuer=identity.issuer, subject=identity.subject, bound_at=now)
        )  # fmt: skip
        note(session, person, "login.bind", urlsplit(identity.issuer).hostname or "")
    return person


def _bound(session: Session, identity: Identity) -> Found:
    rows = session.execute(
        select(User, Workspace)
        .join(Workspace, Workspace.id == User.workspace_id)
        .join(UserIdentity, UserIdentity.user_id == User.id)
        .where(UserIdentity.issuer == identity.issuer, UserIdentity.subject == identity.subject)
        .order_by(User.id)
    )
    return [(user, workspace) for user, workspace in rows]


def _named(session: Session, identity: Identity) -> Found:
    """Accounts by the verified e-mail; not those that a CRM's own log-in has made."""
    if not identity.email:
        return []
    return [pair for pair in users_named(session, identity.email) if pair[0].password_hash.startswith(ARGON)]


def _bound_to_others(session: Session, identity: Identity, user_ids: list[int]) -> set[int]:
    """Those whose account belongs to another subject: an address may have been given to another person since."""
    query = select(UserIdentity.user_id).where(
        UserIdentity.user_id.in_(user_ids), UserIdentity.issuer == identity.issuer
    )
    return set(session.scalars(query))


def _why_nobody(identity: Identity, *, is_taken: bool) -> Reason:
    if is_taken:
        return Reason.TAKEN
    return Reason.UNKNOWN if identity.email else Reason.UNVERIFIED
