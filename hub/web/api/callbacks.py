"""Callback requests in the public API."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from flask import Response, jsonify, request
from marshmallow import Schema, fields, validate

from hub.callbacks.cancelling import cancel_request
from hub.callbacks.once import take_once
from hub.callbacks.request import Ask, More
from hub.callbacks.showing import words_for_visitor
from hub.db.callbacks import CallbackState
from hub.db.retrying import in_transaction
from hub.web.api.documents import Document
from hub.web.api.door import endpoint
from hub.web.api.fields import CursorField, Instant, RowId, text_field
from hub.web.api.keys import Caller
from hub.web.api.operations import api
from hub.web.api.schemas import limit_field, list_of
from hub.web.asking import take, visitors_locale, way_out
from hub.web.paging import Cursor, encode_cursor
from hub.web.problems import problem
from hub.web.queries import callbacks
from hub.web.services import web

_LONGEST_KEY = 200
_SHOWN = (
    "id", "name", "comment", "site", "visit", "page", "extension", "zone", "asked_by", "scheduled_for", "created_at",
    "closed_at", "call_id",
)  # fmt: skip


class NewCallback(Schema):
    phone = fields.String(required=True, metadata={"description": "The visitor's number, in any spelling."})
    name = text_field(load_default="")
    comment = fields.String(load_default="", validate=validate.Length(max=2000))
    site = text_field(load_default=None, allow_none=True, metadata={"description": "The key of a site."})
    visit = text_field(load_default=None, allow_none=True, metadata={"description": "The tracker's id of the visit."})
    page = text_field(load_default="", metadata={"description": "The address of the page."})
    when = Instant(load_default=None, allow_none=True, metadata={"description": "Not before this moment."})
    zone = text_field(
        load_default=None, allow_none=True, metadata={"description": "The visitor's zone, like Europe/Moscow."}
    )
    extension = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"^\d{1,10}$", error="An extension is one to ten digits."),
        metadata={"description": "Who of ours is to be rung first."},
    )
    utm = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)
    consent = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default=dict,
        metadata={"description": "The proof of consent: version, at, ip, agent."},
    )


class CallbackQuery(Schema):
    state = fields.String(validate=validate.OneOf(["open", *(state.value for state in CallbackState)]))
    cursor = CursorField(timed=False)
    limit = limit_field()


class StepSchema(Schema):
    at = Instant()
    state = fields.String()
    words = fields.String()


class CallbackSchema(Schema):
    id = RowId()
    status = fields.String(
        metadata={"description": "requested, scheduled, ringing_operator, … done, failed, cancelled"}
    )
    reason = fields.String(allow_none=True, metadata={"description": "Why it failed, or was cancelled."})
    phone = fields.String()
    name = fields.String(allow_none=True)
    comment = fields.String(allow_none=True)
    site = fields.String(allow_none=True)
    visit = fields.String(allow_none=True)
    page = fields.String(allow_none=True)
    extension = fields.String(allow_none=True)
    zone = fields.String()
    asked_by = fields.String()
    scheduled_for = Instant(allow_none=True, metadata={"description": "Null: as soon as somebody is free."})
    created_at = Instant()
    closed_at = Instant(allow_none=True)
    call_id = RowId(allow_none=True)
    words = fields.String(metadata={"description": "What a page may show, in the language of Accept-Language."})


class CallbackDetailSchema(CallbackSchema):
    steps = fields.List(fields.Nested(StepSchema))


CallbackList = list_of(CallbackSchema, "CallbackListSchema")


def callback_document(row: Any, locale: str, now: datetime) -> Document:
    return {
        **{name: getattr(row, name) for name in _SHOWN},
        "status": row.state,
        "reason": row.failed_because,
        "phone": row.e164,
        "words": words_for_visitor(row, locale, now),
    }


@endpoint(
    api, "POST", "/callbacks", scope="callbacks:write", summary="Call a visitor back",
    body=NewCallback, returns=CallbackDetailSchema, status=202, errors=(409, 422),
)  # fmt: skip
def make_callback(caller: Caller, *, phone: str, **said: Any) -> Response:
    """202 for a new request, 200 with the open one of the same number."""
    more = More(
        consent={str(key)[:40]: str(value)[:300] for key, value in said.pop("consent").items()},
        utm={str(key)[:40]: str(value)[:255] for key, value in said.pop("utm").items()},
    )
    ask = Ask(caller.workspace_id, phone, caller.actor, visitor=said["visit"], more=more, **said)
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > _LONGEST_KEY:
        raise problem(422, errors=(("Idempotency-Key", f"At most {_LONGEST_KEY} characters."),))
    if key:
        digest = hashlib.sha256(json.dumps(request.get_json(), sort_keys=True).encode()).hexdigest()
        taken = take(
            ask,
            lambda session, runtime: take_once(session, runtime, ask, api_key_id=caller.key_id, key=key, digest=digest),
        )
    else:
        taken = take(ask)
    answer = jsonify(CallbackDetailSchema().dump(_detail(caller, taken.id)))
    answer.status_code = 202 if taken.is_new else 200
    answer.headers["Location"] = f"/api/v1/callbacks/{taken.id}"
    return answer


@endpoint(
    api, "GET", "/callbacks", scope="callbacks:write", summary="Callback requests, the newest first",
    query=CallbackQuery, returns=CallbackList,
)  # fmt: skip
def list_callbacks(caller: Caller, *, limit: int, cursor: Cursor | None = None, state: str | None = None) -> Document:
    with web().database.reading() as session:
        page = callbacks.list_requests(session, caller.workspace_id, state, cursor=cursor, limit=limit)
    now, locale = web().services.now(), visitors_locale()
    return {
        "items": [callback_document(row, locale, now) for row in page.items],
        "next": encode_cursor(page.next) if page.next else None,
    }


@endpoint(
    api, "GET", "/callbacks/<callback_id>", scope="callbacks:write", summary="One request with its story",
    returns=CallbackDetailSchema, errors=(404,),
)  # fmt: skip
def get_callback(caller: Caller, callback_id: int) -> Document:
    return _detail(caller, callback_id)


@endpoint(
    api, "DELETE", "/callbacks/<callback_id>", scope="callbacks:write", summary="Cancel a request",
    returns=CallbackDetailSchema, errors=(404, 409),
)  # fmt: skip
def cancel_callback(caller: Caller, callback_id: int) -> Document:
    _detail(caller, callback_id)  # one that is not there is not found, whatever else is missing
    runtime = way_out()
    done = in_transaction(
        runtime.database,
        lambda session: cancel_request(session, runtime, caller.workspace_id, callback_id, caller.actor),
    )
    if done is None:
        raise problem(404)
    if not done and _detail(caller, callback_id)["status"] != CallbackState.CANCELLED:
        raise problem(409, "The request is over, or they are talking already.")
    return _detail(caller, callback_id)


def _detail(caller: Caller, callback_id: int) -> Document:
    with web().database.reading() as session:
        found = callbacks.find_request(session, caller.workspace_id, callback_id)
    if found is None:
        raise problem(404)
    document = callback_document(found.row, visitors_locale(), web().services.now())
    return {**document, "steps": [{"at": step.at, "state": step.state, "words": step.words} for step in found.steps]}
