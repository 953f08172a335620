"""The tables of rules: every version that was published, and the draft beside them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.tables import Base, BigId, only_where


class RulesVersion(Base):
    """One published document of a CRM connection. It never changes; the one without `ended_at` holds."""

    __tablename__ = "rules_versions"
    __table_args__ = (
        UniqueConstraint("connection_id", "version"),
        Index("ix_rules_versions_standing", "connection_id", unique=True, **only_where("ended_at is null")),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    version: Mapped[int]
    document: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, default="")
    published_by: Mapped[str] = mapped_column(String(254))
    published_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    names: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    """What the CRM called the things that the document names, when it was published: "kind:parent:id" to the name."""


class RulesTurn(Base):
    """One turn that was used up: of `queue`, by the CRM's user, for `subject`, the uid of a call or of a request."""

    __tablename__ = "rules_turns"
    __table_args__ = (
        UniqueConstraint("connection_id", "queue", "subject"),
        Index("ix_rules_turns_last", "connection_id", "queue", "user_id", "id"),
        Index("ix_rules_turns_subject", "connection_id", "subject"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"))
    queue: Mapped[str] = mapped_column(String(300))
    user_id: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime]


class RulesDraft(Base):
    """The document that somebody works on. `revision` rises with each change, so that two people notice each other.

    `previewed` is the digest of the document whose dry run was looked at last: only that one can be published.
    """

    __tablename__ = "rules_drafts"
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True)
    document: Mapped[dict[str, Any]]
    revision: Mapped[int] = mapped_column(default=1)
    previewed: Mapped[str | None] = mapped_column(String(64))
    edited_by: Mapped[str] = mapped_column(String(254))
    edited_at: Mapped[datetime]
