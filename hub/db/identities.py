"""Who a user is at the OpenID provider: bound at their first log-in there."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.tables import Base

LONGEST_ISSUER = 500
LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0 §2


class UserIdentity(Base):
    """One user at one provider. One person may work for several workspaces: then several users share a subject."""

    __tablename__ = "user_identities"
    __table_args__ = (UniqueConstraint("user_id", "issuer"), Index("ix_user_identities_subject", "subject", "issuer"))
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    issuer: Mapped[str] = mapped_column(String(LONGEST_ISSUER))
    subject: Mapped[str] = mapped_column(String(LONGEST_SUBJECT))
    bound_at: Mapped[datetime]
