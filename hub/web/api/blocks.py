"""The black list and absences in the public API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.routing import Absence
from hub.db.tables import AuditRow, EmployeeRow
from hub.routing import blocks
from hub.web.api.documents import Document, page_document
from hub.web.api.door import endpoint
from hub.web.api.fields import CursorField, Instant, RowId, text_field
from hub.web.api.keys import Caller
from hub.web.api.operations import api
from hub.web.api.schemas import limit_field, list_of
from hub.web.paging import Cursor, page_of
from hub.web.problems import problem
from hub.web.services import web


class BlockQuery(Schema):
    cursor = CursorField(timed=False, metadata={"description": "What `next` of the page before said."})
    limit = limit_field()


class NewBlock(Schema):
    kind = fields.String(load_default="number", validate=validate.OneOf(blocks.KINDS))
    value = text_field(
        required=True, metadata={"description": "A number in any spelling, an IP address, or a visitor's id."}
    )
    reason = fields.String(load_default="", validate=validate.Length(max=300))
    until = Instant(load_default=None, allow_none=True, metadata={"description": "Null: for ever."})


class BlockSchema(Schema):
    id = RowId()
    kind = fields.String()
    value = fields.String()
    reason = fields.String()
    until = Instant(allow_none=True, metadata={"description": "Null: for ever. One that is over blocks nobody."})
    made_by = fields.String()
    made_at = Instant()


class NewAbsence(Schema):
    employee = text_field(required=True, metadata={"description": "The employee's name."})
    since = Instant(required=True)
    until = Instant(required=True)
    note = fields.String(load_default="", validate=validate.Length(max=300))


class AbsenceSchema(Schema):
    id = RowId()
    employee = fields.String()
    since = Instant()
    until = Instant()
    note = fields.String()


BlockList = list_of(BlockSchema, "BlockListSchema")
AbsenceList = list_of(AbsenceSchema, "AbsenceListSchema")


# --- Black list ---------------------------------------------------------------------------------------


@endpoint(
    api, "GET", "/blocks", scope="routing:read", summary="The black list, the newest first",
    query=BlockQuery, returns=BlockList,
)  # fmt: skip
def list_blocks(caller: Caller, *, limit: int, cursor: Cursor | None = None) -> Document:
    after = cursor.id if cursor else None
    with web().database.reading() as session:
        rows = blocks.list_blocks(session, caller.workspace_id, after_id=after, limit=limit + 1)
    page = page_of(rows, limit, lambda row: Cursor(row.id))
    return page_document(page, lambda row: row)  # type: ignore[arg-type, return-value]


@endpoint(
    api, "POST", "/blocks", scope="routing:write", summary="Block somebody, or change the reason and the end",
    body=NewBlock, returns=BlockSchema, errors=(415, 422),
)  # fmt: skip
def put_block(caller: Caller, *, kind: str, value: str, reason: str, until: datetime | None) -> Any:
    try:
        blocked = blocks.make_blocked(kind, value, caller.region, reason=reason, until=until)
    except ValueError:
        words = {"number": "No full phone number.", "ip": "No IP address."}
        raise problem(422, errors=[("value", words.get(kind, "No id of a visitor."))]) from None
    now = web().services.now()
    with web().database.transaction() as session:
        row = blocks.put_block(session, caller.workspace_id, blocked, made_by=caller.actor, made_at=now)
        _audit(session, caller, "block.add", blocked.subject)
    return row


@endpoint(
    api, "DELETE", "/blocks/<block_id>", scope="routing:write", summary="Let somebody go who was blocked", status=204,
    errors=(404,),
)  # fmt: skip
def delete_block(caller: Caller, block_id: int) -> Response:
    with web().database.transaction() as session:
        gone = blocks.remove_block(session, caller.workspace_id, block_id)
        if gone is not None:
            _audit(session, caller, "block.remove", gone.subject)
    if gone is None:
        raise problem(404)
    return Response(status=204)


# --- Absences -----------------------------------------------------------------------------------------


@endpoint(api, "GET", "/absences", scope="routing:read", summary="Who is away, or will be", returns=AbsenceList)
def list_absences(caller: Caller) -> Document:
    query = (
        select(Absence, EmployeeRow.name)
        .join(EmployeeRow, EmployeeRow.id == Absence.employee_id)
        .where(EmployeeRow.workspace_id == caller.workspace_id, Absence.until > web().services.now())
        .order_by(Absence.since, Absence.id)
    )
    with web().database.reading() as session:
        return {"items": [_absence(row, name) for row, name in session.execute(query)], "next": None}


@endpoint(
    api, "POST", "/absences", scope="routing:write", summary="Note that an employee is away", body=NewAbsence,
    returns=AbsenceSchema, errors=(415, 422),
)  # fmt: skip
def put_absence(caller: Caller, *, employee: str, since: datetime, until: datetime, note: str) -> Document:
    if until <= since:
        raise problem(422, errors=[("until", "Must be after “since”.")])
    with web().database.transaction() as session:
        named = (EmployeeRow.workspace_id == caller.workspace_id, EmployeeRow.name == employee)
        found = session.scalars(select(EmployeeRow).where(*named).order_by(EmployeeRow.id)).all()
        if len(found) != 1:
            words = "There is no employee of this name." if not found else "Several employees have this name."
            raise problem(422, errors=[("employee", words)])
        row = Absence(employee_id=found[0].id, since=since, until=until, note=note)
        session.add(row)
        session.flush()
        subject = f"{employee} {since.isoformat()} {until.isoformat()}"
        _audit(session, caller, "routing.put_absence", subject)
        return _absence(row, employee)


@endpoint(
    api, "DELETE", "/absences/<absence_id>", scope="routing:write", summary="Remove an absence", status=204,
    errors=(404,),
)  # fmt: skip
def delete_absence(caller: Caller, absence_id: int) -> Response:
    with web().database.transaction() as session:
        row = session.get(Absence, absence_id)
        employee = session.get(EmployeeRow, row.employee_id) if row is not None else None
        if row is None or employee is None or employee.workspace_id != caller.workspace_id:
            raise problem(404)
        session.delete(row)
        _audit(session, caller, "routing.remove_absence", employee.name)
    return Response(status=204)


def _absence(row: Absence, employee: str) -> Document:
    return {"id": row.id, "employee": employee, "since": row.since, "until": row.until, "note": row.note}


def _audit(session: Session, caller: Caller, action: str, subject: str) -> None:
    session.add(
        AuditRow(
            workspace_id=caller.workspace_id, at=web().services.now(), actor=caller.actor, action=action,
            subject=subject[:200],
        )
    )  # fmt: skip
