"""What the hub keeps of a CRM's own directories."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.tables import Base


class DirectoryUser(Base):
    """An employee as the CRM lists them; a user that is gone there stays here as inactive."""

    __tablename__ = "directory_users"
    connection_id: Mapped[int] = mapped_column(ForeignKey("connections.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    extension: Mapped[str | None] = mapped_column(String(64))
    email: Mapped[str | None] = mapped_column(String(254))
    active: Mapped[bool]
    refreshed_at: Mapped[datetime]
