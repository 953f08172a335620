"""Each sample conversation comes to the call that its documentation describes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.calls.fold import fold
from hub.domain.call import Closing
from hub.domain.codec import from_document, to_document
from hub.domain.events import CallEvent, Place
from tests.mango.samples import BY_NAME, SAMPLES, Sample, events_of, facts_of, parse
from webhooks.contract import Stated

EVENTS = {sample.name: events_of(sample) for sample in SAMPLES}
DEVICE_OF_THE_FIRM = "mangosip.ru"


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_conversation_comes_to_the_expected_call(sample: Sample) -> None:
    assert facts_of(fold(EVENTS[sample.name])) == sample.expected


@given(data=st.data(), sample=st.sampled_from(SAMPLES))
def test_any_order_with_repetitions_gives_the_same_call(data: st.DataObject, sample: Sample) -> None:
    events = EVENTS[sample.name]
    repeated = events + data.draw(st.lists(st.sampled_from(events), max_size=6))
    shuffled = data.draw(st.permutations(repeated))
    assert fold(shuffled) == fold(events)


@given(data=st.data(), sample=st.sampled_from(SAMPLES), stale=st.booleans())
def test_any_part_of_a_conversation_makes_a_sane_call(data: st.DataObject, sample: Sample, stale: bool) -> None:
    part = data.draw(st.lists(st.sampled_from(EVENTS[sample.name]), min_size=1, unique_by=lambda one: one.event_key))
    call = fold(part, stale=stale)
    assert call.wait_seconds >= 0
    assert call.talk_seconds >= 0
    assert not (stale and call.closing is Closing.OPEN)
    assert call.client is None or DEVICE_OF_THE_FIRM not in call.client.raw
    if call.answered_at is not None:
        assert call.started_at <= call.answered_at
    if call.ended_at is not None:
        assert (call.answered_at or call.started_at) <= call.ended_at
        assert call.ringing == ()


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_every_event_survives_being_stored(sample: Sample) -> None:
    for event in EVENTS[sample.name]:
        assert from_document(to_document(event), CallEvent) == event


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_documented_fields_and_words_are_no_drift(sample: Sample) -> None:
    for topic, body in sample.events:
        parsed = parse(topic, body)
        assert parsed.drift == (), (topic, parsed)


def test_each_phone_that_rings_is_seen_ringing_until_somebody_answers() -> None:
    events = EVENTS["a_queue_answered"]
    assert fold(events[:3]).ringing == ()
    assert fold(events[:4]).ringing == ("101",)
    assert fold(events[:5]).ringing == ("101", "102")
    assert fold(events[:6]).ringing == ("102",)
    assert fold(events[:8]).ringing == ()


def test_callback_rings_the_operator_and_never_looks_inbound() -> None:
    events = EVENTS["f_callback_answered"]
    for count in range(1, len(events) + 1):
        assert fold(events[:count]).direction == "outbound"
    assert fold(events[:1]).ringing == ("101",)
    assert fold(events[:3]).answered_at is None, "the operator waits for the client"


def test_consultation_is_no_talk_with_the_client() -> None:
    events = EVENTS["c_consultative_transfer"]
    before_hand_over = events[:7]
    assert fold(before_hand_over).answered_by == "101"
    assert fold(events).answered_by == "102"


def test_legs_say_what_they_ring() -> None:
    call = fold(EVENTS["a_queue_answered"])
    assert [(leg.place, leg.extension, leg.result) for leg in call.legs] == [
        (Place.MENU, None, "moved"),
        (Place.QUEUE, None, "moved"),
        (Place.EMPLOYEE, "101", "answered"),
        (Place.EMPLOYEE, "102", "moved"),
    ]


def test_operator_leg_of_a_callback_is_followed_by_the_clients_leg() -> None:
    operator, client = fold(EVENTS["f_callback_answered"]).legs
    assert (operator.place, operator.talked_with_client_at) == (Place.EMPLOYEE, None)
    assert (client.place, client.extension, client.came_from_leg) == (Place.CLIENT, "101", operator.key)


def test_numbers_typed_as_text_state_exactly_the_same_events() -> None:
    as_numbers, as_text = BY_NAME["a_queue_answered"], BY_NAME["a_string_typed_numbers"]
    for (topic, plain), (_, typed) in zip(as_numbers.events, as_text.events, strict=True):
        left, right = parse(topic, plain), parse(topic, typed)
        if isinstance(left, Stated):
            assert left == right


def test_callback_of_the_old_documents_needs_no_summary_to_be_answered() -> None:
    events = [event for event in EVENTS["f_callback_old_documents"] if event.kind != "summary"]
    call = fold(events)
    assert (call.direction, call.answered_by, call.client and call.client.e164) == ("outbound", "101", "+79001234567")
