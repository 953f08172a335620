"""What goes in and out of the API."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from hub.db.work import DeliveryState, InboxState
from hub.domain.call import Outcome
from hub.domain.events import Direction
from hub.tracking.attribution.told import CODES
from hub.web.api.fields import CursorField, Instant, RowId, text_field
from hub.web.queries.connections import Health

MOST_PER_PAGE = 200
_PER_PAGE = 50


def limit_field() -> fields.Integer:
    return fields.Integer(load_default=_PER_PAGE, validate=validate.Range(1, MOST_PER_PAGE))


class CallFilterSchema(Schema):
    since = Instant(data_key="from", metadata={"description": "Started at or after this moment."})
    until = Instant(data_key="to", metadata={"description": "Started before this moment."})
    direction = fields.String(validate=validate.OneOf([word.value for word in Direction]))
    outcome = fields.String(validate=validate.OneOf([word.value for word in Outcome]))
    source = text_field(metadata={"description": "The marketing source, exactly."})
    connection = text_field(metadata={"description": "The name of the PBX connection."})
    phone = text_field(metadata={"description": "The client's number in any spelling."})


class CallQuery(CallFilterSchema):
    cursor = CursorField(timed=True, metadata={"description": "What `next` of the page before said."})
    limit = limit_field()


class DeliveryQuery(Schema):
    state = fields.String(validate=validate.OneOf([word.value for word in DeliveryState]))
    connection = text_field(metadata={"description": "The name of the CRM connection."})
    call = RowId(metadata={"description": "Only deliveries of the call with this id."})
    cursor = CursorField(timed=False)
    limit = limit_field()


class InboxQuery(Schema):
    state = fields.String(validate=validate.OneOf([word.value for word in InboxState]))
    connection = text_field()
    cursor = CursorField(timed=False)
    limit = limit_field()


class CallSchema(Schema):
    id = RowId()
    uid = fields.String(metadata={"description": "The hub's key of the call inside CRMs."})
    connection = fields.String()
    direction = fields.String(allow_none=True)
    outcome = fields.String()
    over = fields.Boolean(metadata={"description": "False while the call goes on."})
    client = fields.String(allow_none=True, metadata={"description": "E.164, or as it was sent; null when hidden."})
    client_raw = fields.String(allow_none=True)
    line = fields.String(allow_none=True)
    extension = fields.String(allow_none=True, metadata={"description": "Who talked last, else who was rung first."})
    answered_by = fields.String(allow_none=True)
    first_rung = fields.String(allow_none=True)
    started_at = Instant()
    answered_at = Instant(allow_none=True)
    ended_at = Instant(allow_none=True)
    wait_seconds = fields.Integer()
    talk_seconds = fields.Integer()
    missed_reason = fields.String(allow_none=True)
    source = fields.String(allow_none=True)
    medium = fields.String(allow_none=True)
    campaign = fields.String(allow_none=True)


class LegSchema(Schema):
    key = fields.String()
    place = fields.String(allow_none=True)
    extension = fields.String(allow_none=True)
    group = fields.String(allow_none=True)
    rang_at = Instant()
    answered_at = Instant(allow_none=True)
    talked_with_client_at = Instant(allow_none=True)
    ended_at = Instant(allow_none=True)
    result = fields.String(allow_none=True)
    came_from_leg = fields.String(allow_none=True)


class ChosenSchema(Schema):
    source = fields.String()
    medium = fields.String(allow_none=True)
    campaign = fields.String(allow_none=True)
    model = fields.String()
    visit = fields.String(metadata={"description": "The visit's id, where the source is that of a visit."})
    probability = fields.Float()


class CandidateSchema(ChosenSchema):
    source = fields.String(allow_none=True)
    delay_seconds = fields.Float(metadata={"description": "Since the visit left; 0 while it was on the page."})
    on_page = fields.Boolean()


class SeenPageSchema(Schema):
    at = Instant()
    url = fields.String()
    title = fields.String()


class CreditedSchema(Schema):
    source = fields.String()
    medium = fields.String()
    campaign = fields.String(allow_none=True)
    content = fields.String(allow_none=True)
    term = fields.String(allow_none=True)
    share = fields.Float(metadata={"description": "The shares of one model sum to 1."})


class FlagsSchema(Schema):
    unique = fields.Boolean(metadata={"description": "The client's first call within the site's time."})
    new = fields.Boolean(metadata={"description": "The client's first call ever; never true for a hidden number."})
    quality = fields.Boolean(metadata={"description": "Talked long enough, with a group and on a line that count."})


class AttributionSchema(Schema):
    chosen = fields.Nested(ChosenSchema, allow_none=True, metadata={"description": "Null: honestly unknown."})
    model = fields.String(metadata={"description": "What the answer rests on; unknown and default_number are none."})
    candidates = fields.List(fields.Nested(CandidateSchema))
    evidence = fields.List(fields.String(), metadata={"description": "Why, in the workspace's language."})
    reasons = fields.List(
        fields.String(validate=validate.OneOf(CODES)),
        metadata={"description": "The same as stable codes, in this order."},
    )
    pages = fields.List(fields.Nested(SeenPageSchema), metadata={"description": "What was looked at before the call."})
    models = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.Nested(CreditedSchema)),
        metadata={"description": "The visitor's touches by model: first, last, last_non_direct, linear."},
    )


class WhySchema(Schema):
    field = fields.String(metadata={"description": "The field of the intent; empty for the intent itself."})
    rule = fields.String()
    fact = fields.String()
    rules_version = fields.Integer(metadata={"description": "0: the built-in rules."})


class TraceSchema(Schema):
    kind = fields.String()
    key = fields.String()
    unsupported = fields.String(allow_none=True, metadata={"description": "Why the CRM cannot show it, if so."})
    why = fields.List(fields.Nested(WhySchema))


class DeliverySchema(Schema):
    id = RowId()
    call_id = RowId(allow_none=True, metadata={"description": "Null for what a CRM is told of a callback request."})
    callback_id = RowId(allow_none=True)
    connection = fields.String()
    intent = fields.String()
    step = fields.String()
    generation = fields.Integer()
    lane = fields.String()
    state = fields.String()
    attempt_count = fields.Integer()
    due_at = Instant()
    expires_at = Instant()
    created_at = Instant()
    first_sent_at = Instant(allow_none=True)
    closed_at = Instant(allow_none=True)
    last_error = fields.String(metadata={"description": "The vendor's own words."})
    result = fields.Dict(keys=fields.String(), metadata={"description": "The ids that the CRM returned."})


class AttemptSchema(Schema):
    at = Instant()
    outcome = fields.String()
    words = fields.String()
    took_ms = fields.Integer()


class DeliveryDetailSchema(DeliverySchema):
    why = fields.List(fields.Nested(WhySchema))
    attempts = fields.List(fields.Nested(AttemptSchema))


class RecordingSchema(Schema):
    id = RowId()
    state = fields.String()
    extension = fields.String(allow_none=True)
    url = fields.String()
    reason = fields.String()


class CallDetailSchema(CallSchema):
    legs = fields.List(fields.Nested(LegSchema))
    attribution = fields.Nested(AttributionSchema)
    flags = fields.Nested(FlagsSchema, allow_none=True, metadata={"description": "Null for calls no client made."})
    trace = fields.List(fields.Nested(TraceSchema))
    routing = fields.List(fields.Nested("DecisionSchema"))
    deliveries = fields.List(fields.Nested(DeliveryDetailSchema))
    recordings = fields.List(fields.Nested(RecordingSchema))


class BreakerSchema(Schema):
    open = fields.Boolean()
    until = Instant(allow_none=True)
    failures_in_row = fields.Integer()


class PurposeSchema(Schema):
    purpose = fields.String(metadata={"description": "The intent, or what else the requests were made for."})
    requests = fields.Integer()
    throttled = fields.Integer()


class QuotaSchema(Schema):
    lane = fields.String()
    requests = fields.Integer()
    throttled = fields.Integer()
    purposes = fields.List(fields.Nested(PurposeSchema))


class NoticeSchema(Schema):
    kind = fields.String(metadata={"description": "“silence”: nothing came in an hour in which calls usually come."})
    words = fields.String()
    since = Instant()


class DriftSchema(Schema):
    kind = fields.String()
    name = fields.String()
    seen = fields.Integer()
    last_seen_at = Instant()


class ConnectionSchema(Schema):
    id = RowId()
    name = fields.String()
    vendor = fields.String()
    state = fields.String()
    state_reason = fields.String()
    state_mend = fields.String()
    health = fields.String(validate=validate.OneOf([word.value for word in Health]))
    breaker = fields.Nested(BreakerSchema)
    last_event_at = Instant(allow_none=True)
    last_success_at = Instant(allow_none=True)
    last_error = fields.String()
    quota = fields.List(fields.Nested(QuotaSchema), metadata={"description": "Requests of the last 24 hours by lane."})
    drift = fields.List(fields.Nested(DriftSchema))
    notices = fields.List(fields.Nested(NoticeSchema), metadata={"description": "What people should know now."})
    quarantined = fields.Integer()


class InboxSchema(Schema):
    id = RowId()
    connection = fields.String()
    topic = fields.String()
    state = fields.String()
    reason = fields.String()
    attempts = fields.Integer()
    received_at = Instant()
    closed_at = Instant(allow_none=True)
    call_id = RowId(allow_none=True)
    size_bytes = fields.Integer()


def list_of(item: type[Schema], name: str) -> type[Schema]:
    """The schema of one page: `items`, and `next` as a cursor or null."""
    return Schema.from_dict(
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next": fields.String(required=True, allow_none=True),
        },
        name=name,
    )


CallList = list_of(CallSchema, "CallListSchema")
DeliveryList = list_of(DeliverySchema, "DeliveryListSchema")
ConnectionList = list_of(ConnectionSchema, "ConnectionListSchema")
InboxList = list_of(InboxSchema, "InboxListSchema")
