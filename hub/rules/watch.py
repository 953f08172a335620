"""Alarms when a CRM changes under its rules: a deleted stage, a fired user, a field of another type or another name."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Registry
from hub.db.engine import database_now
from hub.db.rules import RulesVersion
from hub.db.statements import NoticeRow
from hub.db.tables import Connection, Workspace
from hub.rules.definitions import definitions
from hub.rules.store import in_force, standing, vendor_rules
from hub.runtime import Runtime
from mapping.check import check
from mapping.mistakes import Mistake

log = structlog.get_logger()

NOTICE = "rules_broken"
_LONGEST_NOTICE = 4000


def broken_rules(session: Session, registry: Registry, connection: Connection) -> list[Mistake]:
    """What the published rules name that the CRM does not have; the built-in ones name nothing."""
    crm = vendor_rules(registry, connection.vendor)
    held, row = in_force(session, registry, connection), standing(session, connection.id)
    return check(held.rules, definitions(session, connection.id, crm), row.names if row else None)


def watch_rules(session: Session, registry: Registry, connection_id: int, now: datetime) -> list[str]:
    """Say on the connection's page which rules point at nothing any more; take it back when they do not.

    Returns the sentences, in the workspace's language. What is said already is not said anew.
    """
    connection = session.get_one(Connection, connection_id)
    locale = session.get_one(Workspace, connection.workspace_id).locale
    said = [mistake.text(locale) for mistake in broken_rules(session, registry, connection)]
    told = session.scalar(
        select(NoticeRow).where(
            NoticeRow.connection_id == connection_id, NoticeRow.kind == NOTICE, NoticeRow.ended_at.is_(None)
        )
    )
    words = "; ".join(said)[:_LONGEST_NOTICE]
    if told is not None and told.words != words:
        told.ended_at = now
        session.flush()
    if words and (told is None or told.words != words):
        log.warning(NOTICE, connection_id=connection_id, words=words[:500])
        session.add(
            NoticeRow(
                workspace_id=connection.workspace_id,
                connection_id=connection_id,
                kind=NOTICE,
                words=words,
                since=now,
                made_at=now,
            )
        )
    return said


def watch_all(runtime: Runtime) -> int:
    """Look at every connection that has published rules; returns how many have rules that point at nothing."""
    with runtime.database.reading() as session:
        query = select(RulesVersion.connection_id).where(RulesVersion.ended_at.is_(None))
        connection_ids = session.scalars(query).all()
    broken = 0
    for connection_id in connection_ids:
        with runtime.database.transaction() as session:
            broken += bool(watch_rules(session, runtime.registry, connection_id, database_now(session)))
    return broken
