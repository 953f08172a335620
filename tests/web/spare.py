"""A user and a key that a test may remove."""

from __future__ import annotations

import hashlib

from hub.db.engine import Database
from hub.db.tables import ApiKey, User
from tests.web.seed import NOW, Seeded, password_hash


def add_spare(database: Database, seeded: Seeded, name: str) -> dict[str, int]:
    """Their ids, by the names of their places in addresses."""
    with database.transaction() as session:
        user = User(
            workspace_id=seeded.workspace_id, email=f"spare-{name}@{seeded.slug}.example", role="agent", locale=None,
            password_hash=password_hash(), created_at=NOW,
        )  # fmt: skip
        key = ApiKey(
            workspace_id=seeded.workspace_id, name=f"spare {name}", prefix="dz_spar", scopes=[], created_at=NOW,
            key_hash=hashlib.sha256(f"{seeded.slug} spare {name}".encode()).hexdigest(),
        )  # fmt: skip
        session.add_all([user, key])
        session.flush()
        return {"user_id": user.id, "key_id": key.id}
