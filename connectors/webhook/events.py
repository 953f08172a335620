"""What a signed request states: one call event, or a batch of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from connectors.webhook.schema import EventSchema, RecordingSchema
from connectors.webhook.signature import verify
from hub.domain.errors import BadSignature
from hub.domain.events import (
    CallEvent,
    Cost,
    Direction,
    EventKind,
    Phrase,
    Place,
    RecordingNews,
    RecordingState,
    Result,
    Side,
)
from hub.domain.phone import Phone, parse_phone
from webhooks.contract import (
    Admitted,
    Drift,
    HookRequest,
    Ignored,
    InboxItem,
    Malformed,
    ParseContext,
    Parsed,
    Stated,
)

KINDS: Mapping[str, EventKind] = {kind.value: kind for kind in EventKind if kind is not EventKind.UNKNOWN}
DIRECTIONS: Mapping[str, Direction] = {direction.value: direction for direction in Direction}
RESULTS: Mapping[str, Result] = {result.value: result for result in Result}
RECORDING_STATES: Mapping[str, RecordingState] = {state.value: state for state in RecordingState}
HIDDEN = {"hidden", "anonymous", "private", "unknown"}

_LONGEST_ID = 128
_LONGEST_SHOWN = 40
_MOST_FIELDS_COUNTED = 20


class WebhookHook:
    """The `Hook` of this folder."""

    def admit(self, request: HookRequest, secrets: Sequence[Mapping[str, str]]) -> Admitted:
        """One inbox item for each event of the request; see `webhooks.contract.Hook.admit`.

        The dedupe key is the `webhook-id`, which Standard Webhooks keeps over retries, with the event's
        place in the batch behind it.
        """
        known = [signing_secret for each in secrets if (signing_secret := each.get("signing_secret"))]
        if not known:
            raise BadSignature("this connection has no signing secret")
        message_id = _short(verify(request.headers, request.body, request.received_at, known))
        return Admitted(
            tuple(
                InboxItem(dedupe_key=f"{message_id}:{index}", topic=request.topic, body=body)
                for index, body in enumerate(_split(request.body))
            )
        )

    def parse(self, item: InboxItem, context: ParseContext) -> Parsed:
        """The event of one item, and of its recording when it carries one."""
        try:
            document = json.loads(item.body)
        except (ValueError, RecursionError):
            return Malformed("the body is not JSON")
        if not isinstance(document, dict):
            return Malformed("an event is a JSON object")
        if document.get("events") == []:
            return Ignored("an empty batch")
        try:
            loaded = EventSchema().load(document)
        except ValidationError as error:
            return Malformed(_in_words(error), tuple(_unknown_fields(document)))
        return _stated(loaded, item, context, [*_unknown_fields(document), *_unknown_words(loaded)])


def _short(message_id: str) -> str:
    """The id itself, or its digest when it is too long, or too odd, to be part of a key."""
    if len(message_id) <= _LONGEST_ID and message_id.isascii() and message_id.isprintable():
        return message_id
    return hashlib.sha256(message_id.encode("utf-8", "surrogateescape")).hexdigest()


def _split(body: bytes) -> list[bytes]:
    """The events of a batch, each on its own; anything else stays as it is."""
    try:
        document = json.loads(body)
        events = document.get("events") if isinstance(document, dict) else None
        if isinstance(events, list) and events:
            return [json.dumps(event).encode() for event in events]
    except (ValueError, RecursionError):
        pass  # kept as it is: `parse` says what is wrong with it
    return [body]


def _stated(loaded: Mapping[str, Any], item: InboxItem, context: ParseContext, drift: list[Drift]) -> Parsed:
    kind = KINDS.get(loaded["event"])
    if kind is None:
        return Ignored(f"unknown event {loaded['event'][:_LONGEST_SHOWN]!r}", tuple(drift))
    common = _facts(loaded, context)
    events = []
    if kind is not EventKind.RECORDING:
        events.append(CallEvent(kind=kind, event_key=item.dedupe_key, **common))
    if (news := _recording(loaded)) is not None:
        key = f"{item.dedupe_key}:recording"
        events.append(CallEvent(kind=EventKind.RECORDING, event_key=key, recording=news, **_about_recording(common)))
    if not events:
        return Ignored("news of a recording without its address: there is nothing to fetch yet", tuple(drift))
    return Stated(tuple(events), tuple(drift))


def _facts(loaded: Mapping[str, Any], context: ParseContext) -> dict[str, Any]:
    """The fields of a `CallEvent` that every kind shares."""
    extension = loaded.get("extension") or None
    group = loaded.get("group") or None
    client = loaded.get("client")
    return {
        "call_key": loaded["call_id"],
        "at": loaded["at"],
        # A summary is about the whole call, so that the extension in it is not a leg of its own.
        "leg_key": loaded.get("leg_id") or (extension if loaded["event"] != "summary" else None),
        "seq": loaded.get("seq"),
        "direction": DIRECTIONS.get(loaded.get("direction") or ""),
        "place": _place(extension, group),
        "client": _phone(client, context.region),
        "hidden": client is not None and client.lower() in HIDDEN,
        "line": _phone(loaded.get("line"), context.region),
        "extension": extension,
        "group": group,
        "result": RESULTS.get(loaded["result"], Result.UNKNOWN) if loaded.get("result") else None,
        **{name: loaded.get(name) for name in ("talk_seconds", "started_at", "answered_at", "ended_at", "rating")},
        "cost": Cost(loaded["cost"], loaded.get("currency")) if loaded.get("cost") is not None else None,
        "transcript": tuple(_phrase(one) for one in loaded.get("transcript") or ()),
    }


def _about_recording(common: Mapping[str, Any]) -> dict[str, Any]:
    """Only what news of a recording may say: the rest was stated by the event that it came with."""
    return {name: common[name] for name in ("call_key", "at", "extension")}


def _phrase(loaded: Mapping[str, Any]) -> Phrase:
    return Phrase(Side(loaded["side"]), loaded["start"], loaded["stop"], loaded["text"])


def _place(extension: str | None, group: str | None) -> Place | None:
    if extension:
        return Place.EMPLOYEE
    return Place.QUEUE if group else None


def _phone(raw: str | None, region: str) -> Phone | None:
    return parse_phone(raw, region) if raw else None


def _recording(loaded: Mapping[str, Any]) -> RecordingNews | None:
    """The hub fetches by address, so a recording is known by it; without one, only that there is none counts."""
    recording = loaded.get("recording") or {}
    state = RECORDING_STATES.get(recording.get("state") or "")
    extension = loaded.get("extension") or None
    if state is None:
        return None
    if url := recording.get("url"):
        return RecordingNews(url, state, extension)
    if state is RecordingState.NONE:
        return RecordingNews(recording.get("id") or "none", state, extension)
    return None


def _unknown_fields(document: Mapping[str, Any]) -> list[Drift]:
    """Names are sent by strangers: cut short, and few."""
    names = [name for name in document if name not in EventSchema._declared_fields]  # noqa: SLF001 - no public list
    recording = document.get("recording")
    if isinstance(recording, dict):
        known = RecordingSchema._declared_fields  # noqa: SLF001 - as above
        names += [f"recording.{name}" for name in recording if name not in known]
    return [Drift("field", _printable(name)) for name in names[:_MOST_FIELDS_COUNTED]]


def _unknown_words(loaded: Mapping[str, Any]) -> list[Drift]:
    recording = loaded.get("recording") or {}
    spoken: list[tuple[str, str | None, Mapping[str, object]]] = [
        ("event", loaded["event"], KINDS),
        ("direction", loaded.get("direction"), DIRECTIONS),
        ("result", loaded.get("result"), RESULTS),
        ("recording.state", recording.get("state"), RECORDING_STATES),
    ]
    return [
        Drift("word", f"{name}:{_printable(word)}")
        for name, word, known in spoken
        if word is not None and word not in known
    ]


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:_LONGEST_SHOWN])


def _in_words(error: ValidationError) -> str:
    """Every complaint on one line: "at: Not a valid aware datetime."; values are not repeated."""
    messages = error.messages if isinstance(error.messages, dict) else {"event": error.messages}
    return "; ".join(f"{name}: {_flat(said)}" for name, said in sorted(messages.items()))[:500]


def _flat(said: object) -> str:
    if isinstance(said, dict):
        return ", ".join(f"{name} {_flat(inner)}" for name, inner in said.items())
    return " ".join(map(str, said)) if isinstance(said, list) else str(said)
