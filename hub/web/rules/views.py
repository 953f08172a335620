"""What the rules pages show, read from the database for one workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import abort
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.rules import RulesDraft
from hub.db.tables import CallRow, Connection
from hub.delivery.people import employees_for
from hub.domain.party import Employee
from hub.rules.definitions import Choices, choices, definitions
from hub.rules.store import InForce, draft_of, in_force, standing, vendor_rules
from hub.rules.turns import next_turns
from hub.web.people import this_person
from hub.web.services import web
from mapping.check import check
from mapping.mistakes import Mistake
from mapping.schema import read_rules

_RECENT = 12


@dataclass(frozen=True, slots=True)
class Book:
    """The rules of one connection as a page has them: the draft when there is one, else what holds."""

    connection: Connection
    document: Mapping[str, Any]
    held: InForce
    draft: RulesDraft | None
    choices: Choices
    mistakes: tuple[Mistake, ...]
    turns: Mapping[str, str]
    """Whose turn is next, by the name of the rule."""

    @property
    def revision(self) -> int:
        return self.draft.revision if self.draft else 0

    def name_of(self, kind: str, item_id: str | None) -> str:
        """A thing of the CRM by its name; its id where the name is not known."""
        if not item_id:
            return ""
        listed = getattr(self.choices, kind)
        return next((one.name for one in listed if one.id == item_id), item_id)


def crm_connections(session: Session) -> list[Connection]:
    registry = web().services.registry
    vendors = [vendor for vendor, connector in registry.items() if connector.crm is not None]
    query = select(Connection).where(
        Connection.workspace_id == this_person().workspace_id, Connection.vendor.in_(vendors)
    )
    return list(session.scalars(query.order_by(Connection.id)))


def find_crm(session: Session, connection_id: int) -> Connection:
    """The CRM connection of this workspace, or 404."""
    found = next((one for one in crm_connections(session) if one.id == connection_id), None)
    if found is None:
        abort(404)
    return found


def read_book(session: Session, connection_id: int) -> Book:
    connection, registry = find_crm(session, connection_id), web().services.registry
    held, draft = in_force(session, registry, connection), draft_of(session, connection_id)
    document = draft.document if draft else held.document
    known = definitions(session, connection_id, vendor_rules(registry, connection.vendor))
    row = standing(session, connection_id)
    rules = read_rules(document)
    return Book(
        connection,
        document,
        held,
        draft,
        choices(session, connection_id),
        tuple(check(rules, known, row.names if row else None)),
        next_turns(session, connection_id, rules),
    )


def recent_calls(session: Session) -> Sequence[CallRow]:
    """Calls to try a rule on, the newest first."""
    return session.scalars(
        select(CallRow)
        .where(CallRow.workspace_id == this_person().workspace_id, CallRow.closing != "open")
        .order_by(CallRow.started_at.desc(), CallRow.id.desc())
        .limit(_RECENT)
    ).all()


def find_call(session: Session, call_id: int | None) -> CallRow | None:
    """That call of the workspace, or the newest one."""
    calls = recent_calls(session)
    chosen = next((call for call in calls if call.id == call_id), None)
    return chosen or (calls[0] if calls else None)


@dataclass(frozen=True, slots=True)
class ListedEmployee:
    """An extension and who it is; `user_id` None is a gap. `own` says that the rules themselves name them."""

    extension: str
    name: str
    user_id: str | None
    own: bool


def listed_employees(session: Session, book: Book) -> list[ListedEmployee]:
    """Everybody whom the PBXs or the CRM name, gaps first."""
    pbxs = session.scalars(
        select(Connection).where(
            Connection.workspace_id == book.connection.workspace_id, Connection.id != book.connection.id
        )
    ).all()
    found: dict[str, Employee] = {}
    for pbx in [*pbxs, book.connection]:
        found |= employees_for(session, pbx, book.connection)
    rows = {one.extension: ListedEmployee(one.extension, one.name, one.user_id, own=False) for one in found.values()}
    for line in book.document.get("employees", []):
        extension = line["extension"]
        rows[extension] = ListedEmployee(extension, line.get("name", ""), line["user"], own=True)
    for extension in _rung(session, book.connection.workspace_id):
        rows.setdefault(extension, ListedEmployee(extension, "", None, own=False))
    return sorted(rows.values(), key=lambda one: (one.user_id is not None, one.extension))


def _rung(session: Session, workspace_id: int) -> set[str]:
    """The extensions of the last calls."""
    query = (
        select(CallRow.answered_by, CallRow.first_rung)
        .where(CallRow.workspace_id == workspace_id)
        .order_by(CallRow.id.desc())
        .limit(2000)
    )
    return {extension for row in session.execute(query) for extension in row if extension}


def heard_lines(session: Session) -> list[str]:
    """The firm's numbers, as the last calls came to them."""
    query = (
        select(CallRow.line)
        .where(CallRow.workspace_id == this_person().workspace_id, CallRow.line.is_not(None))
        .order_by(CallRow.id.desc())
        .limit(5000)
    )
    return sorted({line for line in session.scalars(query) if line})
