"""What a signed body states."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.webhook.events import WebhookHook
from hub.domain.codec import to_document
from hub.domain.events import Cost, EventKind, Phrase, RecordingState, Side
from tests.webhook.signing import CONTEXT, SECRET, item, signed
from webhooks.contract import Drift, Ignored, Malformed, Parsed, Stated

HOOK = WebhookHook()
FIXTURES = Path(__file__).parents[1] / "fixtures" / "webhook"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.json") if not path.name.endswith(".expected.json"))
EVENT = {"call_id": "c-1", "event": "appeared", "at": "2026-11-22T10:00:00Z"}


def stated(document: Any) -> Stated:
    parsed = HOOK.parse(item(document), CONTEXT)
    assert isinstance(parsed, Stated), parsed
    return parsed


def as_document(parsed: Parsed) -> Any:
    assert isinstance(parsed, Stated)
    return {"events": [to_document(event) for event in parsed.events], "drift": [to_document(d) for d in parsed.drift]}


@pytest.mark.parametrize("name", NAMES)
def test_fixtures_state_what_is_written_beside_them(name: str) -> None:
    parsed = HOOK.parse(item((FIXTURES / f"{name}.json").read_bytes()), CONTEXT)
    assert as_document(parsed) == json.loads((FIXTURES / f"{name}.expected.json").read_text())


def test_one_event_is_one_item_under_the_message_id() -> None:
    admitted = HOOK.admit(signed(EVENT), [{"signing_secret": SECRET}])
    assert [(each.dedupe_key, each.body) for each in admitted.items] == [("msg_1:0", signed(EVENT).body)]
    assert admitted.answer.status == 200


def test_of_a_batch_with_a_broken_event_the_others_are_stated() -> None:
    batch = {"events": [EVENT, {**EVENT, "event": "answered"}, {"call_id": "c-1"}, {**EVENT, "event": "summary"}]}
    items = HOOK.admit(signed(batch), [{"signing_secret": SECRET}]).items
    assert [each.dedupe_key for each in items] == ["msg_1:0", "msg_1:1", "msg_1:2", "msg_1:3"]
    kinds = [type(HOOK.parse(each, CONTEXT)) for each in items]
    assert kinds == [Stated, Stated, Malformed, Stated]


def test_the_same_message_again_has_the_same_keys_and_another_has_others() -> None:
    def keys(message_id: str) -> list[str]:
        request = signed({"events": [EVENT, EVENT]}, message_id=message_id)
        return [each.dedupe_key for each in HOOK.admit(request, [{"signing_secret": SECRET}]).items]

    assert keys("a") == keys("a")
    assert not set(keys("a")) & set(keys("b"))
    assert all(len(key) < 200 for key in keys("x" * 5000))


def test_the_two_events_of_one_item_have_keys_of_their_own() -> None:
    parsed = stated(json.loads((FIXTURES / "summary_with_recording.json").read_text()))
    assert [event.kind for event in parsed.events] == [EventKind.SUMMARY, EventKind.RECORDING]
    assert len({event.event_key for event in parsed.events}) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"call_id": None}, "call_id"),
        ({"call_id": "  "}, "call_id"),
        ({"call_id": "x" * 201}, "call_id"),
        ({"at": "2026-11-22T10:00:00"}, "at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"at": 1795341600}, "at"),
        ({"talk_seconds": -1}, "talk_seconds"),
        ({"talk_seconds": 1.5}, "talk_seconds"),
        ({"seq": "first"}, "seq"),
        ({"client": ["+79001234567"]}, "client"),
        ({"client": "\ud800"}, "client"),
        ({"event": "recording"}, "recording"),
        ({"event": "recording", "recording": "https://records.acme.example/1.mp3"}, "recording"),
    ],
)
def test_a_wrong_value_is_malformed_and_named(changes: dict[str, Any], said: str) -> None:
    parsed = HOOK.parse(item({**EVENT, **changes}), CONTEXT)
    assert isinstance(parsed, Malformed)
    assert parsed.reason.startswith(f"{said}: ")
    assert "+7900" not in parsed.reason


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 10_000, b'{"events": {}}', b"1" * 5000])
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    assert isinstance(HOOK.parse(item(body), CONTEXT), Malformed)


def test_an_unknown_event_is_ignored_and_counted() -> None:
    parsed = HOOK.parse(item({**EVENT, "event": "parked"}), CONTEXT)
    assert isinstance(parsed, Ignored)
    assert parsed.drift == (Drift("word", "event:parked"),)


def test_an_empty_batch_is_ignored() -> None:
    assert isinstance(HOOK.parse(item({"events": []}), CONTEXT), Ignored)


def test_a_recording_without_its_address_is_ignored_unless_there_will_be_none() -> None:
    news = {**EVENT, "event": "recording", "recording": {"id": "r-1", "state": "started"}}
    assert isinstance(HOOK.parse(item(news), CONTEXT), Ignored)
    none = stated({**news, "recording": {"id": "r-1", "state": "none"}}).events[0].recording
    assert none is not None
    assert (none.key, none.state) == ("r-1", RecordingState.NONE)


def test_nul_characters_are_left_out() -> None:
    assert stated({**EVENT, "call_id": "c\x00-1"}).events[0].call_key == "c-1"


def test_a_zone_is_respected() -> None:
    event = stated({**EVENT, "at": "2026-11-22T13:00:00+03:00"}).events[0]
    assert event.at == datetime(2026, 11, 22, 10, tzinfo=UTC)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
_fields = st.sampled_from(
    [
        "call_id",
        "event",
        "at",
        "client",
        "line",
        "seq",
        "recording",
        "direction",
        "result",
        "events",
        "talk_seconds",
        "extension",
    ]
)


@given(changes=st.dictionaries(_fields, _json, max_size=4))
def test_whatever_is_sent_is_stated_ignored_or_malformed(changes: dict[str, Any]) -> None:
    request = signed({**EVENT, **changes})
    for each in HOOK.admit(request, [{"signing_secret": SECRET}]).items:
        assert isinstance(HOOK.parse(each, CONTEXT), Stated | Ignored | Malformed)


def test_cost_rating_and_transcript_may_come_with_any_event_or_afterwards() -> None:
    said = [
        {"side": "employee", "start": 0, "stop": 2, "text": "Acme"},
        {"side": "client", "start": 2, "stop": 5, "text": "Hi"},
    ]
    (event,) = stated(
        {**EVENT, "event": "remark", "cost": 3.6, "currency": "RUB", "rating": 4, "transcript": said}
    ).events
    assert (event.kind, event.cost, event.rating) == (EventKind.REMARK, Cost("3.6", "RUB"), 4)
    assert event.transcript == (Phrase(Side.EMPLOYEE, 0, 2, "Acme"), Phrase(Side.CLIENT, 2, 5, "Hi"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cost": "much"}, "cost"),
        ({"cost": -1}, "cost"),
        ({"cost": True}, "cost"),
        ({"transcript": [{"side": "dog", "start": 0, "stop": 1, "text": "wuff"}]}, "transcript"),
        ({"transcript": [{"side": "client", "start": 2, "stop": 1, "text": "x"}]}, "transcript"),
    ],
)
def test_an_impossible_remark_is_put_aside_with_the_field(changes: dict[str, Any], said: str) -> None:
    parsed = HOOK.parse(item({**EVENT, "event": "remark", **changes}), CONTEXT)
    assert isinstance(parsed, Malformed)
    assert said in parsed.reason
