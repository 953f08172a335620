"""The sample conversations, signed and sent as Mango would send them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from connectors.mango import CONNECTOR
from hub.domain.call import Call
from hub.domain.events import CallEvent
from webhooks.contract import Admitted, HookRequest, ParseContext, Parsed, Stated

FOLDER = Path(__file__).parent.parent / "fixtures" / "mango"
KEY, SALT = "demoapikey000000000000000000abcd", "demoapisalt00000000000000000wxyz"
SECRETS = ({"api_key": KEY, "api_salt": SALT},)
CONTEXT = ParseContext(region="RU", settings={})
RECEIVED_AT = datetime(2026, 1, 1, tzinfo=UTC)
CALL: dict[str, Any] = {
    "entry_id": "E", "call_id": "L1", "timestamp": 1767225600, "seq": 1, "call_state": "Appeared",
    "location": "abonent", "from": {"number": "79001234567"}, "to": {"extension": "101", "line_number": "74950000001"},
}  # fmt: skip
SUMMARY: dict[str, Any] = {
    "entry_id": "E", "call_direction": 1, "from": {"number": "79001234567"},
    "to": {"extension": "101", "number": "sip:ivanov@demo.mangosip.ru"}, "line_number": "74950000001",
    "create_time": 1767225600, "forward_time": 1767225604, "talk_time": 1767225612, "end_time": 1767225700,
    "entry_result": 1, "disconnect_reason": 1110,
}  # fmt: skip

assert CONNECTOR.hook is not None
HOOK = CONNECTOR.hook


@dataclass(frozen=True)
class Sample:
    name: str
    events: tuple[tuple[str, Any], ...]
    expected: Mapping[str, Any]

    def __str__(self) -> str:
        return self.name


def _load(path: Path) -> Sample:
    document = json.loads(path.read_text())
    return Sample(path.stem, tuple((one["path"], one["json"]) for one in document["events"]), document["expected"])


SAMPLES = tuple(_load(path) for path in sorted(FOLDER.glob("*.json")))
BY_NAME = {sample.name: sample for sample in SAMPLES}


def form(text: bytes, *, key: str = KEY, salt: str = SALT) -> bytes:
    """The signed body; the signature is worked out here anew, not by what is tested."""
    signature = hashlib.sha256(key.encode() + text + salt.encode()).hexdigest()
    return urlencode([("vpbx_api_key", key), ("sign", signature), ("json", text)]).encode()


def request(topic: str, body: bytes, method: str = "POST") -> HookRequest:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return HookRequest(method, topic, "", headers, body, RECEIVED_AT)


def send(topic: str, text: bytes | object) -> Admitted:
    """Admit one signed event; `text` is the raw JSON, or a value to write compactly."""
    raw = text if isinstance(text, bytes) else json.dumps(text, separators=(",", ":"), ensure_ascii=False).encode()
    return HOOK.admit(request(topic, form(raw)), SECRETS)


def parse(topic: str, text: bytes | object, context: ParseContext = CONTEXT) -> Parsed:
    (item,) = send(topic, text).items
    return HOOK.parse(item, context)


def event(topic: str, text: bytes | object, context: ParseContext = CONTEXT) -> CallEvent:
    parsed = parse(topic, text, context)
    assert isinstance(parsed, Stated), parsed
    (one,) = parsed.events
    return one


def events_of(sample: Sample) -> list[CallEvent]:
    """All call events of a conversation, in the order of the file."""
    parsed = [parse(topic, body) for topic, body in sample.events]
    return [one for each in parsed if isinstance(each, Stated) for one in each.events]


def facts_of(call: Call) -> dict[str, Any]:
    """The facts of a call as the sample files write them."""
    return {
        "direction": call.direction,
        "client": call.client and call.client.display,
        "line": call.line and call.line.display,
        "outcome": call.outcome,
        "closing": call.closing,
        "answered_by": call.answered_by,
        "first_rung": call.first_rung,
        "group": call.group,
        "rung": list(call.rung),
        "started_at": _epoch(call.started_at),
        "answered_at": _epoch(call.answered_at),
        "ended_at": _epoch(call.ended_at),
        "wait_seconds": call.wait_seconds,
        "talk_seconds": call.talk_seconds,
        "recordings": _recordings(call),
        "missed_reason": call.missed_reason,
        "command_ids": list(call.command_ids),
        "tracking_number": call.tracking_number and call.tracking_number.display,
    }


def _epoch(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _recordings(call: Call) -> Iterable[list[str | None]]:
    return [[one.key, one.state, one.extension] for one in call.recordings]
