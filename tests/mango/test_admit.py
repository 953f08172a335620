"""Only what Mango signed gets in, and each event gets in once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mango.signature import sign
from hub.domain.errors import BadSignature
from hub.domain.events import Result
from hub.domain.notices import CommandAnswered
from tests.mango.samples import BY_NAME, HOOK, KEY, SALT, SECRETS, form, parse, request, send
from webhooks.contract import Ignored, Malformed, News

CALL: dict[str, Any] = dict(BY_NAME["a_queue_answered"].events[0][1])
VECTORS = [
    (
        '{"command_id":"cb-42","from":{"extension":"101"},"to_number":"79001234567"}',
        "8add77186e4041adf9a672881a1eec7bdef50c6f4cde3fe3f68571d8e124db20",
    ),
    (
        '{"command_id": "cb-42", "from": {"extension": "101"}, "to_number": "79001234567"}',
        "d777b2e811646f521d3793a9c04986ff8bb2e28336a6e5556e3230d81f15666d",
    ),
    ("{}", "a9bf9884a11e4304bb16d43ed4bb2f74d605642d89a96e8061fa5ac4ba50fbf3"),
    ('{"comment":"Иван"}', "71aa257d9e5eccaa69461f8fdc4be5b73e9d56246bb98d75067754a6ec85a485"),
    (r'{"comment":"\u0418\u0432\u0430\u043d"}', "b8fd7d2599ee74d6d00c4f4aa576fba7c2c0915d00f5b61362e7700c6ae28547"),
]


def refused(body: bytes, secrets: Sequence[Mapping[str, str]] = SECRETS, method: str = "POST") -> bool:
    try:
        HOOK.admit(request("events/call", body, method), secrets)
    except BadSignature:
        return True
    return False


@pytest.mark.parametrize(("text", "signature"), VECTORS)
def test_documented_signature_is_admitted_with_the_raw_text(text: str, signature: str) -> None:
    body = urlencode({"vpbx_api_key": KEY, "sign": signature, "json": text}).encode()
    (item,) = HOOK.admit(request("result/callback", body), SECRETS).items
    assert item.body == text.encode()
    assert sign(KEY, SALT, text.encode()) == signature


def test_recording_link_is_signed_by_the_same_rule() -> None:
    expected = "ca7d0de3428be502a2eb4197792991014b952f8201c858ff31deacc515c0cea0"
    assert sign(KEY, SALT, b"1767225600", b"MToxMDAwMDAwMToyNjAwMDAwMDAxOjA=") == expected


def test_text_written_anew_does_not_fit_its_signature() -> None:
    (text, signature), (rewritten, _) = VECTORS[0], VECTORS[1]
    assert json.loads(text) == json.loads(rewritten)
    assert refused(urlencode({"vpbx_api_key": KEY, "sign": signature, "json": rewritten}).encode())


@pytest.mark.parametrize(
    "text", [b'{"a":"1+1 = 2 & 100%"}', '{"a":"Ё+Ж"}'.encode(), b'{"a":"\\u0000"}', b' {"a" :1}\r\n']
)
def test_value_is_decoded_byte_for_byte(text: bytes) -> None:
    assert send("events/other", text).items[0].body == text


def test_unescaped_utf8_in_the_body_is_read_as_it_is() -> None:
    text = '{"comment":"Иван"}'.encode()
    signature = sign(KEY, SALT, text).encode()
    body = b"vpbx_api_key=" + KEY.encode() + b"&sign=" + signature + b"&json=" + text
    assert HOOK.admit(request("events/other", body), SECRETS).items[0].body == text


def test_broken_utf8_that_was_signed_is_kept_for_quarantine() -> None:
    assert isinstance(parse("events/call", b'{"entry_id":"\xff"}'), Malformed)


@pytest.mark.parametrize(
    "fields",
    [
        {"vpbx_api_key": KEY, "json": "{}"},
        {"sign": VECTORS[2][1], "json": "{}"},
        {"vpbx_api_key": KEY, "sign": "", "json": "{}"},
        {"vpbx_api_key": "other", "sign": VECTORS[2][1], "json": "{}"},
        {"vpbx_api_key": KEY, "sign": VECTORS[0][1], "json": "{}"},
        {"vpbx_api_key": KEY, "sign": VECTORS[2][1].upper(), "json": "{}"},
        {"vpbx_api_key": KEY, "sign": VECTORS[2][1][:-1], "json": "{}"},
        {"vpbx_api_key": KEY, "sign": "подпись", "json": "{}"},
        {"vpbx_api_key": KEY, "sign": VECTORS[2][1], "json": "{}", "more": "1"},
    ],
)
def test_form_that_is_not_exactly_signed_is_refused(fields: dict[str, str]) -> None:
    assert refused(urlencode(fields).encode())


def test_good_form_is_not_refused() -> None:
    assert not refused(form(b"{}"))


@pytest.mark.parametrize(
    "body",
    [b'{"entry_id":"1"}', b"json", form(b"{}") + b"&json=%7B%7D", form(b"{}") + b"&sign=x", b"&".join([b"a=1"] * 50)],
)
def test_body_that_is_no_form_of_single_fields_is_refused(body: bytes) -> None:
    assert refused(body)


def test_hmac_is_not_the_signature() -> None:
    import hashlib
    import hmac

    signature = hmac.new(SALT.encode(), KEY.encode() + b"{}", hashlib.sha256).hexdigest()
    assert refused(urlencode({"vpbx_api_key": KEY, "sign": signature, "json": "{}"}).encode())


def test_signed_get_is_refused() -> None:
    assert refused(form(b"{}"), method="GET")


def test_both_sets_of_secrets_open_while_keys_are_changed() -> None:
    new = {"api_key": "new", "api_salt": "newsalt"}
    assert not refused(form(b"{}"), [new, *SECRETS])
    assert not refused(form(b"{}", key="new", salt="newsalt"), [new, *SECRETS])
    assert refused(form(b"{}", key=KEY, salt="newsalt"), [new, *SECRETS])


@pytest.mark.parametrize(
    "secrets", [[], [{}], [{"api_key": "", "api_salt": ""}], [{"api_key": KEY, "api_salt": ""}], [{"api_salt": SALT}]]
)
def test_empty_secret_opens_nothing(secrets: list[dict[str, str]]) -> None:
    for key, salt in ((KEY, ""), ("", SALT), ("", ""), (KEY, SALT)):
        assert refused(form(b"{}", key=key, salt=salt), secrets)


def test_empty_set_beside_a_good_one_opens_nothing() -> None:
    secrets = [{"api_key": "", "api_salt": ""}, *SECRETS]
    assert refused(form(b"{}", key="", salt=""), secrets)
    assert not refused(form(b"{}"), secrets)


@pytest.mark.parametrize(
    ("topic", "method", "body"),
    [("ping", "POST", b""), ("ping", "GET", b""), ("ping", "POST", form(b"{}")), ("ping", "POST", b"\xff\x00")]
    + [(topic, "POST", body) for topic in ("", "events/call") for body in (b"", b"vpbx_api_key=x&sign=y")],
)
def test_connection_check_is_welcomed_and_leaves_nothing(topic: str, method: str, body: bytes) -> None:
    admitted = HOOK.admit(request(topic, body, method), SECRETS)
    assert (admitted.items, admitted.answer.status) == ((), 200)


def test_connection_check_needs_a_connection_with_secrets() -> None:
    with pytest.raises(BadSignature):
        HOOK.admit(request("ping", b""), [])


@pytest.mark.parametrize("topic", ["events/md/onAppealClose", "result", "", "events/CALL", "../../x"])
def test_signed_but_unknown_topic_is_kept_as_ignored(topic: str) -> None:
    assert len(send(topic, {"a": 1}).items) == 1
    assert isinstance(parse(topic, {"a": 1}), Ignored)


@pytest.mark.parametrize("topic", ["events/dtmf", "events/sms", "events/ab", "events/record/tagged"])
def test_topics_without_a_call_are_ignored_with_a_reason(topic: str) -> None:
    parsed = parse(topic, {"command_id": "x"})
    assert isinstance(parsed, Ignored)
    assert parsed.reason


def test_outcome_of_a_command_is_news_that_says_whether_it_was_taken() -> None:
    accepted = parse("result/callback", {"command_id": "cb-42", "result": "1000"})
    gone = parse("result/route", {"command_id": "vip-19", "result": 4101})
    no_money = parse("result/callback", {"command_id": "cb-43", "result": 2240})
    assert accepted == News((CommandAnswered("cb-42", True, "1000"),))
    assert gone == News((CommandAnswered("vip-19", False, "4101", gone=True, reason=Result.FAILED),))
    assert no_money == News((CommandAnswered("cb-43", False, "2240", reason=Result.NO_MONEY),))


def test_a_report_that_is_ready_is_no_command() -> None:
    assert isinstance(parse("result/stat", {"key": "k", "request_id": "r"}), Ignored)


# --- Dedupe keys ------------------------------------------------------------------------------------


def key(topic: str, value: object) -> str:
    dedupe_key = send(topic, value).items[0].dedupe_key
    assert len(dedupe_key) <= 300
    assert dedupe_key.isascii()
    return dedupe_key


def test_every_event_of_every_conversation_has_its_own_key() -> None:
    for sample in BY_NAME.values():
        keys = [key(topic, body) for topic, body in sample.events]
        assert len(set(keys)) == len(keys)


def test_second_delivery_has_the_same_key_even_when_written_otherwise() -> None:
    for topic, body in BY_NAME["a_queue_answered"].events:
        assert key(topic, body) == key(topic, body)
    retyped = dict(reversed(CALL.items())) | {"seq": "1", "timestamp": str(CALL["timestamp"])}
    assert key("events/call", json.dumps(retyped, indent=2).encode()) == key("events/call", CALL)


@pytest.mark.parametrize(
    "change",
    [{"seq": 2}, {"timestamp": CALL["timestamp"] + 30 * 86400}, {"call_id": "other"}, {"call_state": "Connected"}],
)
def test_another_event_has_another_key(change: dict[str, Any]) -> None:
    assert key("events/call", CALL | change) != key("events/call", CALL)


def test_leading_zeros_of_an_id_count() -> None:
    assert key("events/call", CALL | {"call_id": "0511"}) != key("events/call", CALL | {"call_id": "511"})


def test_summary_of_the_same_entry_a_month_later_has_another_key() -> None:
    topic, body = next(one for one in BY_NAME["a_queue_answered"].events if one[0] == "events/summary")
    later = body | {name: body[name] + 30 * 86400 for name in ("create_time", "talk_time", "end_time")}
    assert key(topic, later) != key(topic, body)


def test_same_body_on_two_topics_has_two_keys() -> None:
    body = {"command_id": "x", "result": 1000}
    assert len({key(topic, body) for topic in ("result/callback", "result/route", "events/sms", "other")}) == 4


@pytest.mark.parametrize("text", [b"", b"null", b"{", b"[" * 5000, b'{"call_id":NaN}', b"\xff"])
def test_text_that_is_no_object_is_keyed_by_its_hash(text: bytes) -> None:
    assert key("events/call", text).startswith("sha256:")
    assert key("events/call", text) != key("events/call", text + b" ")


@given(st.text(max_size=400), st.text(max_size=400))
def test_keys_are_short_and_differ_whatever_the_ids(one: str, other: str) -> None:
    keys = {text: key("events/call", json.dumps(CALL | {"call_id": text}).encode()) for text in (one, other)}
    assert len(set(keys.values())) == len(keys)


@given(st.binary(max_size=300))
def test_any_body_is_admitted_or_refused_and_nothing_else(body: bytes) -> None:
    refused(body)
    refused(b"vpbx_api_key=" + KEY.encode() + b"&sign=" + quote_from_bytes(body).encode() + b"&json=" + body)
