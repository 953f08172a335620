"""Every vendor that sends is asked the same: is it genuine, and what does it state?"""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from hub.domain.errors import BadSignature
from tests.contract.asking import PROVERS, SIGNERS, VENDORS, Asked, folded
from tests.contract.senders import SENDERS
from webhooks.contract import HookRequest, InboxItem, Malformed, News, Stated


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


@pytest.mark.parametrize("asked", PROVERS, indirect=True)
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


@pytest.mark.parametrize("asked", PROVERS, indirect=True)
def test_missing_signature_is_as_bad_as_a_wrong_one(asked: Asked) -> None:
    for sample in asked.sender.samples:
        unsigned = asked.sender.unsigned(asked.request(sample))
        assert unsigned != asked.request(sample)
        with pytest.raises(BadSignature):
            asked.admit(unsigned, asked.sender.secrets)


@pytest.mark.parametrize("asked", PROVERS, indirect=True)
def test_two_secrets_are_good_while_they_are_changed_and_then_only_the_new_one(asked: Asked) -> None:
    old, new = asked.sender.secrets, asked.sender.other_secrets
    for secrets in (old, new):
        assert asked.admit(asked.request(asked.sender.first, secrets), new, old).items
    assert asked.admit(asked.request(asked.sender.first, new), new).items
    with pytest.raises(BadSignature):
        asked.admit(asked.request(asked.sender.first, old), new)


@pytest.mark.parametrize("asked", PROVERS, indirect=True)
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
