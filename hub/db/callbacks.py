"""The tables of callbacks: requests with their stories, what was asked for, and how much may be asked."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.tables import Base, BigId, only_where


class CallbackState(StrEnum):
    REQUESTED = "requested"
    SCHEDULED = "scheduled"
    RINGING_OPERATOR = "ringing_operator"
    RINGING_CLIENT = "ringing_client"
    TALKING = "talking"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATES = (
    CallbackState.REQUESTED,
    CallbackState.SCHEDULED,
    CallbackState.RINGING_OPERATOR,
    CallbackState.RINGING_CLIENT,
    CallbackState.TALKING,
)
_IS_OPEN = "state in ('requested','scheduled','ringing_operator','ringing_client','talking')"


class CallbackRow(Base):
    """A visitor wants to be called. One number has at most one open request: the index says so.

    `uid` names it outside the hub: in CRMs, and to the visitor's browser, so that nobody can guess it.
    `more` is `hub.callbacks.request.More`, as a document.
    `scheduled_for` is what the visitor was promised; `due_at` is when the hub looks at it next. `tried`
    are the extensions that were rung in this round, `rounds` how often the visitor himself was rung.
    `command_uid` is the command under way. `failed_because` is a word that programs can read.
    """

    __tablename__ = "callbacks"
    __table_args__ = (
        Index("ix_callbacks_one_open", "workspace_id", "e164", unique=True, **only_where(_IS_OPEN)),
        Index("ix_callbacks_due", "due_at", **only_where(_IS_OPEN)),
        Index("ix_callbacks_workspace", "workspace_id", "id"),
        Index("ix_callbacks_number", "workspace_id", "e164", "id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uid: Mapped[str] = mapped_column(String(40), unique=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    site: Mapped[str | None] = mapped_column(String(64))
    visit: Mapped[str | None] = mapped_column(String(64))
    asked_by: Mapped[str] = mapped_column(String(120))
    e164: Mapped[str] = mapped_column(String(20))
    name: Mapped[str | None] = mapped_column(String(200))
    comment: Mapped[str | None] = mapped_column(Text)
    page: Mapped[str | None] = mapped_column(Text)
    extension: Mapped[str | None] = mapped_column(String(64))
    zone: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20))
    failed_because: Mapped[str | None] = mapped_column(String(40))
    wanted_at: Mapped[datetime | None]
    scheduled_for: Mapped[datetime | None]
    due_at: Mapped[datetime]
    connection_id: Mapped[int | None] = mapped_column(ForeignKey("connections.id", ondelete="SET NULL"))
    call_id: Mapped[int | None] = mapped_column(BigId)
    command_uid: Mapped[str | None] = mapped_column(String(64))
    tried: Mapped[list[Any]] = mapped_column(default=list)
    operator_rounds: Mapped[int] = mapped_column(default=0)
    rounds: Mapped[int] = mapped_column(default=0)
    more: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class CallbackStep(Base):
    """One line of a request's story."""

    __tablename__ = "callback_steps"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    callback_id: Mapped[int] = mapped_column(ForeignKey("callbacks.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(20))
    words: Mapped[str] = mapped_column(String(500))


class CallbackAsk(Base):
    """Somebody asked for a callback: what budgets are counted from. `outcome` is accepted, or the reason why not."""

    __tablename__ = "callback_asks"
    __table_args__ = (
        Index("ix_callback_asks_number", "workspace_id", "e164", "at"),
        Index("ix_callback_asks_ip", "workspace_id", "ip", "at"),
        Index("ix_callback_asks_visitor", "workspace_id", "visitor", "at"),
        Index("ix_callback_asks_workspace", "workspace_id", "at"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    site: Mapped[str | None] = mapped_column(String(64))
    e164: Mapped[str | None] = mapped_column(String(20))
    ip: Mapped[str | None] = mapped_column(String(64))
    visitor: Mapped[str | None] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(40))


class IdempotencyKey(Base):
    """A program's key of one request: the same again is answered the same, another body under it is refused."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("api_key_id", "key"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    api_key_id: Mapped[int] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    callback_id: Mapped[int] = mapped_column(ForeignKey("callbacks.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]


class CallbackRules(Base):
    """How a workspace calls back: `document` is `hub.callbacks.rules.Rules`; `stopped` is the kill switch."""

    __tablename__ = "callback_rules"
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    document: Mapped[dict[str, Any]]
    stopped: Mapped[bool] = mapped_column(default=False)
    stopped_because: Mapped[str] = mapped_column(String(300), default="")


class CallbackDay(Base):
    """What calling back may have cost a workspace on one of its days, in minor units of `Rules.currency`."""

    __tablename__ = "callback_days"
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(default=0)
    cost: Mapped[int] = mapped_column(default=0)
