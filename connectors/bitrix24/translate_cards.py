"""What hangs on the client's card, to what Bitrix24's methods take: source, trace, task, note. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from connectors.bitrix24.envelope import rows, text
from connectors.bitrix24.translate import ENTITY_TYPE_IDS, Entity, Params, moment, user_id
from connectors.contract import StepResult
from hub.domain.intents import CallFacts, Intent
from hub.domain.party import Source, VisitStory

_MOST_PAGES = 5
_LONGEST_PAGE_TITLE = 40
_TASK_WITHIN = timedelta(hours=1)


def call_entity(done: Mapping[str, StepResult]) -> Entity | None:
    """The card that the call is on: as the finished call states it, else as the registration did."""
    for key in ("finish", "register", "request", "client"):
        result = done.get(key, {})
        kind, entity_id = result.get("entity_type"), result.get("entity_id")
        if isinstance(kind, str) and isinstance(entity_id, str):
            return Entity(kind, entity_id)
    return None


def created_by(done: Mapping[str, StepResult]) -> list[Entity]:
    """The cards that this call's registration created, or the hub for it, or for a request that is no call yet."""
    keys = ("register", "request", "client", "deal")
    made = [row for key in keys for row in rows(done.get(key, {}).get("created", []))]
    return [Entity(text(row.get("type")), text(row.get("id"))) for row in made]


def source_fields(source: Source, words: str, kind: str) -> Params:
    """The fields that show a source on a created card; a company has no SOURCE_DESCRIPTION (bitrix24.md §4.2)."""
    utm = {
        "UTM_SOURCE": source.source,
        "UTM_MEDIUM": source.medium,
        "UTM_CAMPAIGN": source.campaign,
        "UTM_CONTENT": source.content,
        "UTM_TERM": source.term,
    }
    fields: Params = {name: value for name, value in utm.items() if value}
    if kind != "COMPANY":
        fields["SOURCE_DESCRIPTION"] = words or source_description(source)
    return fields


def trace_params(source: Source, visit: VisitStory | None, entities: Sequence[Entity], started_at: datetime) -> Params:
    """`crm.tracking.trace.add` (bitrix24.md §4.7): the source is chosen by `utm_source` first, then by `ref`."""
    utm = {
        "utm_source": source.source,
        "utm_medium": source.medium,
        "utm_campaign": source.campaign,
        "utm_content": source.content,
        "utm_term": source.term,
    }
    since = visit.started_at if visit else started_at
    tags = {"ts": int(since.timestamp()), "list": {name: value for name, value in utm.items() if value}}
    trace = {**_path(visit), "tags": tags, "previous": {"list": []}}
    return {
        "TRACE": json.dumps(trace, ensure_ascii=False),
        "ENTITIES": [{"TYPE": entity.type, "ID": user_id(entity.id)} for entity in entities],
    }


def _path(visit: VisitStory | None) -> Params:
    """Where the visitor was: the page last seen, what led there, and the last pages, the oldest first."""
    if visit is None:
        return {"pages": {"list": []}}
    views = [
        [page.url, int(page.at.timestamp()), page.title[:_LONGEST_PAGE_TITLE]] for page in visit.pages[-_MOST_PAGES:]
    ]
    path: Params = {"url": visit.pages[-1].url if visit.pages else visit.landing_url, "pages": {"list": views}}
    return {**path, "ref": visit.referrer} if visit.referrer else path


def source_description(source: Source) -> str:
    """ "yandex / cpc / doors_msk: why we think so"."""
    path = " / ".join(part for part in (source.source, source.medium, source.campaign) if part)
    return f"{path}: {source.evidence}" if source.evidence else path


def update_params(entity: Entity, fields: Params) -> Params:
    """`crm.<entity>.update`; nobody's feed is told of it."""
    return {"id": user_id(entity.id), "fields": fields, "params": {"REGISTER_SONET_EVENT": "N"}}


def marker(intent: Intent) -> str:
    """Our key in a text, by which it is found again. It ends in a bracket: "12" is not found in "123"."""
    return f"(dozvon:{intent.call.call_id}:{short_key(intent.key)})"


def short_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


_INERT = str.maketrans({"[": "［", "<": "‹"})


def inert(words: str) -> str:
    """A text in which neither BB code nor HTML begins: callers' names and words end up in it."""
    return words.translate(_INERT)


def task_params(intent: Intent, entity: Entity, responsible: str | None, timezone: str) -> Params:
    """`crm.activity.todo.add` (bitrix24.md §4.5)."""
    facts = intent.call
    deadline = intent.deadline or (facts.ended_at or facts.started_at) + _TASK_WITHIN
    params: Params = {
        "ownerTypeId": ENTITY_TYPE_IDS[entity.type],
        "ownerId": user_id(entity.id),
        "deadline": moment(deadline, timezone),
        "title": inert(intent.title),
        "description": f"{inert(intent.text)}\n{marker(intent)}".lstrip(),
    }
    return {**params, "responsibleId": user_id(responsible)} if responsible else params


def note_params(intent: Intent, entity: Entity) -> Params:
    """`crm.timeline.comment.add`: the key `fields` must be in lower case (bitrix24.md §2.1)."""
    words = "\n".join(part for part in (inert(intent.title), inert(intent.text), intent.link) if part)
    comment = f"{words}\n{marker(intent)}"
    return {"fields": {"ENTITY_ID": user_id(entity.id), "ENTITY_TYPE": entity.type.lower(), "COMMENT": comment}}


def record_name(facts: CallFacts, about: str, extension: str) -> str:
    """A file name that says the call and has a lower-case ending, by which Bitrix24 judges the type."""
    call = "".join(character for character in facts.call_id if character.isalnum() or character in "-_")
    return f"call-{call}-{short_key(about)}.{extension.lower()}"
