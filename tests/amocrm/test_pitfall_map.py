"""What integrators of amoCRM have stumbled over (amocrm.md §8, row by row), and the test that keeps us from it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
_HERE = "amocrm/test_pitfalls.py"
PITFALLS = {
    "1 the token has been revoked, because two refreshed it": (
        "e2e/test_amocrm.py", "test_twenty_calls_with_an_expired_token_ask_for_one_new_pair",
    ),
    "2 the refresh fails though its parameters look right": (
        _HERE, "test_token_has_been_revoked_because_of_another_redirect_uri",
    ),
    "3 Entity not found from /calls": (_HERE, "test_entity_not_found_because_nobody_has_the_number"),
    "4 calls rejected though the data are fine": (_HERE, "test_calls_are_rejected_because_of_nulls"),
    "5 caller and callee swapped": (_HERE, "test_caller_and_callee_are_swapped_in_an_incoming_lead"),
    "6 duplicate contacts": (_HERE, "test_duplicate_contacts_because_of_the_spelling"),
    "7 the wrong client overwritten": (_HERE, "test_the_wrong_client_because_the_first_hit_was_taken"),
    "8 duplicate control does not work, or works on our lead": (
        "amocrm/test_fixtures.py", "test_a_lead_that_was_merged_into_an_older_one_is_not_ours_to_change",
    ),
    "9 400 on a contact's update": (_HERE, "test_fired_users_and_whole_models_are_not_echoed_back"),
    "10 a whole lead lost for one bad field": (_HERE, "test_a_whole_lead_is_not_lost_for_one_unknown_field"),
    "11 the call is not seen in the lead": (_HERE, "test_a_call_is_seen_in_the_lead_though_several_are_open"),
    "12 calls credited to a robot": (_HERE, "test_calls_are_not_credited_to_a_robot"),
    "13 several tasks for one missed call": (_HERE, "test_several_missed_call_tasks_for_one_client"),
    "14 the wrong responsible on a missed call": (
        "amocrm/test_flow.py", "test_a_missed_call_of_a_known_client_is_a_task_for_the_owner_of_the_lead",
    ),
    "15 outbound calls to unknown numbers vanish": (_HERE, "test_outbound_calls_to_unknown_numbers_do_not_vanish"),
    "16 calls lost while the CRM is down": (_HERE, "test_calls_are_not_lost_while_the_crm_is_down"),
    "17 tokens wiped on 402 and 400": (_HERE, "test_tokens_are_not_given_up_for_what_is_no_matter_of_tokens"),
    "18 a list ends with an exception": (_HERE, "test_a_next_page_that_is_empty_ends_the_list_without_an_exception"),
    "19 the external button is stuck at Code 204": (
        "amocrm/test_install_doors.py", "test_keys_are_answered_by_exactly_200_and_taken_once",
    ),
    "20 404 on /notes": (_HERE, "test_notes_are_asked_for_at_their_entity"),
    "21 a player without seek, or silent": (
        "web/test_recording_player.py", "test_a_recording_plays_with_ranges_inside_another_sites_page",
    ),
    "22 the webhook is switched off silently": (
        "amocrm/test_upkeep.py", "test_webhook_switched_off_silently_is_switched_on_again",
    ),
    "23 a company treated as a contact": (
        "amocrm/test_events.py", "test_a_company_comes_under_contacts_and_is_told_by_its_type",
    ),
}  # fmt: skip


@pytest.mark.parametrize("pitfall", PITFALLS)
def test_a_test_keeps_us_from_the_pitfall(pitfall: str) -> None:
    file, name = PITFALLS[pitfall]
    assert re.search(rf"^def {name}\(", (TESTS / file).read_text(), re.MULTILINE), f"{file} has no {name}"


def test_every_pitfall_is_accounted_for() -> None:
    assert sorted(int(name.split()[0]) for name in PITFALLS) == list(range(1, 24))
