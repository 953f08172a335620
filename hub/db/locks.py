"""Turns that workers take: a lock by name until the transaction ends."""

from __future__ import annotations

import hashlib

from sqlalchemy import text
from sqlalchemy.orm import Session


def take_turn(session: Session, *name: object) -> None:
    """Wait until no other transaction holds `name`. On SQLite a write transaction is alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _number(name)})


def _number(name: tuple[object, ...]) -> int:
    digest = hashlib.sha256("\x1f".join(map(str, name)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
