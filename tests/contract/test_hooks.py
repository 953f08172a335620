"""Every vendor that sends is asked the same: is it genuine, what does it state, and what does nonsense do?"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, replace
from types import MappingProxyType

import pytest

from connectors.registry import REGISTRY
from hub.calls.fold import fold
from hub.domain.call import Call
from hub.domain.errors import BadSignature
from hub.domain.events import CallEvent
from tests.contract.senders import SENDERS, Sample, Secrets, Sender
from webhooks.contract import (
    Admitted,
    Hook,
    HookRequest,
    Ignored,
    InboxItem,
    Malformed,
    News,
    ParseContext,
    Parsed,
    Stated,
)

VENDORS = sorted(vendor for vendor, connector in REGISTRY.items() if connector.hook is not None)
SIGNERS = [vendor for vendor in VENDORS if vendor in SENDERS and SENDERS[vendor].signs_body]
"""The others carry a shared secret, which proves the sender and not the content."""


@dataclass(frozen=True)
class Asked:
    """One vendor under questioning."""

    vendor: str
    hook: Hook
    sender: Sender

    @property
    def context(self) -> ParseContext:
        return ParseContext("RU", MappingProxyType(dict(self.sender.parse_settings)))

    def request(self, sample: Sample, secrets: Secrets | None = None) -> HookRequest:
        return self.sender.sign(sample, secrets or self.sender.secrets)

    def admit(self, request: HookRequest, *secrets: Secrets) -> Admitted:
        return self.hook.admit(request, secrets)

    def items(self, sample: Sample) -> tuple[InboxItem, ...]:
        return self.admit(self.request(sample), self.sender.secrets).items

    def parsed(self, sample: Sample) -> list[Parsed]:
        return [self.hook.parse(item, self.context) for item in self.items(sample)]

    def events(self, samples: Iterable[Sample]) -> list[CallEvent]:
        stated = [one for sample in samples for one in self.parsed(sample) if isinstance(one, Stated)]
        return [event for one in stated for event in one.events]

    def with_fields(self, sample: Sample, document: dict[str, object]) -> Sample:
        return replace(sample, body=self.sender.write(document))


@pytest.fixture(params=VENDORS)
def asked(request: pytest.FixtureRequest) -> Asked:
    vendor: str = request.param
    hook = REGISTRY[vendor].hook
    assert hook is not None
    if vendor not in SENDERS:
        pytest.fail(f"{vendor} has a hook and no samples: add it to tests/contract/senders.py")
    return Asked(vendor, hook, SENDERS[vendor])


def test_every_vendor_with_a_hook_gives_samples() -> None:
    assert sorted(SENDERS) == VENDORS


# --- Is it genuine? --------------------------------------------------------------------------------


def test_genuine_request_is_admitted_with_items_that_fit_their_columns(asked: Asked) -> None:
    for sample in asked.sender.samples:
        items = asked.items(sample)
        assert items, sample.name
        for item in items:
            assert 0 < len(item.dedupe_key) <= 300
            assert item.dedupe_key.isprintable()
            assert len(item.topic) <= 200


def test_wrong_secret_is_refused(asked: Asked) -> None:
    for sample in asked.sender.samples:
        with pytest.raises(BadSignature):
            asked.admit(asked.request(sample, asked.sender.other_secrets), asked.sender.secrets)


def test_no_secret_refuses_everything(asked: Asked) -> None:
    for sample in asked.sender.samples:
        with pytest.raises(BadSignature):
            asked.hook.admit(asked.request(sample), ())


def test_empty_secret_refuses_even_what_was_signed_with_it(asked: Asked) -> None:
    empty = dict.fromkeys(asked.sender.secrets, "")
    for stored in (empty, {}):
        with pytest.raises(BadSignature):
            asked.admit(asked.request(asked.sender.first, empty), stored)


def test_missing_signature_is_as_bad_as_a_wrong_one(asked: Asked) -> None:
    for sample in asked.sender.samples:
        unsigned = asked.sender.unsigned(asked.request(sample))
        assert unsigned != asked.request(sample)
        with pytest.raises(BadSignature):
            asked.admit(unsigned, asked.sender.secrets)


def test_two_secrets_are_good_while_they_are_changed_and_then_only_the_new_one(asked: Asked) -> None:
    old, new = asked.sender.secrets, asked.sender.other_secrets
    for secrets in (old, new):
        assert asked.admit(asked.request(asked.sender.first, secrets), new, old).items
    assert asked.admit(asked.request(asked.sender.first, new), new).items
    with pytest.raises(BadSignature):
        asked.admit(asked.request(asked.sender.first, old), new)


def test_empty_set_beside_a_good_one_opens_nothing(asked: Asked) -> None:
    empty = dict.fromkeys(asked.sender.secrets, "")
    with pytest.raises(BadSignature):
        asked.admit(asked.request(asked.sender.first, empty), asked.sender.secrets, empty)


@pytest.mark.parametrize("asked", SIGNERS, indirect=True)
def test_one_changed_byte_keeps_nothing_where_the_content_is_signed(asked: Asked) -> None:
    request = asked.request(asked.sender.first)
    for place in range(0, len(request.body), max(1, len(request.body) // 40)):
        changed = bytearray(request.body)
        changed[place] ^= 0x01
        assert not kept(asked, replace(request, body=bytes(changed)))


def test_other_methods_are_never_taken_for_an_event(asked: Asked) -> None:
    for method in ("GET", "PUT", "DELETE", "HEAD"):
        request = HookRequest(
            method, asked.sender.first.topic, "", {}, b"", asked.request(asked.sender.first).received_at
        )
        assert not kept(asked, request)


def kept(asked: Asked, request: HookRequest) -> tuple[InboxItem, ...]:
    """What is kept of a request: nothing of one that is refused, or that is taken for a connection check."""
    try:
        return asked.admit(request, asked.sender.secrets).items
    except BadSignature:
        return ()


# --- The same again ---------------------------------------------------------------------------------


def test_replay_has_the_same_dedupe_keys(asked: Asked) -> None:
    for sample in asked.sender.samples:
        assert [one.dedupe_key for one in asked.items(sample)] == [one.dedupe_key for one in asked.items(sample)]


def test_different_things_have_different_dedupe_keys(asked: Asked) -> None:
    for course in asked.sender.courses.values():
        once = {(sample.topic, sample.body): sample for sample in course}.values()
        keys = [item.dedupe_key for sample in once for item in asked.items(sample)]
        assert len(set(keys)) == len(keys)


def test_parse_is_pure(asked: Asked) -> None:
    for sample in (*asked.sender.samples, asked.sender.odd):
        for item in asked.items(sample):
            before = copy.deepcopy(item)
            first, second = (asked.hook.parse(item, asked.context) for _ in range(2))
            assert first == second
            assert item == before


def test_admit_is_pure(asked: Asked) -> None:
    request = asked.request(asked.sender.first)
    assert asked.admit(request, asked.sender.secrets) == asked.admit(request, asked.sender.secrets)


# --- What it states --------------------------------------------------------------------------------


def folded(events: Iterable[CallEvent]) -> dict[str, Call]:
    calls: dict[str, list[CallEvent]] = {}
    for event in events:
        calls.setdefault(event.call_key, []).append(event)
    return {key: fold(stated) for key, stated in calls.items()}


def test_every_sample_states_something(asked: Asked) -> None:
    for sample in asked.sender.samples:
        for parsed in asked.parsed(sample):
            assert not isinstance(parsed, Malformed), (sample.name, parsed)
            if isinstance(parsed, Stated):
                assert parsed.events
            if isinstance(parsed, News):
                assert parsed.notices


def test_moments_are_aware_and_keys_fit_their_columns(asked: Asked) -> None:
    for event in asked.events(asked.sender.samples):
        assert event.at.utcoffset() is not None
        assert 0 < len(event.call_key) <= 200
        assert 0 < len(event.event_key) <= 300


def test_duplicates_change_nothing(asked: Asked) -> None:
    for course in asked.sender.courses.values():
        events = asked.events(course)
        assert folded([*events, *events]) == folded(events)


def test_reversed_order_comes_to_the_same_call(asked: Asked) -> None:
    for course in asked.sender.courses.values():
        events = asked.events(course)
        assert folded(reversed(events)) == folded(events)


# --- Nonsense ---------------------------------------------------------------------------------------


def readings(asked: Asked, sample: Sample) -> list[Parsed]:
    """What comes of a signed sample that may be nonsense: nothing at all when it is refused."""
    try:
        return asked.parsed(sample)
    except BadSignature:
        return []


def test_cut_body_is_refused_or_malformed_and_never_more(asked: Asked) -> None:
    body = asked.sender.first.body
    whole = asked.parsed(asked.sender.first)
    for length in range(0, len(body), max(1, len(body) // 60)):
        for parsed in readings(asked, replace(asked.sender.first, body=body[:length])):
            assert isinstance(parsed, Stated | News | Ignored | Malformed)
            if asked.sender.signs_body:
                assert not isinstance(parsed, Stated), f"{length} bytes of {len(body)}"
                assert parsed not in whole


def test_extra_field_is_drift_and_no_failure(asked: Asked) -> None:
    for sample in asked.sender.samples:
        plain = asked.parsed(sample)
        extended = asked.with_fields(sample, {**asked.sender.read(sample.body), "brand_new_field": "x"})
        for before, after in zip(plain, asked.parsed(extended), strict=True):
            assert type(after) is type(before)
            if isinstance(before, Stated) and isinstance(after, Stated):
                assert folded(without_keys(after.events)) == folded(without_keys(before.events))
                assert "brand_new_field" in {one.name for one in after.drift}


def without_keys(events: Iterable[CallEvent]) -> list[CallEvent]:
    return [replace(event, event_key=str(place)) for place, event in enumerate(events)]


def test_missing_field_is_never_a_failure_and_the_needed_one_is_malformed(asked: Asked) -> None:
    for sample in asked.sender.samples:
        document = asked.sender.read(sample.body)
        for name in document:
            rest = {other: value for other, value in document.items() if other != name}
            for parsed in readings(asked, asked.with_fields(sample, rest)):
                assert isinstance(parsed, Stated | News | Ignored | Malformed)
    document = asked.sender.read(asked.sender.first.body)
    del document[asked.sender.needed]
    (parsed,) = asked.parsed(asked.with_fields(asked.sender.first, document))
    assert isinstance(parsed, Malformed)
    assert parsed.reason


def test_unknown_words_break_nothing(asked: Asked) -> None:
    for parsed in asked.parsed(asked.sender.odd):
        assert not isinstance(parsed, Malformed)
        if isinstance(parsed, Stated):
            assert any(one.kind == "word" for one in parsed.drift)


def test_unknown_topic_breaks_nothing(asked: Asked) -> None:
    sample = replace(asked.sender.first, topic=asked.sender.strange_topic)
    for parsed in readings(asked, sample):
        assert not isinstance(parsed, Malformed)


@pytest.mark.parametrize("rubbish", [b"\xff\xfe\x00", b"", b"null", b"[]", b"0", b'"x"', b"{", b"%", b"&&==", b"\x00"])
def test_rubbish_that_is_signed_is_refused_or_malformed(asked: Asked, rubbish: bytes) -> None:
    for parsed in readings(asked, replace(asked.sender.first, body=rubbish)):
        assert isinstance(parsed, Ignored | Malformed)
        assert parsed.reason


def test_text_that_is_not_utf8_is_refused_or_malformed(asked: Asked) -> None:
    first = asked.sender.first
    at = first.body.index(b"9")
    for parsed in readings(asked, replace(first, body=first.body[:at] + b"\xc3\x28" + first.body[at:])):
        assert isinstance(parsed, Ignored | Malformed)
