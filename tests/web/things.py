"""One thing of a kind for a test: a user and a key that may go, a callback, a site with its visit."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from hub.db.callbacks import CallbackRow
from hub.db.engine import Database
from hub.db.routing import Block
from hub.db.tables import ApiKey, User
from hub.db.tracking import SiteNumber, SiteRow, VisitRow
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


def add_callback(database: Database, seeded: Seeded) -> dict[str, int]:
    """A request that is under way, and a number that is blocked."""
    moment = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
    with database.transaction() as session:
        row = CallbackRow(
            uid="0" * 32, workspace_id=seeded.workspace_id, asked_by="key:tests", e164="+79001234567", name="Olga",
            zone="Europe/Moscow", state="scheduled", due_at=moment, created_at=moment,
        )  # fmt: skip
        block = Block(
            workspace_id=seeded.workspace_id, kind="number", value="+79001234568", reason="a prank", made_by="x",
            made_at=moment,
        )  # fmt: skip
        session.add_all([row, block])
        session.flush()
        return {"callback_id": row.id, "block_id": block.id}


def add_tracking(database: Database, seeded: Seeded) -> dict[str, str]:
    """A site with a number and a visit; a number's page is there for one that the workspace holds."""
    moment = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
    with database.transaction() as session:
        site = SiteRow(
            workspace_id=seeded.workspace_id, key=f"{seeded.slug}-shop", name="shop.example", origins=[], settings={},
            created_at=moment,
        )  # fmt: skip
        session.add(site)
        session.flush()
        place = {"workspace_id": seeded.workspace_id, "site_id": site.id}
        session.add(SiteNumber(**place, number="+74951110001", since=moment, usable_from=moment))
        session.add(
            VisitRow(
                **place, uid="v" * 32, started_at=moment, last_seen_at=moment, landing_url="https://shop.example/",
                referrer="", device="", ids={}, params={},
            )
        )  # fmt: skip
    return {"key": f"{seeded.slug}-shop", "uid": "v" * 32, "number": "+74951110001"}
