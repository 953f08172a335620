"""The two tables that hold work: the inbox of what came, the outbox of what must go."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.tables import Base, BigId, only_where

DEADLY_AFTER_LEASES = 4
"""One in company, which proves nothing, and three alone: so many leases without a word speak against a row."""


class InboxState(StrEnum):
    RECEIVED = "received"
    PROCESSED = "processed"
    IGNORED = "ignored"
    QUARANTINED = "quarantined"


class DeliveryState(StrEnum):
    PENDING = "pending"
    LEASED = "leased"
    DONE = "done"
    WAITING = "waiting"  # not before `not_before`
    VERIFYING = "verifying"  # the outcome of the last try is unknown: look it up first
    BLOCKED = "blocked"  # the connection is paused, or a step that this one needs is dead
    DEAD = "dead"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class InboxRow(Base):
    """One admitted item, exactly as it came. Waiting rows are `received`; a lease is a time, nothing else.

    `attempts` counts the times at which the hub failed on it, `taken` the leases since then of which nothing was heard.
    """

    __tablename__ = "inbox"
    __table_args__ = (
        UniqueConstraint("connection_id", "dedupe_key"),
        Index("ix_inbox_due", "due_at", "id", **only_where("state = 'received'")),
        Index("ix_inbox_call", "call_id", **only_where("call_id is not null")),
        Index(
            "ix_inbox_quarantined",
            "connection_id",
            "id",
            **only_where("state = 'quarantined'"),
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    dedupe_key: Mapped[str] = mapped_column(String(300))
    topic: Mapped[str] = mapped_column(String(200))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(16), default=InboxState.RECEIVED)
    reason: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[int] = mapped_column(default=0)
    taken: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[datetime]
    call_id: Mapped[int | None] = mapped_column(BigId)
    closed_at: Mapped[datetime | None]


class DeliveryRow(Base):
    """One step towards one CRM: at most one write that cannot be repeated.

    `intent` and `why` are documents (`hub.delivery.codec`). `lease` counts claims: a worker whose
    lease was taken over finds another number and keeps its hands off; `taken` counts those since the
    last verdict. `unknown_at` is set while nobody knows whether the last try was carried out. `result`
    has the ids that the CRM returned, in the commit that closed the row. A row belongs to a call, or to
    a callback request that has no call yet.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("connection_id", "call_id", "step_key", "generation"),
        UniqueConstraint("connection_id", "callback_id", "step_key", "generation"),
        Index(
            "ix_deliveries_due",
            "connection_id",
            "lane",
            "due_at",
            "id",
            **only_where("state in ('pending','waiting','leased','verifying')"),
        ),
        Index("ix_deliveries_call", "call_id", "connection_id", "rank"),
        Index(
            "ix_deliveries_callback", "callback_id", "connection_id", "rank", **only_where("callback_id is not null")
        ),
        Index(
            "ix_deliveries_troubled",
            "workspace_id",
            "state",
            "id",
            **only_where("state in ('dead','blocked')"),
        ),
        Index("ix_deliveries_workspace", "workspace_id", "id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    call_id: Mapped[int | None] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    callback_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id", ondelete="CASCADE"))
    step_key: Mapped[str] = mapped_column(String(300))
    generation: Mapped[int] = mapped_column(default=0)
    intent_kind: Mapped[str] = mapped_column(String(32))
    intent: Mapped[dict[str, Any]]
    why: Mapped[list[Any]]
    lane: Mapped[str] = mapped_column(String(16))
    rank: Mapped[int]
    needs: Mapped[list[Any]]
    repeatable: Mapped[bool]
    resend_is_safe: Mapped[bool] = mapped_column(default=False)
    serial_key: Mapped[str | None] = mapped_column(String(300), index=True)
    state: Mapped[str] = mapped_column(String(16), default=DeliveryState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    lease: Mapped[int] = mapped_column(default=0)
    taken: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    first_sent_at: Mapped[datetime | None]
    unknown_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    last_error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class DeliveryAttempt(Base):
    """What happened each time a step was tried, for people: outcome and the vendor's own words."""

    __tablename__ = "delivery_attempts"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("deliveries.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(32))
    words: Mapped[str] = mapped_column(Text, default="")
    took_ms: Mapped[int] = mapped_column(default=0)


class QuotaUse(Base):
    """The ledger: how many requests a connection made in an hour, by lane and what for."""

    __tablename__ = "quota_use"
    __table_args__ = (UniqueConstraint("connection_id", "hour", "lane", "purpose"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    hour: Mapped[datetime]
    lane: Mapped[str] = mapped_column(String(16))
    purpose: Mapped[str] = mapped_column(String(64))
    requests: Mapped[int] = mapped_column(default=0)
    throttled: Mapped[int] = mapped_column(default=0)
