"""Calls that a CRM asked for, before the PBX has heard of them; and what a CRM's dictionaries hold."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.tables import Base, BigId, only_where


class DialState(StrEnum):
    WANTED = "wanted"  # nothing was sent yet
    ORDERED = "ordered"  # the PBX was told, or may have been
    MET = "met"  # the PBX's call of this command is there
    GIVEN_UP = "given_up"  # it never came; what the CRM opened must still be closed
    CLOSED = "closed"  # given up, and the CRM knows


class DialRow(Base):
    """One call to make. `kind` is "click"; `notice` is what the CRM said, as a document.

    `command_id` is what the PBX's events will carry. `dial` is the call that the CRM asks for, and may have opened.
    """

    __tablename__ = "dials"
    __table_args__ = (
        Index("ix_dials_due", "due_at", **only_where("state in ('wanted','ordered','given_up')")),
        Index("ix_dials_client", "workspace_id", "client_e164", "created_at"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    crm_connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"), index=True)
    pbx_connection_id: Mapped[int | None] = mapped_column(ForeignKey("connections.id", ondelete="SET NULL"))
    command_id: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    notice: Mapped[dict[str, Any]]
    dial: Mapped[dict[str, Any]] = mapped_column(default=dict)
    extension: Mapped[str | None] = mapped_column(String(64))
    client_e164: Mapped[str | None] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(16), default=DialState.WANTED)
    reason: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    call_id: Mapped[int | None] = mapped_column(ForeignKey("calls.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class ReferenceRow(Base):
    """An entry of a CRM's dictionary; one that is gone there stays here as inactive. `value_type` is of a field."""

    __tablename__ = "crm_reference"
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    parent: Mapped[str] = mapped_column(String(100), primary_key=True, default="")
    item_id: Mapped[str] = mapped_column(String(100), primary_key=True)
    name: Mapped[str] = mapped_column(String(300))
    value_type: Mapped[str] = mapped_column(String(64), default="", server_default="")
    active: Mapped[bool]
    refreshed_at: Mapped[datetime]
