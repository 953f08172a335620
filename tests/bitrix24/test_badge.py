"""What Bitrix24 asks of a telephony application (bitrix24.md §7), and the test that shows each of it in a whole hub."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
DIALS, ROUTING = "e2e/test_bitrix24_dials.py", "e2e/test_routing.py"
MANDATORY = {
    "calls are registered, and Bitrix24 makes the CRM's objects": (
        DIALS, "test_a_call_of_a_stranger_is_registered_once_and_the_portal_itself_makes_the_lead",
    ),
    "LINE_NUMBER of incoming calls": (DIALS, "test_each_incoming_call_names_the_line_as_the_portal_spells_it"),
    "attachRecord after success": (DIALS, "test_a_recording_is_attached_after_the_call_was_finished"),
    "ONEXTERNALCALLSTART": (
        DIALS, "test_a_clicked_number_is_rung_and_logged_on_the_call_that_the_portal_opened",
    ),
    "ONEXTERNALCALLBACKSTART": (
        DIALS, "test_a_callback_form_rings_the_clients_owner_and_is_logged_on_the_forms_own_card",
    ),
}  # fmt: skip
RECOMMENDED = {
    "calls are sent to the client's owner": (
        ROUTING, "test_a_client_of_the_crm_is_sent_to_the_owner_within_a_second_and_the_card_with_them",
    ),
    "cards follow the queue": (
        DIALS, "test_cards_follow_the_queue_shown_to_the_rung_and_hidden_from_the_others",
    ),
}  # fmt: skip


def test_five_are_mandatory_and_two_recommended() -> None:
    assert (len(MANDATORY), len(RECOMMENDED)) == (5, 2)


@pytest.mark.parametrize("scenario", [*MANDATORY, *RECOMMENDED])
def test_a_test_shows_the_scenario(scenario: str) -> None:
    file, name = (MANDATORY | RECOMMENDED)[scenario]
    assert re.search(rf"^def {name}\(", (TESTS / file).read_text(), re.MULTILINE), f"{file} has no {name}"
