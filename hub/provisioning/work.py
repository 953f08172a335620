"""What every part of `apply` shares: the session, the workspace, and the list of what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Registry
from hub.db.tables import Provisioned, Workspace
from hub.domain.phone import parse_phone
from hub.provisioning.document import Source
from hub.provisioning.errors import Mistake, WrongDocument
from hub.provisioning.lines import Path

ADDED, CHANGED, REMOVED = "+", "~", "-"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of what `apply` did: `+ connection mango`, `~ employee Анна: extension`."""

    sign: str
    what: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.sign} {self.what}" + (f": {self.detail}" if self.detail else "")


@dataclass(slots=True)
class Work:
    """One run of `apply` inside its transaction. `once` are lines that are shown this one time."""

    session: Session
    workspace: Workspace
    source: Source
    registry: Registry
    now: datetime
    public_url: str
    changes: list[Change] = field(default_factory=list)
    once: list[str] = field(default_factory=list)

    def added(self, what: str) -> None:
        self.changes.append(Change(ADDED, what))

    def changed(self, what: str, fields: Iterable[str]) -> None:
        names = ", ".join(fields)
        if names:
            self.changes.append(Change(CHANGED, what, names))

    def removed(self, what: str) -> None:
        self.changes.append(Change(REMOVED, what))

    def number(self, text: str, path: Path) -> str:
        """A telephone number in E.164. Raises `WrongDocument` when it is none."""
        phone = parse_phone(text, self.workspace.region)
        if phone is None or phone.e164 is None:
            raise WrongDocument(Mistake(path, "must be a full telephone number like +74950000000."))
        return phone.e164


def assign(row: object, values: Mapping[str, Any]) -> list[str]:
    """Set what differs on `row`; returns the names of what was changed."""
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, values[name])
    return changed


def kept(work: Work, section: str) -> dict[str, Provisioned]:
    """The kept documents of a section by key."""
    rows = work.session.scalars(
        select(Provisioned).where(Provisioned.workspace_id == work.workspace.id, Provisioned.section == section)
    )
    return {row.key: row for row in rows}


def keep(work: Work, section: str, key: str, document: dict[str, Any]) -> None:
    """Keep a document in place of the one that stands there."""
    row = kept(work, section).get(key)
    if row is None:
        row = Provisioned(workspace_id=work.workspace.id, section=section, key=key, document=document)
        work.session.add(row)
    row.document = document
    work.session.flush()


def put_document(work: Work, section: str, key: str, document: dict[str, Any], what: str) -> None:
    """Keep a document, and report `what` was added or which of its fields changed."""
    row = kept(work, section).get(key)
    if row is None:
        keep(work, section, key, document)
        work.added(what)
    elif row.document != document:
        names = sorted(name for name in {*row.document, *document} if row.document.get(name) != document.get(name))
        row.document = document
        work.changed(what, names)


def once_each(values: Iterable[tuple[Path, str]], words: str) -> None:
    """Raises `WrongDocument` at the first value that stood before; `words` say what is wrong with that."""
    seen: set[str] = set()
    for path, value in values:
        if value in seen:
            raise WrongDocument(Mistake(path, words.format(value=value)))
        seen.add(value)
