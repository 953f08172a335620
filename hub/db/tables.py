"""The tables, as SQLAlchemy maps them. `inbox` and `deliveries` are in `hub.db.work`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from hub.db.types import EncryptedJson, Moment

BigId = BigInteger().with_variant(Integer, "sqlite")


def only_where(condition: str) -> dict[str, Any]:
    """Arguments that make an index partial on both stores: it stays small however long the table grows."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {datetime: Moment, dict[str, Any]: JSON, list[Any]: JSON}


class Workspace(Base):
    """One customer of the hub. `hours`: weekday ("mon") to ["09:00-18:00"], and "holidays"; empty = every day 09-21."""

    __tablename__ = "workspaces"
    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    timezone: Mapped[str] = mapped_column(String(64))
    region: Mapped[str] = mapped_column(String(2))
    locale: Mapped[str] = mapped_column(String(8))
    hours: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]


class User(Base):
    """A person who logs in. Raising `session_version` ends all their sessions.

    `employee_id` says who of the firm's employees it is; without it `hub.web.desk.identity` looks for a match.
    Whoever has a `disabled_at` is kept but cannot come in.
    """

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("workspace_id", "email"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(254))
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(16))
    locale: Mapped[str | None] = mapped_column(String(8))
    session_version: Mapped[int] = mapped_column(default=1)
    employee_id: Mapped[int | None] = mapped_column(ForeignKey("employees.id", ondelete="SET NULL"))
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A key for programs, kept as its SHA-256; `prefix` is what a page may show of it.

    `last_used_at` is right to ten minutes.
    """

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    prefix: Mapped[str] = mapped_column(String(16))
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class Connection(Base):
    """A workspace's link to one outside system.

    `state` is active, paused or needs_reconnect; `state_reason` and `state_mend` are read by people.
    `access_version` rises when it is resumed or connected anew.
    The breaker is open while `breaker_until` lies ahead; `failures_in_row` counts towards it.
    """

    __tablename__ = "connections"
    __table_args__ = (UniqueConstraint("workspace_id", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(64))
    vendor: Mapped[str] = mapped_column(String(32))
    settings: Mapped[dict[str, Any]]
    secrets: Mapped[Any] = mapped_column(EncryptedJson)
    previous_secrets: Mapped[Any | None] = mapped_column(EncryptedJson)
    hook_token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    hook_token: Mapped[Any | None] = mapped_column(EncryptedJson)
    state: Mapped[str] = mapped_column(String(20), default="active")
    state_reason: Mapped[str] = mapped_column(Text, default="")
    state_mend: Mapped[str] = mapped_column(Text, default="")
    state_since: Mapped[datetime | None]
    access_version: Mapped[int] = mapped_column(default=0, server_default="0")
    failures_in_row: Mapped[int] = mapped_column(default=0)
    failing_since: Mapped[datetime | None]
    breaker_until: Mapped[datetime | None]
    throttled_in_row: Mapped[int] = mapped_column(default=0)
    last_event_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]


class ConnectionToken(Base):
    """The OAuth pair of a connection. `version` rises with each new pair; a lapsed lease frees a dead refresher."""

    __tablename__ = "connection_tokens"
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True)
    pair: Mapped[Any] = mapped_column(EncryptedJson)
    expires_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    refreshed_at: Mapped[datetime | None]
    refresh_lease_until: Mapped[datetime | None]
    refresh_lease_owner: Mapped[str | None] = mapped_column(String(64))
    cool_down_until: Mapped[datetime | None]


class EmployeeRow(Base):
    """One person, known to several systems.

    `extensions`: PBX connection name, or "*" for all, to extension. `users`: CRM connection name to user id.
    """

    __tablename__ = "employees"
    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    extensions: Mapped[dict[str, Any]]
    users: Mapped[dict[str, Any]]


class LineSource(Base):
    """A firm's own number that stands for one advertisement: who calls it came from there."""

    __tablename__ = "line_sources"
    __table_args__ = (UniqueConstraint("workspace_id", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    number: Mapped[str] = mapped_column(String(32))
    source: Mapped[str] = mapped_column(String(200))
    medium: Mapped[str | None] = mapped_column(String(200))
    campaign: Mapped[str | None] = mapped_column(String(200))


class CallRow(Base):
    """A call as it stands now. `facts` is the whole `Call` as a document (`hub.calls.codec`)."""

    __tablename__ = "calls"
    __table_args__ = (
        Index("ix_calls_workspace_started", "workspace_id", "started_at", "id"),
        Index("ix_calls_client", "workspace_id", "client_e164", "started_at"),
        Index("ix_calls_key", "connection_id", "call_key"),
        Index("ix_calls_open", "last_received_at", **only_where("closing = 'open'")),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    uid: Mapped[str] = mapped_column(String(36), unique=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    call_key: Mapped[str] = mapped_column(String(200))
    direction: Mapped[str | None] = mapped_column(String(16))
    client_e164: Mapped[str | None] = mapped_column(String(20))
    client_raw: Mapped[str | None] = mapped_column(String(200))
    line: Mapped[str | None] = mapped_column(String(200))
    outcome: Mapped[str] = mapped_column(String(16))
    closing: Mapped[str] = mapped_column(String(16))
    answered_by: Mapped[str | None] = mapped_column(String(64))
    first_rung: Mapped[str | None] = mapped_column(String(64))
    started_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    wait_seconds: Mapped[int]
    talk_seconds: Mapped[int]
    missed_reason: Mapped[str | None] = mapped_column(String(32))
    source: Mapped[str | None] = mapped_column(String(200))
    medium: Mapped[str | None] = mapped_column(String(200))
    campaign: Mapped[str | None] = mapped_column(String(200))
    facts: Mapped[dict[str, Any]]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    last_received_at: Mapped[datetime]
    plan_trace: Mapped[list[Any]] = mapped_column(default=list)


class CallEventRow(Base):
    """One understood statement about a call. `document` is the `CallEvent` (`hub.calls.codec`)."""

    __tablename__ = "call_events"
    __table_args__ = (UniqueConstraint("call_id", "event_key"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"), index=True)
    event_key: Mapped[str] = mapped_column(String(300))
    inbox_id: Mapped[int | None] = mapped_column(BigId)
    at: Mapped[datetime]
    received_at: Mapped[datetime]
    document: Mapped[dict[str, Any]]


class RecordingRow(Base):
    """A recording on its way to `DOZVON_HOME`: wanted → stored | failed. `token` makes its `/r/` address."""

    __tablename__ = "recordings"
    __table_args__ = (
        UniqueConstraint("call_id", "recording_key"),
        Index("ix_recordings_due", "next_attempt_at", **only_where("state = 'wanted'")),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    call_id: Mapped[int] = mapped_column(ForeignKey("calls.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    recording_key: Mapped[str] = mapped_column(String(300))
    token: Mapped[str] = mapped_column(String(64), unique=True)
    extension: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), default="wanted")
    reason: Mapped[str] = mapped_column(Text, default="")
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    file_name: Mapped[str | None] = mapped_column(String(200))
    content_type: Mapped[str | None] = mapped_column(String(64))
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    stored_at: Mapped[datetime | None]


class DriftRow(Base):
    """Words and fields of a vendor that this version does not know, counted."""

    __tablename__ = "drift"
    __table_args__ = (UniqueConstraint("connection_id", "kind", "name"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(200))
    seen: Mapped[int] = mapped_column(default=0)
    last_seen_at: Mapped[datetime]


class AuditRow(Base):
    """Who changed or saw what. `actor` is an e-mail, "key:<name>" or "cli"."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(254))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(200))


class Provisioned(Base):
    """What a provisioning file said, as far as no other table holds it: sections "vip", "site", "rules".

    Section "connection" keeps what was applied last: its settings and the digest of its token pair,
    so that the same file again does not undo what the hub has learned or rotated since.
    """

    __tablename__ = "provisioned"
    __table_args__ = (UniqueConstraint("workspace_id", "section", "key"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    section: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(200))
    document: Mapped[dict[str, Any]]
