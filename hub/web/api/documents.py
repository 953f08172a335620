"""Rows as the API shows them; the schemas do the spelling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hub.db.tables import CallRow, RecordingRow
from hub.db.work import DeliveryRow
from hub.domain.call import Closing
from hub.tracking.attribution.quality import Flags
from hub.tracking.attribution.told import code_of, told
from hub.web.paging import Page, encode_cursor
from hub.web.queries.attribution import ShownCandidate
from hub.web.queries.calls import ListedCall, Sent, Story
from hub.web.queries.connections import ConnectionView
from hub.web.queries.inbox import ListedItem

T = TypeVar("T")
Document = dict[str, Any]

_CALL_COLUMNS = (
    "id", "uid", "direction", "outcome", "client_raw", "line", "answered_by", "first_rung", "started_at",
    "answered_at", "ended_at", "wait_seconds", "talk_seconds", "missed_reason", "source", "medium", "campaign",
)  # fmt: skip
_DELIVERY_COLUMNS = (
    "id", "call_id", "callback_id", "generation", "lane", "state", "due_at", "expires_at", "created_at",
    "first_sent_at", "closed_at", "last_error", "result",
)  # fmt: skip
_CONNECTION_COLUMNS = (
    "id", "name", "vendor", "state", "state_reason", "state_mend", "last_event_at", "last_success_at", "last_error",
)  # fmt: skip
_INBOX_COLUMNS = ("id", "topic", "state", "reason", "attempts", "received_at", "closed_at", "call_id")


def _columns(row: object, names: tuple[str, ...]) -> Document:
    return {name: getattr(row, name) for name in names}


def page_document(page: Page[T], document: Callable[[T], Document]) -> Document:
    return {
        "items": [document(item) for item in page.items],
        "next": encode_cursor(page.next) if page.next else None,
    }


def call_document(listed: ListedCall) -> Document:
    call = listed.call
    return {
        **_columns(call, _CALL_COLUMNS),
        "connection": listed.connection,
        "over": call.closing != Closing.OPEN,
        "client": call.client_e164 or call.client_raw,
        "extension": call.answered_by or call.first_rung,
    }


def story_document(story: Story, public_url: str, locale: str = "en") -> Document:
    """`locale` is the workspace's: reasons are told in it, and their codes never change."""
    return {
        **call_document(ListedCall(story.call, story.connection.name)),
        "legs": list(story.facts.legs),
        "attribution": attribution_document(story, locale),
        "flags": flags_document(story.flags),
        "trace": story.call.plan_trace,
        "deliveries": [delivery_detail_document(sent) for sent in story.deliveries],
        "recordings": [recording_document(row, public_url) for row in story.recordings],
    }


def attribution_document(story: Story, locale: str = "en") -> Document:
    """What is known of where the caller came from: the visit that held the called number, or what that stands for."""
    call, shown = story.call, story.attribution
    if shown is None or (call.source is not None and shown.visit is None):
        return _static_attribution(call, locale)
    chosen = {"source": call.source, "medium": call.medium, "campaign": call.campaign, "model": shown.answer.model}
    return {
        "chosen": {**chosen, "visit": shown.visit.uid, "probability": shown.answer.probability}
        if shown.visit
        else None,
        "model": shown.answer.model,
        "candidates": [_candidate_document(candidate) for candidate in shown.candidates],
        **_reasons(shown.answer.evidence, locale),
        "pages": [{"at": page.at, "url": page.url, "title": page.title} for page in shown.pages],
        "models": {
            model: [
                {**_columns(touch, ("source", "medium", "campaign", "content", "term")), "share": share}
                for touch, share in credited
            ]
            for model, credited in shown.credits.items()
        },
    }


def flags_document(flags: Flags | None) -> Document | None:
    """Unique, new and good by the rules of the site that was called; None for a call that no client made."""
    if flags is None:
        return None
    return {"unique": flags.is_unique, "new": flags.is_new, "quality": flags.is_quality}


def _candidate_document(shown: ShownCandidate) -> Document:
    candidate = shown.candidate
    return {
        **_columns(shown, ("source", "medium", "campaign")),
        "model": "dynamic",
        "visit": candidate.visit_id,
        "probability": candidate.probability,
        "delay_seconds": candidate.delay_seconds,
        "on_page": candidate.on_page,
    }


def _reasons(evidence: Sequence[str], locale: str) -> Document:
    return {"evidence": [told(one, locale) for one in evidence], "reasons": [code_of(one) for one in evidence]}


def _static_attribution(call: CallRow, locale: str) -> Document:
    if call.source is None:
        return {"chosen": None, "candidates": [], **_reasons((), locale)}
    chosen = {"source": call.source, "medium": call.medium, "campaign": call.campaign, "model": "static_number"}
    return {
        "chosen": chosen,
        "candidates": [chosen],
        **_reasons((f"The number {call.line} stands for “{call.source}”.",), locale),
    }


def delivery_document(delivery: DeliveryRow, connection: str) -> Document:
    return {
        **_columns(delivery, _DELIVERY_COLUMNS),
        "connection": connection,
        "intent": delivery.intent_kind,
        "step": delivery.step_key,
        "attempt_count": delivery.attempts,
    }


def delivery_detail_document(sent: Sent) -> Document:
    return {
        **delivery_document(sent.delivery, sent.connection),
        "why": sent.delivery.why,
        "attempts": sent.attempts,
    }


def recording_document(row: RecordingRow, public_url: str) -> Document:
    return {**_columns(row, ("id", "state", "extension", "reason")), "url": f"{public_url}/r/{row.token}"}


def connection_document(view: ConnectionView) -> Document:
    connection = view.connection
    return {
        **_columns(connection, _CONNECTION_COLUMNS),
        "health": view.health.value,
        "breaker": {
            "open": view.breaker_open,
            "until": connection.breaker_until,
            "failures_in_row": connection.failures_in_row,
        },
        "quota": view.quota,
        "drift": view.drift,
        "notices": view.notices,
        "quarantined": view.quarantined,
    }


def inbox_document(listed: ListedItem) -> Document:
    return {
        **_columns(listed.item, _INBOX_COLUMNS),
        "connection": listed.connection,
        "size_bytes": len(listed.item.body),
    }
