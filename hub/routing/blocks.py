"""The black list: numbers, addresses and visitors that are not to be served, for ever or for a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.routing import Block
from hub.domain.phone import mask_phone, parse_phone
from hub.net.upserts import insert_into

KINDS = ("number", "ip", "visitor")
_LONGEST_REASON = 300
_LONGEST_VISITOR = 64


@dataclass(frozen=True, slots=True)
class Blocked:
    """Who is blocked: `value` is E.164, an address in its usual spelling, or a visitor's id. `until` None: for ever."""

    kind: str
    value: str
    reason: str = ""
    until: datetime | None = None

    @property
    def subject(self) -> str:
        """What may stand in the audit log."""
        return f"{self.kind} {mask_phone(self.value) if self.kind == 'number' else self.value}"


def make_blocked(kind: str, text: str, region: str, *, reason: str = "", until: datetime | None = None) -> Blocked:
    """Read what a person or a program wrote. Raises `ValueError` for what cannot be compared with anybody."""
    value = _value(kind, text.strip(), region)
    if value is None:
        raise ValueError(f"no {kind}")
    return Blocked(kind, value, reason.strip()[:_LONGEST_REASON], until)


def _value(kind: str, text: str, region: str) -> str | None:
    if kind == "number":
        phone = parse_phone(text, region)
        return phone.e164 if phone is not None else None
    if kind == "ip":
        try:
            return str(ip_address(text))
        except ValueError:
            return None
    return text if kind == "visitor" and text and len(text) <= _LONGEST_VISITOR and text.isprintable() else None


def put_block(session: Session, workspace_id: int, blocked: Blocked, *, made_by: str, made_at: datetime) -> Block:
    """Block somebody; who is blocked already gets the new reason and end."""
    values = {"reason": blocked.reason, "until": blocked.until, "made_by": made_by[:254], "made_at": made_at}
    place = {"workspace_id": workspace_id, "kind": blocked.kind, "value": blocked.value}
    insert = insert_into(session, Block).values(**place, **values)
    session.execute(insert.on_conflict_do_update(index_elements=list(place), set_=values))
    same = (Block.workspace_id == workspace_id, Block.kind == blocked.kind, Block.value == blocked.value)
    return session.scalars(select(Block).where(*same).execution_options(populate_existing=True)).one()


def remove_block(session: Session, workspace_id: int, block_id: int) -> Blocked | None:
    """Let somebody go; returns who it was, None when nobody stands there."""
    row = session.scalar(select(Block).where(Block.id == block_id, Block.workspace_id == workspace_id))
    if row is None:
        return None
    session.delete(row)
    return Blocked(row.kind, row.value, row.reason, row.until)


def list_blocks(session: Session, workspace_id: int, *, after_id: int | None = None, limit: int) -> Sequence[Block]:
    """The newest first; `after_id` is the last one of the page before. Those whose time is over are among them."""
    query = select(Block).where(Block.workspace_id == workspace_id).order_by(Block.id.desc()).limit(limit)
    return session.scalars(query.where(Block.id < after_id) if after_id is not None else query).all()
