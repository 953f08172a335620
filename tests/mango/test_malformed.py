"""Nothing that was signed can break the parser: it is understood, ignored or quarantined."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.errors import BadSignature
from tests.mango.samples import BY_NAME, CALL, HOOK, SAMPLES, SECRETS, SUMMARY, form, parse, request
from webhooks.contract import Ignored, InboxItem, Malformed, News, ParseContext, Stated


@pytest.mark.parametrize("name", ["entry_id", "call_id", "timestamp", "call_state"])
@pytest.mark.parametrize("value", [None, "", [], {}, True])
def test_call_event_without_its_identity_is_malformed(name: str, value: object) -> None:
    parsed = parse("events/call", CALL | {name: value})
    assert isinstance(parsed, Malformed)
    assert name in parsed.reason


@pytest.mark.parametrize("moment", [2**63, -1, 1, 1767225600000, "tomorrow", 1e300, 10**400, "9" * 400])
def test_moment_outside_of_our_century_is_malformed(moment: object) -> None:
    assert isinstance(parse("events/call", CALL | {"timestamp": moment}), Malformed)


@pytest.mark.parametrize("text", ["L\x00", "L\ud800", "L" * 201])
def test_id_that_no_store_can_keep_is_malformed(text: str) -> None:
    assert isinstance(parse("events/call", json.dumps(CALL | {"call_id": text}).encode()), Malformed)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"null", b"[]", b'"x"', b"{", b'{"a":NaN}', b'{"a":Infinity}', b"[" * 100_000, b'{"a":' * 50_000,
        b'{"a":' + b"9" * 10_000 + b"}", b"\xff\xfe{\x00}\x00", b'{"entry_id":"\xc3"}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("topic", ["events/call", "events/summary", "events/recording", "result/callback"])
def test_text_that_is_no_json_object_is_malformed(topic: str, text: bytes) -> None:
    parsed = parse(topic, text)
    assert isinstance(parsed, Malformed)
    assert parsed.reason.endswith(".")


STRANGE: list[Any] = [
    None, True, 0, -1, 2**63, 10**30, 1.5, "", "x", "\x00", "\ud800", "я" * 500, [], [[]], {}, {"a": {"b": []}},
]  # fmt: skip


def _mutations(value: Any) -> Iterator[Any]:
    """`value` with one thing wrong: a field dropped, a field more, or any value replaced by something strange."""
    if not isinstance(value, dict):
        return
    yield value | {"unheard_of": 1}
    for name, inner in value.items():
        yield {other: kept for other, kept in value.items() if other != name}
        for strange in STRANGE:
            yield value | {name: strange}
        for changed in _mutations(inner):
            yield value | {name: changed}


def _outcome(topic: str, raw: bytes) -> object:
    """What the hub makes of a signed body; fails the test on anything that the contract does not allow."""
    try:
        admitted = HOOK.admit(request(topic, form(raw)), SECRETS)
    except BadSignature:
        return BadSignature
    (item,) = admitted.items
    parsed = HOOK.parse(item, ParseContext("RU", {}))
    assert isinstance(parsed, Stated | News | Ignored | Malformed)
    return parsed


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_no_mutation_of_a_sample_escapes_the_four_results(sample: Any) -> None:
    for topic, body in sample.events:
        for mutated in _mutations(copy.deepcopy(body)):
            _outcome(topic, json.dumps(mutated).encode())


@pytest.mark.parametrize("topic", ["events/call", "events/summary", "events/recording", "events/record/added"])
@pytest.mark.parametrize("cut", [b"\x00", b"\xff", b"NaN", b"[" * 20_000, b"9" * 5000, b'"'])
def test_no_cut_or_splice_of_a_body_escapes_the_four_results(topic: str, cut: bytes) -> None:
    raw = json.dumps(next(body for path, body in BY_NAME["a_queue_answered"].events if path == topic)).encode()
    for place in range(0, len(raw), 7):
        _outcome(topic, raw[:place])
        _outcome(topic, raw[:place] + cut + raw[place:])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(
    topic=st.sampled_from(["events/call", "events/summary", "events/recording", "events/record/added", "result/x"]),
    changes=st.dictionaries(st.sampled_from([*CALL, *SUMMARY, "dct", "task_id", "recording_id"]), JSON, max_size=4),
)
def test_no_wrong_type_escapes_the_four_results(topic: str, changes: dict[str, Any]) -> None:
    _outcome(topic, json.dumps(CALL | SUMMARY | changes).encode())


@given(st.text(max_size=40), st.binary(max_size=200))
def test_parse_never_raises_on_what_was_stored(topic: str, body: bytes) -> None:
    for each in (topic, "events/call", "result/x"):
        assert isinstance(
            HOOK.parse(InboxItem("k", each, body), ParseContext("RU", {"epoch_offset_seconds": "x"})),
            Stated | Ignored | Malformed,
        )
