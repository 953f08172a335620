"""What integrators of Bitrix24 have stumbled over (bitrix24.md §10), and the test that keeps us from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PITFALLS = {
    "1 two concurrent calls of one number get one CALL_ID": (
        "e2e/test_bitrix24_dials.py", "test_two_first_calls_of_one_number_at_once_make_one_lead",
    ),
    "2 a call that was never finished swallows the next": (
        "e2e/test_bitrix24_dials.py", "test_a_clicked_number_that_nobody_can_ring_is_closed_in_the_portal",
    ),
    "3 two cards on click to call": (
        "e2e/test_bitrix24_dials.py",
        "test_a_clicked_number_is_rung_and_logged_on_the_call_that_the_portal_opened",
    ),
    "4 a card for every queue member registers several calls": (
        "bitrix24/test_steps.py", "test_a_card_registers_the_call_at_once_and_lives_a_minute",
    ),
    "5 an answered call is shown as missed": (
        "bitrix24/test_steps.py", "test_a_call_is_logged_when_its_facts_have_come_to_rest",
    ),
    "6 the wrong responsible after a transfer": (
        "e2e/test_spine.py", "test_transferred_call_goes_to_who_talked_last",
    ),
    "7 missed calls are lost for want of an operator's leg": (
        "bitrix24/test_calls.py", "test_a_call_that_nobody_took_goes_to_the_default_user_at_once",
    ),
    "8 an extension that the portal does not know": (
        "bitrix24/test_calls.py", "test_a_person_whom_the_portal_does_not_know_gives_way_to_the_default_user",
    ),
    "9 one failed user.get empties the directory": (
        "bitrix24/test_directory.py", "test_an_empty_directory_is_an_error",
    ),
    "10 duplicate leads": (
        "delivery/test_engine.py", "test_two_first_calls_of_one_number_are_not_registered_at_once",
    ),
    "11 a long write is sent again after a time-out": (
        "bitrix24/test_client.py", "test_a_write_that_may_have_happened_is_never_sent_again",
    ),
    "12 the recording is missing without an error": (
        "bitrix24/test_recordings.py", "test_a_recording_is_uploaded_in_two_steps",
    ),
    "13 the upload address died while waiting": (
        "bitrix24/test_recordings.py", "test_each_try_asks_for_a_fresh_address",
    ),
    "14 events never come": (
        "bitrix24/test_reference.py", "test_an_event_that_lost_its_handler_is_bound_again",
    ),
    "15 the event's body changed without notice": (
        "bitrix24/test_events.py", "test_keys_that_go_and_come_without_notice_harm_nothing",
    ),
    "16 events are lost while we are down, and never sent again": (
        "e2e/test_routing.py", "test_a_card_made_after_the_index_was_read_is_found_by_a_look_up",
    ),
    "17 tokens disappear after a parallel refresh": (
        "net/test_tokens.py", "test_twenty_threads_on_one_dead_token_ask_once",
    ),
    "18 storms of QUERY_LIMIT_EXCEEDED": (
        "faults/test_crm.py",
        "test_crm_that_says_too_fast_for_a_while_costs_no_attempt_and_is_left_alone",
    ),
    "19 HTML in place of JSON": (
        "bitrix24/test_errors.py", "test_an_answer_without_envelope_is_unknown_for_a_write_only",
    ),
    "20 a method is blocked for its operating time": (
        "bitrix24/test_errors.py", "test_operating_time_stops_one_method_until_it_resets",
    ),
    "21 one main number with extensions is many clients": (
        "bitrix24/test_call_card.py", "test_several_parties_are_ranked_and_the_cards_own_one_stands_first",
    ),
    "22 times are shifted": (
        "bitrix24/test_translate.py", "test_register_states_the_call_as_it_happened",
    ),
    "23 clicks in call lists and from mobile telephones": (
        "bitrix24/test_events.py", "test_a_click_out_of_a_call_list_or_on_a_mobile_is_a_click",
    ),
    "24 a webhook's address without its last slash": (
        "bitrix24/test_settings.py", "test_addresses_are_completed",
    ),
    "25 the subscription ends": ("bitrix24/test_errors.py", "test_access_denied_pauses_only_for_the_plan"),
    "26 a renamed portal swallows calls": (
        "bitrix24/test_rename.py", "test_a_proven_move_replays_the_post_once_and_is_remembered",
    ),
    "27 parameters in another case are lost without a word": (
        "bitrix24/test_translate_cards.py", "test_a_note_carries_words_link_and_marker",
    ),
    "28 our own change starts a loop of events": (
        "bitrix24/test_events.py", "test_what_needs_nothing_is_ignored_with_a_reason",
    ),
}  # fmt: skip


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_a_test_keeps_us_from_the_pitfall(pitfall: str) -> None:
    file, name = PITFALLS[pitfall]
    assert re.search(rf"^def {name}", (TESTS / file).read_text(), re.MULTILINE), f"{file} has no {name}"


def test_every_pitfall_is_accounted_for() -> None:
    numbers = {int(name.split()[0]) for name in PITFALLS}
    assert numbers == set(range(1, 29))
