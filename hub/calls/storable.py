"""What a sender's folder understood, as it can be kept: a hostile text or moment must not fail a transaction. Pure.

Folders take care of their own vendor's oddities. This is the line behind them, for every vendor alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hub.domain.events import CallEvent, Cost, Phrase, RecordingNews
from hub.domain.phone import Phone
from hub.domain.text import keepable, keepable_key
from webhooks.contract import Drift, Ignored, Malformed, News, Parsed, Stated

LONGEST_CALL = timedelta(days=7)
_YEARS = range(2000, 2101)
_LONGEST_TEXT = 200
_LONGEST_SHORT = 64
_LONGEST_KEY = 300
_LONGEST_REASON = 2000
_LONGEST_KIND = 16
_LARGEST_COUNTER = 2**63 - 1
_LONGEST_PHRASE = 4000
_MOST_PHRASES = 5000
_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,6})?")
_CURRENCY = re.compile(r"[A-Z]{3}")


def storable(parsed: Parsed) -> Parsed:
    """The same, with texts that both databases take, and without moments and numbers that no call can have.

    An event that happened outside our century, or at no certain moment, makes the whole item `Malformed`.
    """
    drift = tuple(_drift(one) for one in parsed.drift)
    match parsed:
        case Stated(events):
            if not all(_is_sound(event.at) for event in events):
                return Malformed("It states a moment that no call can have.", drift)
            return Stated(tuple(_event(event) for event in events), drift)
        case News(notices):
            return News(notices, drift)
        case Ignored(reason):
            return Ignored(keepable(reason, _LONGEST_REASON), drift)
        case Malformed(reason):
            return Malformed(keepable(reason, _LONGEST_REASON), drift)


def storable_event(event: CallEvent) -> CallEvent | None:
    """One event of a PBX's own list, cleaned likewise; None when it states a moment that no call can have."""
    return _event(event) if _is_sound(event.at) else None


def _is_sound(moment: datetime) -> bool:
    return moment.utcoffset() is not None and moment.year in _YEARS


def _drift(drift: Drift) -> Drift:
    return Drift(keepable(drift.kind, _LONGEST_KIND), keepable(drift.name, _LONGEST_TEXT))


def _event(event: CallEvent) -> CallEvent:
    return replace(
        event,
        call_key=keepable_key(event.call_key, _LONGEST_TEXT),
        event_key=keepable_key(event.event_key, _LONGEST_KEY),
        leg_key=_key(event.leg_key),
        came_from_leg=_key(event.came_from_leg),
        command_id=_key(event.command_id),
        seq=event.seq if event.seq is not None and abs(event.seq) <= _LARGEST_COUNTER else None,
        client=_phone(event.client),
        line=_phone(event.line),
        tracking_number=_phone(event.tracking_number),
        extension=_text(event.extension, _LONGEST_SHORT),
        group=_text(event.group, _LONGEST_TEXT),
        talk_seconds=_talk(event.talk_seconds),
        started_at=_near(event.started_at, event.at),
        answered_at=_near(event.answered_at, event.at),
        ended_at=_near(event.ended_at, event.at),
        recording=_recording(event.recording),
        cost=_cost(event.cost),
        rating=event.rating if event.rating in range(1, 6) else None,
        transcript=_transcript(event.transcript),
    )


def _key(key: str | None) -> str | None:
    return None if key is None else keepable_key(key, _LONGEST_KEY)


def _text(text: str | None, longest: int) -> str | None:
    return None if text is None else keepable(text, longest) or None


def _phone(phone: Phone | None) -> Phone | None:
    return None if phone is None else Phone(keepable(phone.raw, _LONGEST_TEXT), phone.e164)


def _talk(seconds: int | None) -> int | None:
    return seconds if seconds is not None and 0 <= seconds <= LONGEST_CALL.total_seconds() else None


def _near(moment: datetime | None, at: datetime) -> datetime | None:
    """A moment of the same call; one that lies weeks away is another clock's, or nobody's."""
    if moment is None or not _is_sound(moment) or abs(moment - at) > LONGEST_CALL:
        return None
    return moment


def _recording(news: RecordingNews | None) -> RecordingNews | None:
    if news is None:
        return None
    return RecordingNews(keepable_key(news.key, _LONGEST_KEY), news.state, _text(news.extension, _LONGEST_SHORT))


def _cost(cost: Cost | None) -> Cost | None:
    if cost is None or not _AMOUNT.fullmatch(cost.amount):
        return None
    return Cost(cost.amount, cost.currency if cost.currency and _CURRENCY.fullmatch(cost.currency) else None)


def _transcript(phrases: Sequence[Phrase]) -> tuple[Phrase, ...]:
    """Phrases of a talk: those with words, at moments that a call can have."""
    longest = int(LONGEST_CALL.total_seconds())
    return tuple(
        replace(phrase, text=text)
        for phrase in phrases[:_MOST_PHRASES]
        if 0 <= phrase.started_second <= phrase.ended_second <= longest
        and (text := keepable(phrase.text, _LONGEST_PHRASE).strip())
    )
