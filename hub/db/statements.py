"""What reconciliation leaves behind: daily statements, repairs, notices, and whose turn a duty is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.tables import Base, BigId, only_where


class StatementRow(Base):
    """One PBX connection's day in the workspace's zone: `document` is what `docs/statement.md` describes."""

    __tablename__ = "statements"
    __table_args__ = (
        UniqueConstraint("connection_id", "day"),
        Index("ix_statements_workspace", "workspace_id", "day", "id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    day: Mapped[date]
    document: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]


class RepairRow(Base):
    """One thing that reconciliation mended. `day` is the call's day in the workspace's zone.

    `connection_id` is the PBX's; `with_connection` names the system that the call was compared with.
    """

    __tablename__ = "repairs"
    __table_args__ = (Index("ix_repairs_day", "connection_id", "day", "id"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    day: Mapped[date]
    kind: Mapped[str] = mapped_column(String(32))
    with_connection: Mapped[str] = mapped_column(String(64))
    words: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class NoticeRow(Base):
    """Something about a connection that people should know; it stands until `ended_at`."""

    __tablename__ = "notices"
    __table_args__ = (
        Index("ix_notices_standing", "connection_id", "kind", unique=True, **only_where("ended_at is null")),
        Index("ix_notices_connection", "connection_id", "id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(32))
    words: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime]
    made_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class DutyRow(Base):
    """Whose turn it is: a duty is done by one process at a time, and a dead one's lease lapses."""

    __tablename__ = "duties"
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    lease_until: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
