"""Accounts of people: who may change whose, and the owner that a workspace always keeps."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.db.tables import AuditRow, EmployeeRow, User
from hub.web.people import Person

OWNER = "owner"
_PASSWORD_BYTES = 12
ARGON = "$argon2"
"""How the hash of a password begins; accounts of a CRM's own log-in have none."""


class Unchangeable(ValueError):
    """Why an account may not be changed so. `args[0]` is one of the keys of `office.words.REFUSALS`."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the page shows it: who it is among the employees, and when they last logged in."""

    user: User
    employee: EmployeeRow | None
    last_login_at: datetime | None

    @property
    def is_from_crm(self) -> bool:
        """Made by a CRM's own log-in: it has no password here, and its role is the CRM's."""
        return not self.user.password_hash.startswith(ARGON)


def new_password() -> str:
    """A password that nobody can guess, short enough to be told once."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def list_accounts(session: Session, workspace_id: int) -> list[Account]:
    """Everybody who may log in, by address."""
    rows = session.execute(
        select(User, EmployeeRow)
        .outerjoin(EmployeeRow, EmployeeRow.id == User.employee_id)
        .where(User.workspace_id == workspace_id)
        .order_by(User.email)
    ).all()
    seen = dict(
        session.execute(
            select(AuditRow.actor, func.max(AuditRow.at))
            .where(AuditRow.workspace_id == workspace_id, AuditRow.action.in_(("login", "bitrix24_launch")))
            .group_by(AuditRow.actor)
        ).all()
    )
    return [Account(user, employee, seen.get(user.email)) for user, employee in rows]


def find_user(session: Session, workspace_id: int, user_id: int) -> User | None:
    """The user, locked until the transaction ends."""
    query = select(User).where(User.id == user_id, User.workspace_id == workspace_id)
    return session.scalar(query.with_for_update())


def employees_of(session: Session, workspace_id: int) -> Sequence[EmployeeRow]:
    query = select(EmployeeRow).where(EmployeeRow.workspace_id == workspace_id)
    return session.scalars(query.order_by(EmployeeRow.name, EmployeeRow.id)).all()


def check_reach(person: Person, user: User) -> None:
    """An owner's account is changed by owners alone. Raises `Unchangeable`."""
    if user.role == OWNER and person.role != OWNER:
        raise Unchangeable("owners_only")


def check_role(session: Session, person: Person, user: User, role: str) -> None:
    """Raises `Unchangeable` when `person` may not give `user` this role, or nobody would be owner any more."""
    check_reach(person, user)
    if role == OWNER and person.role != OWNER:
        raise Unchangeable("owners_only")
    if user.role == OWNER and role != OWNER:
        _keep_an_owner(session, user)


def check_removal(session: Session, person: Person, user: User) -> None:
    """Raises `Unchangeable` for the own account, for an owner's in an admin's hands, and for the last owner's."""
    check_reach(person, user)
    if user.role == OWNER:
        _keep_an_owner(session, user)
    if user.id == person.id:
        raise Unchangeable("own_account")


def _keep_an_owner(session: Session, leaving: User) -> None:
    """All owners are locked: two who leave at once cannot each count on the other."""
    query = select(User.id).where(
        User.workspace_id == leaving.workspace_id, User.role == OWNER, User.disabled_at.is_(None)
    )
    if not [user_id for user_id in session.scalars(query.with_for_update()) if user_id != leaving.id]:
        raise Unchangeable("last_owner")
