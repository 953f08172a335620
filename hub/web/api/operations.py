"""The operations of the public API, version 1."""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from typing import Any

from flask import Blueprint, Response

from hub.db.tables import Workspace
from hub.web.api import schemas
from hub.web.api.documents import (
    Document,
    call_document,
    connection_document,
    delivery_detail_document,
    delivery_document,
    inbox_document,
    page_document,
    story_document,
)
from hub.web.api.door import endpoint
from hub.web.api.keys import Caller
from hub.web.export import csv_stream
from hub.web.paging import Cursor
from hub.web.problems import problem
from hub.web.queries import calls, connections, deliveries, inbox
from hub.web.replay import replay_deliveries, replay_items
from hub.web.routing.queries import decisions_of_call
from hub.web.services import web

api = Blueprint("api", __name__, url_prefix="/api/v1")
_FILTER_NAMES = {field.name for field in dataclass_fields(calls.CallFilter)}


def _call_filter(query: dict[str, Any]) -> calls.CallFilter:
    return calls.CallFilter(**{name: value for name, value in query.items() if name in _FILTER_NAMES})


@endpoint(
    api, "GET", "/calls", scope="calls:read", summary="Calls, the newest first",
    query=schemas.CallQuery, returns=schemas.CallList,
)  # fmt: skip
def list_calls(caller: Caller, *, limit: int, cursor: Cursor | None = None, **query: Any) -> Document:
    with web().database.reading() as session:
        page = calls.list_calls(
            session, caller.workspace_id, caller.region, _call_filter(query), cursor=cursor, limit=limit
        )
    return page_document(page, call_document)


@endpoint(
    api, "GET", "/calls.csv", scope="calls:read", summary="The same calls as a file", query=schemas.CallFilterSchema
)
def export_calls(caller: Caller, **query: Any) -> Response:
    found = calls.every_call(web().database, caller.workspace_id, caller.region, _call_filter(query))
    disposition = {"Content-Disposition": 'attachment; filename="calls.csv"'}
    return Response(csv_stream(found), content_type="text/csv; charset=utf-8", headers=disposition)


@endpoint(
    api, "GET", "/calls/<call_id>", scope="calls:read", summary="Everything about one call",
    returns=schemas.CallDetailSchema, errors=(404,),
)  # fmt: skip
def get_call(caller: Caller, call_id: int) -> Document:
    with web().database.reading() as session:
        story = calls.call_story(session, caller.workspace_id, call_id)
        routes = decisions_of_call(session, story.call) if story is not None else []
        locale = session.get_one(Workspace, caller.workspace_id).locale
    if story is None:
        raise problem(404)
    return {**story_document(story, web().public_url, locale), "routing": [one.decision for one in routes]}


@endpoint(
    api, "GET", "/deliveries", scope="deliveries:read", summary="Deliveries, the newest first",
    query=schemas.DeliveryQuery, returns=schemas.DeliveryList,
)  # fmt: skip
def list_deliveries(
    caller: Caller,
    *,
    limit: int,
    cursor: Cursor | None = None,
    state: str | None = None,
    connection: str | None = None,
    call: int | None = None,
) -> Document:
    wanted = deliveries.DeliveryFilter((state,) if state else (), connection, call)
    with web().database.reading() as session:
        page = deliveries.list_deliveries(session, caller.workspace_id, wanted, cursor=cursor, limit=limit)
    return page_document(page, lambda listed: delivery_document(listed.delivery, listed.connection))


@endpoint(
    api, "GET", "/deliveries/<delivery_id>", scope="deliveries:read", summary="One delivery with its attempts",
    returns=schemas.DeliveryDetailSchema, errors=(404,),
)  # fmt: skip
def get_delivery(caller: Caller, delivery_id: int) -> Document:
    with web().database.reading() as session:
        sent = deliveries.find_delivery(session, caller.workspace_id, delivery_id)
    if sent is None:
        raise problem(404)
    return delivery_detail_document(sent)


@endpoint(
    api, "POST", "/deliveries/<delivery_id>/replay", scope="deliveries:write",
    summary="Send a dead delivery again", returns=schemas.DeliveryDetailSchema, status=202, errors=(404, 409, 415),
)  # fmt: skip
def replay_delivery(caller: Caller, delivery_id: int) -> Document:
    done = replay_deliveries([delivery_id], caller.workspace_id, caller.actor)
    if done is None:
        raise problem(404)
    if done == 0:
        raise problem(409, "Only a dead or expired delivery can be sent again.")
    document: Document = get_delivery(caller, delivery_id)
    return document


@endpoint(
    api, "GET", "/connections", scope="connections:read", summary="Connections with their health",
    returns=schemas.ConnectionList,
)  # fmt: skip
def list_connections(caller: Caller) -> Document:
    with web().database.reading() as session:
        views = connections.list_connections(session, caller.workspace_id, web().services.now())
    return {"items": [connection_document(view) for view in views], "next": None}


@endpoint(
    api, "GET", "/inbox", scope="inbox:read", summary="What came in, the newest first",
    query=schemas.InboxQuery, returns=schemas.InboxList,
)  # fmt: skip
def list_inbox(
    caller: Caller, *, limit: int, cursor: Cursor | None = None, state: str | None = None, connection: str | None = None
) -> Document:
    with web().database.reading() as session:
        page = inbox.list_items(session, caller.workspace_id, state, connection, cursor=cursor, limit=limit)
    return page_document(page, inbox_document)


@endpoint(
    api, "POST", "/inbox/<item_id>/replay", scope="inbox:write", summary="Read a quarantined item again",
    returns=schemas.InboxSchema, status=202, errors=(404, 409, 415),
)  # fmt: skip
def replay_item(caller: Caller, item_id: int) -> Document:
    done = replay_items([item_id], caller.workspace_id, caller.actor)
    if done is None:
        raise problem(404)
    if done == 0:
        raise problem(409, "Only a quarantined item can be read again.")
    with web().database.reading() as session:
        listed = inbox.find_item(session, caller.workspace_id, item_id)
    if listed is None:
        raise problem(404)
    return inbox_document(listed)
