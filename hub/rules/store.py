"""Versions and drafts of rules. A published version never changes; going back publishes an old one again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connectors.contract import CrmRules, Registry
from hub.db.locks import take_turn
from hub.db.rules import RulesDraft, RulesVersion
from hub.db.tables import AuditRow, Connection, Workspace
from hub.domain.errors import DozvonError
from hub.domain.treatment import LeadOutcome
from hub.rules.definitions import names_in
from mapping.defaults import default_rules
from mapping.model import Rules
from mapping.schema import read_rules, write_rules

Document = Mapping[str, Any]


class NotPublished(DozvonError):
    """The draft may not be published as it is: its preview was not looked at, or somebody has changed it since."""


class ChangedMeanwhile(DozvonError):
    """Somebody else has changed the draft since it was read."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The rules that hold for a connection; `version` 0 are the built-in ones."""

    rules: Rules
    document: Document
    version: int


def digest(document: Document) -> str:
    """Equal for documents that say the same in the same order."""
    return hashlib.sha256(json.dumps(document, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def vendor_rules(registry: Registry, vendor: str) -> CrmRules:
    """What the vendor's folder says; a CRM that says nothing can do everything."""
    connector = registry.get(vendor)
    known = connector.rules if connector else None
    return known or CrmRules(frozenset(LeadOutcome), {})


def built_in(session: Session, registry: Registry, connection: Connection) -> Rules:
    """What holds where nobody has published anything."""
    locale = session.get_one(Workspace, connection.workspace_id).locale
    crm = vendor_rules(registry, connection.vendor)
    return default_rules(crm.stranger(connection.settings), locale, crm.outbound(connection.settings))


def in_force(session: Session, registry: Registry, connection: Connection) -> InForce:
    """The published rules, else the built-in ones."""
    row = standing(session, connection.id)
    if row is not None:
        return InForce(read_rules(row.document), row.document, row.version)
    rules = built_in(session, registry, connection)
    return InForce(rules, write_rules(rules), 0)


def standing(session: Session, connection_id: int) -> RulesVersion | None:
    return session.scalar(
        select(RulesVersion).where(RulesVersion.connection_id == connection_id, RulesVersion.ended_at.is_(None))
    )


def versions(session: Session, connection_id: int) -> list[RulesVersion]:
    """Every version that was published, the newest first."""
    query = select(RulesVersion).where(RulesVersion.connection_id == connection_id)
    return list(session.scalars(query.order_by(RulesVersion.version.desc())))


def find_version(session: Session, connection_id: int, version: int) -> RulesVersion | None:
    return session.scalar(
        select(RulesVersion).where(RulesVersion.connection_id == connection_id, RulesVersion.version == version)
    )


# --- The draft ----------------------------------------------------------------------------------------


def draft_of(session: Session, connection_id: int) -> RulesDraft | None:
    return session.get(RulesDraft, connection_id)


def save_draft(
    session: Session, connection: Connection, document: Document, *, by: str, now: datetime, revision: int | None = None
) -> RulesDraft:
    """Keep `document` as the draft. `revision` is the one that the editor had read, None when it does not matter.

    Raises `RulesError` when the document is wrong, `ChangedMeanwhile` when somebody was quicker.
    """
    form = write_rules(read_rules(document))
    take_turn(session, "rules", connection.id, "draft")
    row = draft_of(session, connection.id)
    if revision is not None and revision != (row.revision if row else 0):
        who = row.edited_by if row else "somebody"
        raise ChangedMeanwhile(f"{who} has changed the draft meanwhile.", "Load the page again and repeat your change.")
    if row is None:
        row = RulesDraft(connection_id=connection.id, document=form, revision=0, edited_by=by, edited_at=now)
        session.add(row)
    row.document, row.edited_by, row.edited_at, row.revision = form, by, now, (row.revision or 0) + 1
    _audit(session, connection, by, now, "rules.draft", f"{connection.name}: draft {row.revision}")
    session.flush()
    return row


def discard_draft(session: Session, connection: Connection, *, by: str, now: datetime) -> None:
    row = draft_of(session, connection.id)
    if row is not None:
        session.delete(row)
        _audit(session, connection, by, now, "rules.discard", connection.name)
        session.flush()


def note_preview(session: Session, connection_id: int, document: Document) -> None:
    """The dry run of the draft was looked at; a draft that has changed since is not marked."""
    row = draft_of(session, connection_id)
    if row is not None and digest(row.document) == digest(document):
        row.previewed = digest(document)


# --- Publishing -----------------------------------------------------------------------------------------


def publish_draft(session: Session, connection: Connection, *, by: str, now: datetime, note: str = "") -> RulesVersion:
    """The draft becomes the version that holds. Raises `NotPublished` unless its dry run was looked at."""
    take_turn(session, "rules", connection.id, "draft")
    row = draft_of(session, connection.id)
    if row is None:
        raise NotPublished("There is no draft to publish.", "Change something first, or import a file.")
    if row.previewed != digest(row.document):
        raise NotPublished(
            "The draft was changed after its dry run, or was never tried.", "Look at the dry run first, then publish."
        )
    version = publish(session, connection, row.document, by=by, now=now, note=note)
    session.delete(row)
    session.flush()
    return version


def publish(
    session: Session, connection: Connection, document: Document, *, by: str, now: datetime, note: str = ""
) -> RulesVersion:
    """Make `document` the version that holds; the same again changes nothing. Raises `RulesError`."""
    rules = read_rules(document)
    form, names = write_rules(rules), names_in(session, connection.id, rules)
    take_turn(session, "rules", connection.id, "publish")
    before = standing(session, connection.id)
    if before is not None:
        if before.digest == digest(form):
            before.names = names  # whoever publishes it again has seen what things are called by now
            return before
        before.ended_at = now
        session.flush()
    row = RulesVersion(
        workspace_id=connection.workspace_id,
        connection_id=connection.id,
        version=_last_version(session, connection.id) + 1,
        document=form,
        digest=digest(form),
        names=names,
        note=note[:1000],
        published_by=by,
        published_at=now,
    )
    session.add(row)
    _audit(session, connection, by, now, "rules.publish", f"{connection.name}: version {row.version}")
    session.flush()
    return row


def roll_back(session: Session, connection: Connection, version: int, *, by: str, now: datetime) -> RulesVersion:
    """Publish an old version again, under a new number. Raises `NotPublished` when there is none of that number."""
    row = find_version(session, connection.id, version)
    if row is None:
        raise NotPublished(f"There is no version {version} of these rules.", "See: dozvon mapping versions")
    return publish(session, connection, row.document, by=by, now=now, note=f"version {version} again")


def _last_version(session: Session, connection_id: int) -> int:
    query = select(func.max(RulesVersion.version)).where(RulesVersion.connection_id == connection_id)
    return session.scalar(query) or 0


def _audit(session: Session, connection: Connection, by: str, now: datetime, action: str, subject: str) -> None:
    session.add(AuditRow(workspace_id=connection.workspace_id, at=now, actor=by, action=action, subject=subject[:200]))
