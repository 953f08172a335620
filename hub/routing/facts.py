"""Reading what the decision needs: the workspace's people, and what is known of one caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, bindparam, or_, select
from sqlalchemy.orm import Session

from hub.db.directory import DirectoryUser
from hub.db.routing import Absence, Block, PersonHours, PhoneOwner, RoutingGroup
from hub.db.tables import CallRow, Connection, EmployeeRow, Provisioned, Workspace
from hub.domain.phone import Phone
from hub.routing.decide import CallerFacts, IndexedParty, VipEntry
from hub.routing.hours import ALL_DAY, Hours, read_hours
from hub.routing.staff import Colleague, Group, Staff

TIME_CLOCK_FRESH = timedelta(minutes=10)
REMEMBERED_TALK = timedelta(days=90)
_MOST_PARTIES = 10
_EVERY_PBX = "*"


@dataclass(frozen=True, slots=True)
class RoutingSettings:
    """A workspace's own choices. `push`: for which reasons a PBX that does not ask is told."""

    default_extension: str | None = None
    push: tuple[str, ...] = ("vip", "owner")


def read_settings(session: Session, workspace_id: int) -> RoutingSettings:
    document = session.scalar(
        select(Provisioned.document).where(
            Provisioned.workspace_id == workspace_id, Provisioned.section == "routing", Provisioned.key == "settings"
        )
    )
    if not document:
        return RoutingSettings()
    return RoutingSettings(document.get("default_extension") or None, tuple(document.get("push", ("vip", "owner"))))


# --- People ----------------------------------------------------------------------------------------


def read_staff(session: Session, workspace_id: int, pbx_name: str) -> Staff:
    """Everybody who may get a call on the PBX connection of that name.

    Where nobody has set hours, nobody is off shift: the default of interface.md §4 holds back calls that the hub
    would begin by itself, while this caller is on the line already and the PBX keeps its people's own schedules.
    """
    workspace = session.get_one(Workspace, workspace_id)
    hours = read_hours(workspace.hours, workspace.timezone, unset=ALL_DAY)
    people = _people(session, workspace, pbx_name)
    groups = session.scalars(
        select(RoutingGroup).where(RoutingGroup.workspace_id == workspace_id).order_by(RoutingGroup.id)
    )
    return Staff(
        hours=hours,
        colleagues=tuple(people.values()),
        groups=tuple(
            Group(row.name, str(extension), _own_hours(row.hours, workspace.timezone) or hours, row.weight)
            for row in groups
            if (extension := _here(row.extensions, pbx_name))
        ),
        default_extension=read_settings(session, workspace_id).default_extension,
    )


def _people(session: Session, workspace: Workspace, pbx_name: str) -> dict[str, Colleague]:
    """By extension: what the operator wrote, completed by what the CRMs' directories say."""
    rows = session.scalars(select(Connection).where(Connection.workspace_id == workspace.id)).all()
    ids = {row.name: row.id for row in rows}
    listed = session.scalars(select(DirectoryUser).where(DirectoryUser.connection_id.in_(ids.values()))).all()
    directory = {(user.connection_id, user.user_id): user for user in listed}
    found: dict[str, Colleague] = {}
    employees = session.scalars(select(EmployeeRow).where(EmployeeRow.workspace_id == workspace.id)).all()
    private = _private_hours(session, [row.id for row in employees])
    away = _absences(session, [row.id for row in employees])
    for row in employees:
        users = {ids[name]: str(user) for name, user in row.users.items() if name in ids}
        users = {key: user for key, user in users.items() if _is_active(directory.get((key, user)))}
        known = (directory.get(pair) for pair in users.items())
        extension = _here(row.extensions, pbx_name) or next((u.extension for u in known if u and u.extension), None)
        if extension:
            own = _own_hours(private.get(row.id, {}), workspace.timezone)
            found[str(extension)] = Colleague(row.name, str(extension), users, own, away.get(row.id, ()))
    for user in listed:
        if user.active and user.extension:
            _add_listed(found, user)
    return found


def _add_listed(found: dict[str, Colleague], user: DirectoryUser) -> None:
    assert user.extension is not None
    if any(one.users.get(user.connection_id) == user.user_id for one in found.values()):
        return
    known = found.get(user.extension)
    if known is None:
        found[user.extension] = Colleague(user.name, user.extension, {user.connection_id: user.user_id})
    elif user.connection_id not in known.users:
        users = {**known.users, user.connection_id: user.user_id}
        found[user.extension] = Colleague(known.name, known.extension, users, known.hours, known.absences)


