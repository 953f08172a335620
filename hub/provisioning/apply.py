"""`dozvon apply`: bring a workspace to what its file says, all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Registry
from hub.db.engine import Database
from hub.db.tables import AuditRow, Workspace
from hub.provisioning.connections import apply_connections, forget_previous_secrets
from hub.provisioning.document import Source, read_source, validated
from hub.provisioning.errors import WrongDocument
from hub.provisioning.people import apply_employees, apply_keys, apply_users, link_users
from hub.provisioning.places import apply_hours, apply_rules, apply_vips
from hub.provisioning.routing import apply_blocks, apply_groups, apply_routing
from hub.provisioning.sites import apply_sites
from hub.provisioning.work import Change, Work, assign

_DEFAULTS = {"timezone": "Europe/Moscow", "region": "RU", "locale": "ru"}
_SUBJECT_LENGTH = 200
_PARTS: Mapping[str, Callable[[Work, Any], None]] = {
    "hours": apply_hours,
    "user": apply_users,
    "api_key": apply_keys,
    "connection": apply_connections,
    "employee": apply_employees,
    "vip": apply_vips,
    "block": apply_blocks,
    "group": apply_groups,
    "routing": apply_routing,
    "site": apply_sites,
    "rules": apply_rules,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was changed, and lines to show once: generated keys, hook addresses."""

    workspace: str
    changes: tuple[Change, ...]
    once: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What `apply` takes from outside the file."""

    registry: Registry
    environment: Mapping[str, str]
    now: datetime
    public_url: str


def apply_file(
    database: Database, path: Path, around: Surroundings, *, dry_run: bool = False, end_rotation: bool = False
) -> Outcome:
    """Apply the file at `path` in one transaction; a dry run looks and changes nothing.

    `end_rotation` forgets the secrets that were valid before the last change of each connection.

    Raises `ProvisioningError` with line and field when the file is wrong; nothing is changed then.
    """
    source, document = read_source(path, around.environment)
    wanted = validated(source, document)
    with database.transaction() as session:
        attempt = session.begin_nested()
        try:
            outcome = _apply(session, source, wanted, around, end_rotation=end_rotation)
        except WrongDocument as error:
            raise source.error(error.mistakes) from None
        if dry_run:
            attempt.rollback()
    return outcome


def _apply(
    session: Session, source: Source, wanted: Mapping[str, Any], around: Surroundings, *, end_rotation: bool
) -> Outcome:
    workspace, changes = _put_workspace(session, wanted["workspace"], around.now)
    work = Work(session, workspace, source, around.registry, around.now, around.public_url, changes)
    for section, apply_part in _PARTS.items():
        if section in wanted:
            apply_part(work, wanted[section])
    link_users(work, wanted.get("user", ()))
    if end_rotation:
        forget_previous_secrets(work)
    session.flush()
    for change in work.changes:
        subject = str(change)[:_SUBJECT_LENGTH]
        session.add(
            AuditRow(
                workspace_id=workspace.id, at=around.now, actor="cli", action="provisioning.apply", subject=subject
            )
        )
    return Outcome(workspace.slug, tuple(work.changes), tuple(work.once))


def _put_workspace(session: Session, item: Mapping[str, Any], now: datetime) -> tuple[Workspace, list[Change]]:
    workspace = session.scalars(select(Workspace).where(Workspace.slug == item["slug"])).one_or_none()
    what = f"workspace {item['slug']}"
    if workspace is None:
        workspace = Workspace(**{"name": item["slug"], **_DEFAULTS, **item}, hours={}, created_at=now)
        session.add(workspace)
        session.flush()
        return workspace, [Change("+", what)]
    changed = assign(workspace, item)
    return workspace, [Change("~", what, ", ".join(changed))] if changed else []
