"""Whether an earlier try of a step was carried out: asked of the portal, by our keys.

Every row is checked by value: a filter that the portal does not know is dropped in silence
(bitrix24.md §2.6), and its answer then holds other people's calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from connectors.bitrix24.calls import call_id_of
from connectors.bitrix24.client import Params, Portal
from connectors.bitrix24.envelope import Envelope, identifier, rows, text
from connectors.bitrix24.recordings import attached_file
from connectors.bitrix24.statistics import finished_call
from connectors.bitrix24.translate import ENTITY_TYPE_IDS, finish_result, register_result, user_id
from connectors.bitrix24.translate_cards import call_entity, marker
from connectors.contract import Absent, Found, LookUp, Step, Unclear

_MOST_PAGES = 20
_SAME_CALL_WITHIN = timedelta(minutes=30)
_GRACE = timedelta(minutes=1)
_CLOCK_MARGIN = timedelta(hours=1)
"""How far the portal's clock may be from ours before a search in it stops too early."""


def registered(step: Step, portal: Portal) -> LookUp:
    """By `EXTERNAL_CALL_ID` among finished calls; live ones cannot be listed (bitrix24.md §3.2).

    A call that is not there is `Absent`: if an earlier registration lives, the same one sent again
    (the same client, type, employee, line and EXTERNAL_CALL_ID) gets its CALL_ID back instead of a
    second call. Bitrix24 promises that for 30 minutes from the *stored start of the call*, which is
    the moment the call began and not the moment it was registered. For an older one it is not
    promised: the first minute after sending is `Unclear`, lest a slow registration is met by a
    second one, and then, at worst, a live call without an end stays behind. Nobody sees it, and it
    creates no second lead, because by then the client's number is known to the portal.
    """
    row = finished_call(portal, "EXTERNAL_CALL_ID", step.intent.call.call_id)
    kept = register_result(row, {}) if row else None
    if kept:
        return Found(kept)
    now = portal.door.now()
    is_old = now - step.intent.call.started_at >= _SAME_CALL_WITHIN
    if is_old and step.first_sent_at is not None and now - step.first_sent_at < _GRACE:
        return Unclear("The registration may still be on its way.")
    return Absent()


def finished(step: Step, portal: Portal) -> LookUp:
    """By `CALL_ID` in the statistics: finish is what writes the row."""
    row = finished_call(portal, "CALL_ID", call_id_of(step))
    return Found(finish_result(row)) if row else Absent()


def recorded(step: Step, portal: Portal) -> LookUp:
    """`RECORD_FILE_ID` of the finished call; a second upload would only replace the first."""
    file_id = attached_file(step, portal)
    return Found({"file_id": file_id}) if file_id else Absent()


def transcribed(step: Step, portal: Portal) -> LookUp:
    """`TRANSCRIPT_ID` of the finished call."""
    row = finished_call(portal, "CALL_ID", call_id_of(step))
    found = identifier(row.get("TRANSCRIPT_ID")) if row else None
    return Found({"transcript_id": found}) if found else Absent()


def trace_added(_step: Step, _portal: Portal) -> LookUp:
    """Traces cannot be listed, and a second one would count twice: what may have been sent is not sent again (§9.3)."""
    return Found({"skipped": "whether the trace was added cannot be asked"})


def task_added(step: Step, portal: Portal) -> LookUp:
    """By our marker in the description of the card's activities."""
    return _marked(step, portal, "crm.activity.list", _activities, "DESCRIPTION", "task_id")


def note_added(step: Step, portal: Portal) -> LookUp:
    """By our marker in the card's comments."""
    return _marked(step, portal, "crm.timeline.comment.list", _comments, "COMMENT", "comment_id")


def _activities(kind: str, entity_id: str) -> Params:
    return {
        "order": {"ID": "DESC"},
        "filter": {"OWNER_TYPE_ID": ENTITY_TYPE_IDS[kind], "OWNER_ID": user_id(entity_id)},
        "select": ["ID", "OWNER_TYPE_ID", "OWNER_ID", "DESCRIPTION", "CREATED"],
    }


def _comments(kind: str, entity_id: str) -> Params:
    return {
        "order": {"ID": "DESC"},
        "filter": {"ENTITY_TYPE": kind.lower(), "ENTITY_ID": user_id(entity_id)},
        "select": ["ID", "ENTITY_TYPE", "ENTITY_ID", "COMMENT", "CREATED"],
    }


def _marked(
    step: Step, portal: Portal, method: str, query: Callable[[str, str], Params], field: str, result_key: str
) -> LookUp:
    entity = call_entity(step.done)
    if entity is None:
        return Absent()
    sought = marker(step.intent)
    for page_number, page in enumerate(_pages(portal, method, query(entity.type, entity.id))):
        for row in page:
            if sought in text(row.get(field)) and (found := identifier(row.get("ID"))):
                return Found({result_key: found})
        if _is_before(page, step.first_sent_at):
            return Absent()
        if page_number + 1 == _MOST_PAGES:
            return Unclear(f"The card has too many entries to search them for {sought}.")
    return Absent()


def _pages(portal: Portal, method: str, params: Params) -> Iterator[list[Envelope]]:
    """Pages of a list, the newest rows first."""
    start: object = 0
    while isinstance(start, int):
        envelope = portal.envelope(method, {**params, "start": start}, write=False)
        yield rows(envelope["result"])
        following = envelope.get("next")
        start = following if isinstance(following, int) and following > start else None


def _is_before(page: list[Envelope], sent_at: datetime | None) -> bool:
    """Whether the page has come to rows that were there long before we first sent ours."""
    if sent_at is None or not page:
        return False
    try:
        created = datetime.fromisoformat(text(page[-1].get("CREATED")))
    except ValueError:
        return False
    return created.tzinfo is not None and created < sent_at - _CLOCK_MARGIN