def _is_active(user: DirectoryUser | None) -> bool:
    """Whom the CRM has dismissed owns nothing that rings here; whom it has not listed yet is believed."""
    return user is None or user.active


def _here(extensions: Mapping[str, Any], pbx_name: str) -> str | None:
    extension = extensions.get(pbx_name) or extensions.get(_EVERY_PBX)
    return str(extension) if extension else None


def _own_hours(document: Mapping[str, Any], zone: str) -> Hours | None:
    return read_hours(document, zone) if document else None


def _private_hours(session: Session, employee_ids: list[int]) -> dict[int, dict[str, Any]]:
    rows = session.scalars(select(PersonHours).where(PersonHours.employee_id.in_(employee_ids)))
    return {row.employee_id: row.hours for row in rows}


def _absences(session: Session, employee_ids: list[int]) -> dict[int, tuple[tuple[datetime, datetime], ...]]:
    found: dict[int, tuple[tuple[datetime, datetime], ...]] = {}
    for row in session.scalars(select(Absence).where(Absence.employee_id.in_(employee_ids))):
        found[row.employee_id] = (*found.get(row.employee_id, ()), (row.since, row.until))
    return found


# --- The caller --------------------------------------------------------------------------------------

_WORKSPACE: BindParameter[int] = bindparam("workspace_id")
_NUMBER: BindParameter[str] = bindparam("e164")
_PBX: BindParameter[int] = bindparam("pbx_id")
_AT: BindParameter[datetime] = bindparam("at")
_IS_BLOCKED = (
    select(Block.id)
    .where(
        Block.workspace_id == _WORKSPACE,
        Block.kind == bindparam("kind", "number"),
        Block.value == _NUMBER,
        or_(Block.until.is_(None), Block.until > _AT),
    )
    .limit(1)
)
_VIP = select(Provisioned.document).where(
    Provisioned.workspace_id == _WORKSPACE, Provisioned.section == "vip", Provisioned.key == _NUMBER
)
_LAST_TALKED = (
    select(CallRow.answered_by)
    .where(
        CallRow.workspace_id == _WORKSPACE,
        CallRow.client_e164 == _NUMBER,
        CallRow.connection_id == _PBX,
        CallRow.outcome == "answered",
        CallRow.answered_by.is_not(None),
        CallRow.started_at > bindparam("since"),
    )
    .order_by(CallRow.started_at.desc())
    .limit(1)
)
# Built once and asked together: a telephone rings while these are read.
_ABOUT = select(_IS_BLOCKED.scalar_subquery(), _VIP.scalar_subquery(), _LAST_TALKED.scalar_subquery())
_OWNER = PhoneOwner.__table__.c
_PARTIES = (
    select(
        *(_OWNER[name] for name in ("connection_id", "kind", "party_id", "name", "owner_user_id", "vip", "seen_at")),
        _OWNER.at_work,
    )
    .where(_OWNER.workspace_id == _WORKSPACE, _OWNER.e164 == _NUMBER)
    .order_by(_OWNER.place, _OWNER.id)
    .limit(_MOST_PARTIES)
)


def read_caller(
    session: Session, workspace_id: int, pbx_connection_id: int | None, caller: Phone | None, at: datetime
) -> CallerFacts:
    """What the hub itself knows of a caller; nobody outside is asked."""
    if caller is None or caller.e164 is None:
        return CallerFacts(caller)
    place = {"workspace_id": workspace_id, "e164": caller.e164}
    asked = {**place, "pbx_id": pbx_connection_id, "at": at, "since": at - REMEMBERED_TALK}
    blocked, vip, last_talked = session.execute(_ABOUT, asked).one()
    return CallerFacts(
        caller,
        blocked=blocked is not None,
        vip=VipEntry(vip.get("extension") or None, vip.get("note") or "") if vip is not None else None,
        parties=tuple(_party(row, at) for row in session.execute(_PARTIES, place)),
        last_talked=last_talked,
    )


def _party(row: Any, at: datetime) -> IndexedParty:
    return IndexedParty(
        connection_id=row.connection_id,
        kind=row.kind,
        id=row.party_id,
        name=row.name,
        owner_user_id=row.owner_user_id,
        vip=row.vip,
        seen_at=row.seen_at,
        owner_at_work=row.at_work if at - row.seen_at <= TIME_CLOCK_FRESH else None,
    )


def is_blocked(session: Session, workspace_id: int, kind: str, value: str, at: datetime) -> bool:
    """Whether a number, an IP address or a visitor stands on the black list at that moment."""
    asked = {"workspace_id": workspace_id, "kind": kind, "e164": value, "at": at}
    return session.scalar(_IS_BLOCKED, asked) is not None
