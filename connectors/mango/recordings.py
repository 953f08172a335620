"""`events/recording` and `events/record/added` (`mango.md` §2.3 and §2.4). Pure."""

from __future__ import annotations

from connectors.mango.fields import Unreadable
from connectors.mango.reading import Reading
from connectors.mango.words import RECIPIENTS, RECORDING_STATES
from hub.domain.events import CallEvent, EventKind, RecordingNews, RecordingState

_SAVED = frozenset({None, 1000, 1001})


def recording_event(reading: Reading) -> CallEvent:
    """A recording started, moved on or completed. Raises `Unreadable` when it does not say which one, or when."""
    fields = reading.fields
    fields.know(
        "recording_id", "recording_state", "seq", "entry_id", "call_id", "extension", "timestamp", "completion_code",
        "recipient", "command_id",
    )  # fmt: skip
    if fields.text("recording_state") is None:
        raise Unreadable("The field recording_state is missing.")
    state = reading.word("recording_state", RECORDING_STATES)
    key = fields.needed_text("recording_id")
    if state is RecordingState.COMPLETED and not _will_be_there(reading):
        state = RecordingState.NONE
    extension = fields.text("extension", 64)
    return CallEvent(
        kind=EventKind.RECORDING if state else EventKind.UNKNOWN,
        call_key=fields.needed_text("entry_id"),
        event_key=reading.key,
        at=reading.needed_moment("timestamp"),
        leg_key=fields.text("call_id"),
        seq=fields.number("seq"),
        recording=RecordingNews(key, state, extension) if state else None,
        command_id=fields.text("command_id"),
    )


def _will_be_there(reading: Reading) -> bool:
    """Whether a completed recording was saved, and where we can fetch it."""
    kept = reading.word("recipient", RECIPIENTS)
    return reading.fields.number("completion_code") in _SAVED and kept is not False


def recording_added_event(reading: Reading) -> CallEvent:
    """A recording can be fetched. It names the call and nobody else (`user_id` is no extension)."""
    fields = reading.fields
    fields.know("entry_id", "product_id", "user_id", "timestamp", "recording_id")
    return CallEvent(
        kind=EventKind.RECORDING,
        call_key=fields.needed_text("entry_id"),
        event_key=reading.key,
        at=reading.needed_moment("timestamp"),
        recording=RecordingNews(fields.needed_text("recording_id"), RecordingState.AVAILABLE),
    )
