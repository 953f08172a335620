"""What makes two deliveries the same event (`mango.md §8`, row 5; the README says why these fields)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from connectors.mango.fields import Unreadable, as_integer, read_object

_LONGEST_KEY = 300
_IDENTITY: Mapping[str, tuple[str, ...]] = {
    "events/call": ("call_id", "seq", "timestamp", "call_state"),
    "events/summary": ("entry_id", "create_time", "talk_time", "end_time"),
    "events/recording": ("recording_id", "recording_state", "seq", "timestamp"),
    "events/record/added": ("recording_id", "timestamp"),
}
_NUMBERS = frozenset({"seq", "timestamp", "create_time", "talk_time", "end_time", "result"})
_RESULT_IDENTITY = ("command_id", "result")


def event_key(topic: str, body: bytes) -> str:
    """ASCII, at most 300 characters; equal for two deliveries of one event, whatever their spacing or number types.

    A body that does not have all the fields that name its event is named by its hash.
    """
    names = _RESULT_IDENTITY if topic.startswith("result/") else _IDENTITY.get(topic)
    parts = _parts(body, names) if names else None
    if parts is None:
        return "sha256:" + hashlib.sha256(topic.encode("utf-8", "surrogatepass") + b"\x00" + body).hexdigest()
    key = json.dumps([topic, *parts], separators=(",", ":"))
    if len(key) > _LONGEST_KEY:
        return "long:" + hashlib.sha256(key.encode()).hexdigest()
    return key


def _parts(body: bytes, names: tuple[str, ...]) -> list[str | int] | None:
    try:
        values = read_object(body)
    except Unreadable:
        return None
    parts = [part for name in names if (part := _part(values.get(name), name in _NUMBERS)) is not None]
    return parts if len(parts) == len(names) else None


def _part(value: object, is_number: bool) -> str | int | None:
    """Numbers as numbers, so that "1" and 1 are one; ids as texts, so that "0511" and "511" are two."""
    if is_number:
        return as_integer(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and value else None
