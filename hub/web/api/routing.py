"""Who gets a caller, in the public API: explain, decisions, and the VIP list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Response
from marshmallow import Schema, fields

from hub.db.tables import AuditRow
from hub.domain.phone import mask_phone
from hub.routing import vips
from hub.web.api.documents import Document, page_document
from hub.web.api.door import endpoint
from hub.web.api.fields import CursorField, Instant, RowId, text_field
from hub.web.api.keys import Caller
from hub.web.api.operations import api
from hub.web.api.schemas import limit_field, list_of
from hub.web.paging import Cursor, page_of
from hub.web.problems import problem
from hub.web.route import document as answer_document
from hub.web.routing import queries
from hub.web.routing.tryout import explain
from hub.web.routing.vips import csv_lines
from hub.web.services import web


class RuleTriedSchema(Schema):
    rule = fields.String(metadata={"description": "blocked, vip, owner, last_talked, group or default."})
    took = fields.Boolean(metadata={"description": "Whether this rule decided."})
    fact = fields.String(metadata={"description": "The fact that settled it, in English words."})


class RoutedPartySchema(Schema):
    kind = fields.String()
    id = fields.String()
    name = fields.String(allow_none=True)


class ExplainQuery(Schema):
    number = text_field(
        data_key="caller",
        load_default="",
        metadata={"description": "The number in any spelling; none is a hidden one."},
    )
    at = Instant(metadata={"description": "The moment that is asked about; now when it is missing."})
    connection = text_field(metadata={"description": "The name of the PBX connection whose extensions are meant."})


class ExplainedSchema(Schema):
    extension = fields.String(allow_none=True)
    user = fields.String(allow_none=True)
    reason = fields.String()
    vip = fields.Boolean()
    party = fields.Nested(RoutedPartySchema, allow_none=True)
    at = Instant()
    steps = fields.List(fields.Nested(RuleTriedSchema))


class DecisionQuery(Schema):
    cursor = CursorField(timed=False, metadata={"description": "What `next` of the page before said."})
    limit = limit_field()


class DecisionSchema(Schema):
    id = RowId()
    at = Instant()
    asked_by = fields.String(metadata={"description": "pbx, call, callback or key."})
    caller = fields.String(allow_none=True)
    line = fields.String(allow_none=True)
    call_id = RowId(allow_none=True)
    extension = fields.String(allow_none=True)
    user = fields.String(attribute="name", allow_none=True)
    reason = fields.String()
    vip = fields.Boolean()
    steps = fields.List(fields.Nested(RuleTriedSchema))


class VipQuery(Schema):
    q = text_field(load_default="", metadata={"description": "Found in numbers and notes."})
    cursor = CursorField(timed=False, metadata={"description": "What `next` of the page before said."})
    limit = limit_field()


class NewVip(Schema):
    phone = text_field(required=True, metadata={"description": "The number in any spelling."})
    extension = text_field(load_default="", allow_none=True, metadata={"description": "Nobody named: the owner."})
    note = fields.String(load_default="", allow_none=True)


class VipSchema(Schema):
    id = RowId()
    phone = fields.String()
    extension = fields.String(allow_none=True)
    note = fields.String()


DecisionList = list_of(DecisionSchema, "DecisionListSchema")
VipList = list_of(VipSchema, "VipListSchema")


@endpoint(
    api, "GET", "/routing/explain", scope="routing:read", summary="Who would get a caller, and why",
    query=ExplainQuery, returns=ExplainedSchema,
)  # fmt: skip
def explain_route(caller: Caller, *, number: str, at: datetime | None = None, connection: str = "") -> Document:
    with web().database.reading() as session:
        pbx = queries.find_pbx(session, caller.workspace_id, connection)
        if connection and pbx is None:
            raise problem(422, errors=[("connection", "There is no connection of this name.")])
        moment = at or web().services.now()
        found = explain(session, caller.workspace_id, caller.region, number, moment, pbx)
    blank: Document = {"user": None, "vip": False, "party": None}
    return {**blank, **answer_document(found.decision), "at": found.at, "steps": found.steps}


@endpoint(
    api, "GET", "/routing/decisions", scope="routing:read", summary="What was answered, the newest first",
    query=DecisionQuery, returns=DecisionList,
)  # fmt: skip
def list_route_decisions(caller: Caller, *, limit: int, cursor: Cursor | None = None) -> Document:
    with web().database.reading() as session:
        page = queries.list_decisions(session, caller.workspace_id, cursor=cursor, limit=limit)
        return page_document(page, lambda row: row)  # type: ignore[arg-type, return-value]


@endpoint(
    api, "GET", "/vip", scope="routing:read", summary="The VIP list, the newest first", query=VipQuery, returns=VipList
)
def list_vips(caller: Caller, *, limit: int, q: str, cursor: Cursor | None = None) -> Document:
    after = cursor.id if cursor else None
    with web().database.reading() as session:
        rows = vips.list_vips(session, caller.workspace_id, text=q, after_id=after, limit=limit + 1)
    page = page_of(rows, limit, lambda row: Cursor(row.id))
    return page_document(page, lambda row: row)  # type: ignore[arg-type, return-value]


@endpoint(api, "GET", "/vip.csv", scope="routing:read", summary="The VIP list as a file")
def export_vips(caller: Caller) -> Response:
    with web().database.reading() as session:
        text = "".join(csv_lines(session, caller.workspace_id))
    disposition = {"Content-Disposition": 'attachment; filename="vip.csv"'}
    return Response(text, content_type="text/csv; charset=utf-8", headers=disposition)


@endpoint(
    api, "POST", "/vip", scope="routing:write", summary="Put a number on the VIP list, or change its line",
    body=NewVip, returns=VipSchema, errors=(415, 422),
)  # fmt: skip
def put_vip(caller: Caller, *, phone: str, extension: str | None, note: str | None) -> Document:
    try:
        vip = vips.make_vip(phone, extension or "", note or "", caller.region)
    except vips.WrongVip as error:
        raise problem(422, errors=[("phone", f"{error}.")]) from None
    with web().database.transaction() as session:
        is_new = vips.put_vip(session, caller.workspace_id, vip)
        session.flush()
        (kept,) = (one for one in vips.list_vips(session, caller.workspace_id, text=vip.phone, limit=200)
                   if one.phone == vip.phone)  # fmt: skip
        _audit(session, caller, "vip.add" if is_new else "vip.change", vip.phone)
    return {"id": kept.id, "phone": kept.phone, "extension": kept.extension, "note": kept.note}


@endpoint(
    api, "DELETE", "/vip/<vip_id>", scope="routing:write", summary="Take a number off the VIP list", status=204,
    errors=(404,),
)  # fmt: skip
def delete_vip(caller: Caller, vip_id: int) -> Response:
    with web().database.transaction() as session:
        vip = vips.find_vip(session, caller.workspace_id, vip_id)
        if vip is not None:
            vips.remove_vip(session, caller.workspace_id, vip_id)
            _audit(session, caller, "vip.remove", vip.phone)
    if vip is None:
        raise problem(404)
    return Response(status=204)


def _audit(session: Any, caller: Caller, action: str, phone: str) -> None:
    session.add(
        AuditRow(
            workspace_id=caller.workspace_id,
            at=web().services.now(),
            actor=caller.actor,
            action=action,
            subject=mask_phone(phone),
        )
    )
