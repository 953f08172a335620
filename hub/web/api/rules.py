"""The rules of CRM connections in the public API: read, drafted, tried, published, taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from marshmallow import Schema, fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.rules import RulesDraft
from hub.db.tables import Connection
from hub.rules.definitions import definitions
from hub.rules.dry_run import LAST
from hub.rules.store import (
    ChangedMeanwhile,
    NotPublished,
    draft_of,
    find_version,
    in_force,
    note_preview,
    publish_draft,
    roll_back,
    save_draft,
    vendor_rules,
    versions,
)  # fmt: skip
from hub.rules.tried import DryRun, TriedCall
from hub.web.api.documents import Document
from hub.web.api.door import endpoint
from hub.web.api.fields import Instant, RowId
from hub.web.api.keys import Caller
from hub.web.api.operations import api
from hub.web.problems import problem
from hub.web.rules.trying import ask_of_last, try_last
from hub.web.services import web
from mapping.check import check
from mapping.forecast import Forecast
from mapping.schema import RulesError, read_rules

_LONGEST_NOTE = 300
_MOST_TRIED = 1000


class DraftBody(Schema):
    document = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={"description": "The rules; JSON Schema at /schemas/rules-1.json."},
    )
    revision = fields.Integer(metadata={"description": "The revision that you had read; 409 when it is not the last."})


class NoteBody(Schema):
    note = fields.String(load_default="", validate=validate.Length(max=_LONGEST_NOTE))


class RollbackBody(Schema):
    version = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1_000_000))


class DryRunQuery(Schema):
    last = fields.Integer(load_default=LAST, validate=validate.Range(1, _MOST_TRIED))


class RulesMistakeSchema(Schema):
    rule = fields.String()
    words = fields.String()


class RulesSchema(Schema):
    version = fields.Integer(metadata={"description": "0: the built-in rules."})
    document = fields.Dict(keys=fields.String())
    draft = fields.Dict(keys=fields.String(), allow_none=True)
    revision = fields.Integer(metadata={"description": "Of the draft; 0 when there is none."})
    mistakes = fields.List(fields.Nested(RulesMistakeSchema), metadata={"description": "What the CRM does not have."})


class VersionSchema(Schema):
    id = RowId()
    version = fields.Integer()
    published_at = Instant()
    published_by = fields.String()
    ended_at = Instant(allow_none=True)
    note = fields.String()


class VersionListSchema(Schema):
    items = fields.List(fields.Nested(VersionSchema))
    next = fields.String(allow_none=True)


class EffectSchema(Schema):
    act = fields.String(metadata={"description": "created, changed or left"})
    what = fields.String()
    words = fields.String()
    parts = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "pipeline, stage, responsible (a user of the CRM), title; as far as the rules say"},
    )


class RulesWhySchema(Schema):
    field = fields.String()
    rule = fields.String()
    fact = fields.String()


class ForecastSchema(Schema):
    situation = fields.String()
    rule = fields.String()
    effects = fields.List(fields.Nested(EffectSchema))
    why = fields.List(fields.Nested(RulesWhySchema))


class DependsSchema(ForecastSchema):
    person = fields.String(metadata={"description": "What the CRM may keep of the client instead."})


class TriedSchema(Schema):
    id = RowId(metadata={"description": "The call; among `requests`, the request for a callback."})
    person = fields.String()
    vip = fields.Boolean()
    changed = fields.Boolean()
    draft = fields.Nested(ForecastSchema)
    published = fields.Nested(ForecastSchema)
    depends = fields.List(
        fields.Nested(DependsSchema),
        metadata={"description": "What the draft comes to otherwise; empty unless the CRM could not be asked."},
    )


class DryRunSchema(Schema):
    compared_with = fields.Integer(metadata={"description": "The published version."})
    tried = fields.Integer()
    changed = fields.Integer()
    in_doubt = fields.Integer(metadata={"description": "Of how many the CRM could not say who the client is."})
    items = fields.List(fields.Nested(TriedSchema))
    requests = fields.List(
        fields.Nested(TriedSchema), metadata={"description": "Requests for a callback in the same time."}
    )
    next = fields.String(allow_none=True)


def _find(session: Session, caller: Caller, connection_id: int) -> Connection:
    found = session.scalar(
        select(Connection).where(Connection.id == connection_id, Connection.workspace_id == caller.workspace_id)
    )
    connector = web().services.registry.get(found.vendor) if found else None
    if found is None or connector is None or connector.crm is None:
        raise problem(404)
    return found


def _rules_document(session: Session, connection: Connection) -> Document:
    registry = web().services.registry
    held, draft = in_force(session, registry, connection), draft_of(session, connection.id)
    newest = draft.document if draft else held.document
    known = definitions(session, connection.id, vendor_rules(registry, connection.vendor))
    return {
        "version": held.version,
        "document": held.document,
        "draft": draft.document if draft else None,
        "revision": draft.revision if draft else 0,
        "mistakes": [{"rule": one.rule, "words": str(one)} for one in check(read_rules(newest), known)],
    }


@endpoint(
    api, "GET", "/connections/<connection_id>/rules", scope="rules:read", summary="The rules of a CRM connection",
    returns=RulesSchema, errors=(404,),
)  # fmt: skip
def get_rules(caller: Caller, connection_id: int) -> Document:
    with web().database.reading() as session:
        return _rules_document(session, _find(session, caller, connection_id))


@endpoint(
    api, "PUT", "/connections/<connection_id>/rules/draft", scope="rules:write", summary="Change the draft",
    body=DraftBody, returns=RulesSchema, errors=(404, 409, 422),
)  # fmt: skip
def put_rules_draft(
    caller: Caller, connection_id: int, *, document: Mapping[str, Any], revision: int | None = None
) -> Document:
    with web().database.transaction() as session:
        connection = _find(session, caller, connection_id)
        try:
            now = web().services.now()
            save_draft(session, connection, document, by=caller.actor, now=now, revision=revision)
        except RulesError as error:
            raise problem(422, errors=[(one.rule, str(one)) for one in error.mistakes]) from error
        except ChangedMeanwhile as error:
            raise problem(409, error.message) from error
        return _rules_document(session, connection)


@endpoint(
    api, "POST", "/connections/<connection_id>/rules/dry-run", scope="rules:write",
    summary="Try the draft on the last calls; nothing is written to the CRM", query=DryRunQuery, returns=DryRunSchema,
    errors=(404, 409),
)  # fmt: skip
def dry_run_rules(caller: Caller, connection_id: int, *, last: int) -> Document:
    with web().database.reading() as session:
        _drafted(session, _find(session, caller, connection_id))
    asked = ask_of_last(connection_id, last)
    with web().database.transaction() as session:
        connection = _find(session, caller, connection_id)
        draft = _drafted(session, connection)
        run = try_last(session, connection, read_rules(draft.document), last, asked)
        note_preview(session, connection_id, draft.document)
    return _run_document(run)


def _drafted(session: Session, connection: Connection) -> RulesDraft:
    draft = draft_of(session, connection.id)
    if draft is None:
        raise problem(409, "There is no draft to try.")
    return draft


def _run_document(run: DryRun) -> Document:
    return {
        "compared_with": run.version,
        "tried": len(run.tried) + len(run.requests),
        "changed": run.changed,
        "in_doubt": run.in_doubt,
        "items": [_tried_document(one) for one in run.tried],
        "requests": [_tried_document(one) for one in run.requests],
        "next": None,
    }


def _tried_document(one: TriedCall) -> Document:
    return {
        "id": one.request_id or one.call_id,
        "person": str(one.person),
        "vip": one.vip,
        "changed": one.changed,
        "draft": _forecast_document(one.draft),
        "published": _forecast_document(one.published),
        "depends": [{"person": str(state), **_forecast_document(found)} for state, found in one.depends],
    }


def _forecast_document(found: Forecast) -> Document:
    return {
        "situation": found.situation,
        "rule": found.rule,
        "effects": [asdict(effect) for effect in found.effects],
        "why": [asdict(why) for why in found.why],
    }


@endpoint(
    api, "POST", "/connections/<connection_id>/rules/publish", scope="rules:write",
    summary="Let the draft hold; its dry run must have been made", body=NoteBody, returns=VersionSchema,
    errors=(404, 409, 422),
)  # fmt: skip
def publish_rules(caller: Caller, connection_id: int, *, note: str = "") -> Any:
    with web().database.transaction() as session:
        connection = _find(session, caller, connection_id)
        try:
            return publish_draft(session, connection, by=caller.actor, now=web().services.now(), note=note)
        except NotPublished as error:
            raise problem(409, f"{error.message} {error.hint}") from error


@endpoint(
    api, "GET", "/connections/<connection_id>/rules/versions", scope="rules:read",
    summary="What was published, the newest first", returns=VersionListSchema, errors=(404,),
)  # fmt: skip
def list_rules_versions(caller: Caller, connection_id: int) -> Document:
    with web().database.reading() as session:
        found = versions(session, _find(session, caller, connection_id).id)
    return {"items": found, "next": None}


@endpoint(
    api, "POST", "/connections/<connection_id>/rules/rollback", scope="rules:write",
    summary="Publish an old version again", body=RollbackBody, returns=VersionSchema, errors=(404, 409, 422),
)  # fmt: skip
def rollback_rules(caller: Caller, connection_id: int, *, version: int) -> Any:
    with web().database.transaction() as session:
        connection = _find(session, caller, connection_id)
        if find_version(session, connection_id, version) is None:
            raise problem(409, f"There is no version {version}.")
        return roll_back(session, connection, version, by=caller.actor, now=web().services.now())
