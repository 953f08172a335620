"""The tables of routing: the owner index, people's and groups' hours, decisions, and commands to PBXs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.tables import Base, BigId, only_where


class PhoneOwner(Base):
    """One phone of one party in one CRM. `place` orders a phone's parties: 0 contact, 1 company, 2 lead.

    `at_work` is what the CRM's time clock said of the owner at `seen_at`.
    """

    __tablename__ = "phone_owners"
    __table_args__ = (
        UniqueConstraint("connection_id", "kind", "party_id", "e164"),
        Index("ix_phone_owners_e164", "workspace_id", "e164"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    e164: Mapped[str] = mapped_column(String(20))
    kind: Mapped[str] = mapped_column(String(32))
    party_id: Mapped[str] = mapped_column(String(64))
    place: Mapped[int]
    name: Mapped[str | None] = mapped_column(String(200))
    owner_user_id: Mapped[str | None] = mapped_column(String(64))
    vip: Mapped[bool] = mapped_column(default=False)
    at_work: Mapped[bool | None]
    seen_at: Mapped[datetime]


class OwnerSync(Base):
    """How far the bulk reading of a CRM's owners has come; `cursor` None means from the start.

    A lease that lapsed frees a dead reader. Rows not seen since `started_at` go when a reading is complete.
    Changes are read more often: `changes_cursor` None means that none are being read, and everything that was
    changed before `changes_began_at` is known.
    """

    __tablename__ = "owner_syncs"
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True)
    cursor: Mapped[str | None] = mapped_column(String(200))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    changes_cursor: Mapped[str | None] = mapped_column(String(200))
    changes_began_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    phones: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(Text, default="")


class LookUpWish(Base):
    """Something that should be asked of the CRMs: a phone that was missed or is old, or a card that changed.

    A phone has `e164`, a card `connection_id`, `kind` (as `PartyChanged` has it) and `party_id`.
    """

    __tablename__ = "look_up_wishes"
    __table_args__ = (
        UniqueConstraint("workspace_id", "e164"),
        UniqueConstraint("connection_id", "kind", "party_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    e164: Mapped[str | None] = mapped_column(String(20))
    kind: Mapped[str | None] = mapped_column(String(32))
    party_id: Mapped[str | None] = mapped_column(String(64))
    due_at: Mapped[datetime] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)


class Block(Base):
    """Who is not to be served: `kind` is number, ip or visitor; for ever, or until then."""

    __tablename__ = "blocks"
    __table_args__ = (UniqueConstraint("workspace_id", "kind", "value"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    value: Mapped[str] = mapped_column(String(100))
    reason: Mapped[str] = mapped_column(String(300), default="")
    until: Mapped[datetime | None]
    made_by: Mapped[str] = mapped_column(String(254))
    made_at: Mapped[datetime]


class PersonHours(Base):
    """An employee's own hours (as `Workspace.hours`, and "zone"), where they differ from the workspace's."""

    __tablename__ = "person_hours"
    employee_id: Mapped[int] = mapped_column(ForeignKey("employees.id", ondelete="CASCADE"), primary_key=True)
    hours: Mapped[dict[str, Any]]


class Absence(Base):
    """An employee is away from `since` until `until`: callers go to somebody else."""

    __tablename__ = "absences"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    employee_id: Mapped[int] = mapped_column(ForeignKey("employees.id", ondelete="CASCADE"), index=True)
    since: Mapped[datetime]
    until: Mapped[datetime]
    note: Mapped[str] = mapped_column(String(300), default="")


class RoutingGroup(Base):
    """A group of a PBX that takes callers nobody owns; `extensions` as in `EmployeeRow`; `weight` 0 takes none."""

    __tablename__ = "routing_groups"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    extensions: Mapped[dict[str, Any]]
    hours: Mapped[dict[str, Any]] = mapped_column(default=dict)
    weight: Mapped[int] = mapped_column(default=1)


class RouteDecision(Base):
    """One answer to "who should get this caller?", with the rules that led to it.

    `asked_by` is "pbx" (it asked), "call" (it rang), "callback" or "person". `steps` are `RuleTried` documents.
    """

    __tablename__ = "route_decisions"
    __table_args__ = (
        Index("ix_route_decisions_workspace", "workspace_id", "id"),
        Index("ix_route_decisions_call", "call_id", **only_where("call_id is not null")),
        Index("ix_route_decisions_key", "connection_id", "call_key", **only_where("call_key is not null")),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    call_id: Mapped[int | None] = mapped_column(BigId)
    call_key: Mapped[str | None] = mapped_column(String(200))
    at: Mapped[datetime]
    caller: Mapped[str | None] = mapped_column(String(200))
    line: Mapped[str | None] = mapped_column(String(200))
    asked_by: Mapped[str] = mapped_column(String(16))
    extension: Mapped[str | None] = mapped_column(String(64))
    name: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(32))
    vip: Mapped[bool] = mapped_column(default=False)
    steps: Mapped[list[Any]]


class CommandState(StrEnum):
    WAITING = "waiting"
    LEASED = "leased"
    SENT = "sent"  # the PBX took the request; what comes of it is told by events
    UNKNOWN = "unknown"  # nobody knows whether the PBX took it: never sent again, judged by events
    REFUSED = "refused"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class CommandRow(Base):
    """One thing that a PBX is told to do: one write that is never sent twice blindly.

    `uid` is the `command_id` that the PBX repeats on the events of the legs it makes. `order` holds
    what the command says. `answered_at` and `code` come with the PBX's own answer; `seen_at` is when
    an event first carried the uid, which proves that the command was carried out.
    """

    __tablename__ = "pbx_commands"
    __table_args__ = (
        Index("ix_pbx_commands_due", "due_at", "id", **only_where("state in ('waiting','leased')")),
        Index("ix_pbx_commands_call", "call_id", **only_where("call_id is not null")),
        Index("ix_pbx_commands_callback", "callback_id", **only_where("callback_id is not null")),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uid: Mapped[str] = mapped_column(String(64), unique=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    call_id: Mapped[int | None] = mapped_column(BigId)
    callback_id: Mapped[int | None] = mapped_column(BigId)
    kind: Mapped[str] = mapped_column(String(32))
    order: Mapped[dict[str, Any]]
    urgency: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(16), default=CommandState.WAITING)
    lease: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    code: Mapped[str] = mapped_column(String(64), default="")
    last_error: Mapped[str] = mapped_column(Text, default="")


class PbxExtension(Base):
    """A short number as the PBX lists it; `kind` is "user" or "group". What is not here is not dialled."""

    __tablename__ = "pbx_extensions"
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True)
    extension: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(200), default="")
    refreshed_at: Mapped[datetime]
