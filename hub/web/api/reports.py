"""Calls of a period by source, in the public API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema
from sqlalchemy.orm import Session

from hub.domain.events import Direction
from hub.web.api.documents import Document
from hub.web.api.door import endpoint
from hub.web.api.fields import Instant, text_field
from hub.web.api.keys import Caller
from hub.web.api.operations import api
from hub.web.api.schemas import list_of
from hub.web.queries import reports
from hub.web.queries.reports import Group, ReportFilter, Tallies, Tally
from hub.web.services import web

_USUAL_SPAN = timedelta(days=30)
_Ask = Callable[[Session, int, ReportFilter], Tallies]
_GROUPINGS: Mapping[str, tuple[_Ask, tuple[str, ...]]] = {
    "source": (reports.by_source, ("source", "medium")),
    "channel": (reports.by_channel, ("channel",)),
    "campaign": (reports.by_campaign, ("source", "medium", "campaign")),
}
"""By what calls may be grouped: the query, and what the parts of its groups are called."""


class SourceReportQuery(Schema):
    since = Instant(data_key="from", metadata={"description": "Started at or after this moment; 30 days before `to`."})
    until = Instant(data_key="to", metadata={"description": "Started before this moment; now without it."})
    by = fields.String(load_default="source", validate=validate.OneOf(list(_GROUPINGS)))
    direction = fields.String(validate=validate.OneOf([word.value for word in Direction]))
    connection = text_field(metadata={"description": "The name of the PBX connection."})

    @validates_schema
    def _is_a_period(self, query: dict[str, Any], **_options: Any) -> None:
        since, until = query.get("since"), query.get("until")
        if since is not None and until is not None and since >= until:
            raise ValidationError("“from” must be before “to”.", "from")


class SourceTallySchema(Schema):
    id = fields.String(metadata={"description": "The same for the same group in every report."})
    source = fields.String(allow_none=True, metadata={"description": "Null where no source was found."})
    medium = fields.String(allow_none=True)
    campaign = fields.String(allow_none=True)
    channel = fields.String(allow_none=True, metadata={"description": "Only when grouped by channel."})
    calls = fields.Integer(metadata={"description": "Calls that are over."})
    answered = fields.Integer()
    missed = fields.Integer()
    talk_seconds = fields.Integer()


SourceTallyList = list_of(SourceTallySchema, "SourceTallyListSchema")


@endpoint(
    api, "GET", "/reports/sources", scope="reports:read",
    summary="Calls of a period by where they came from, the most calls first",
    query=SourceReportQuery, returns=SourceTallyList,
)  # fmt: skip
def source_report(
    caller: Caller, *, by: str, since: datetime | None = None, until: datetime | None = None, **query: Any
) -> Document:
    """All groups at once: there are as many as sources, not as many as calls."""
    end = until or web().services.now()
    wanted = ReportFilter(since or end - _USUAL_SPAN, end, query.get("direction"), query.get("connection"))
    ask, names = _GROUPINGS[by]
    with web().database.reading() as session:
        found = ask(session, caller.workspace_id, wanted)
    return {"items": [_item(names, group, tally) for group, tally in found], "next": None}


def _item(names: tuple[str, ...], group: Group, tally: Tally) -> Document:
    parts = {name: str(part) if part is not None else None for name, part in zip(names, group, strict=True)}
    return {
        "id": _id_of(group),
        **dict.fromkeys(("source", "medium", "campaign", "channel")),
        **parts,
        "calls": tally.calls,
        "answered": tally.answered,
        "missed": tally.missed,
        "talk_seconds": tally.talk_seconds,
    }


def _id_of(group: Group) -> str:
    """A short name for a group, whatever its parts hold."""
    spelled = "\x1f".join("\x00" if part is None else str(part) for part in group)
    return blake2b(spelled.encode(), digest_size=8).hexdigest()
