"""Keys of programs: whose they are and what they may do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from flask import request
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from hub.db.tables import ApiKey, Workspace
from hub.web.services import web

_PREFIX = "dz_"
_LONGEST_KEY = 200
_USE_IS_NOTED_EVERY = timedelta(minutes=10)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Caller:
    """The program that asks: its key and the workspace it belongs to."""

    key_id: int
    name: str
    scopes: frozenset[str]
    workspace_id: int
    region: str

    @property
    def actor(self) -> str:
        return f"key:{self.name}"


def api_caller() -> Caller | None:
    """Whoever the Authorization header names; None for no key and for a wrong one alike."""
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not key.startswith(_PREFIX) or len(key) > _LONGEST_KEY:
        return None
    digest = hashlib.sha256(key.strip().encode()).hexdigest()
    with web().database.reading() as session:
        found = session.execute(
            select(ApiKey, Workspace)
            .join(Workspace, Workspace.id == ApiKey.workspace_id)
            .where(ApiKey.key_hash == digest)
        ).one_or_none()
    if found is None:
        return None
    row, workspace = found
    _note_use(row)
    scopes = frozenset(str(scope) for scope in row.scopes)
    return Caller(row.id, row.name, scopes, workspace.id, workspace.region)


def _note_use(row: ApiKey) -> None:
    """Remember that the key is in use, seldom enough to cost nothing; a store that is busy loses only this note."""
    now: datetime = web().services.now()
    if row.last_used_at is not None and now - row.last_used_at < _USE_IS_NOTED_EVERY:
        return
    try:
        with web().database.transaction() as session:
            session.execute(update(ApiKey).where(ApiKey.id == row.id).values(last_used_at=now))
    except OperationalError:
        log.warning("api_key_use_not_noted", key=row.name)
