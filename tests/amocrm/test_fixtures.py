"""amoCRM's own answers, as its documents give them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.amocrm.oauth import token_pair
from connectors.amocrm.party import find_party
from hub.domain.errors import AuthRevoked, Rejected, Throttled
from hub.domain.intents import IntentKind
from hub.domain.party import Party
from hub.net.http import HttpAnswer
from tests.amocrm.account import answer
from tests.amocrm.story import API, CLIENT, NOW, YANDEX, Hub, call, intent, log, outbound

FIXTURES = Path(__file__).parents[1] / "fixtures" / "amocrm"


def fixture(name: str, status: int = 200) -> HttpAnswer:
    return HttpAnswer(status, {}, (FIXTURES / f"{name}.json").read_bytes())


def strangers_hub(policy: str) -> Hub:
    hub = Hub()
    hub.settings["unknown_caller"] = policy
    hub.perform("find", log())
    return hub


def test_an_incoming_lead_is_kept_with_its_ids() -> None:
    hub = strangers_hub("unsorted")
    hub.account.on(f"POST {API}/leads/unsorted/sip", fixture("unsorted_sip"))
    assert hub.perform("create", log()) == {
        "entity": "contacts",
        "id": "1101",
        "lead_id": "7700",
        "open_leads": ["7700"],
        "unsorted_uid": "aa40f1",
        "owner": "5",
        "created": [{"type": "leads", "id": "7700"}, {"type": "contacts", "id": "1101"}],
        "call_logged": True,
        "person": "unknown",
    }


@pytest.mark.parametrize("shape", ["leads_complex", "leads_complex__enveloped"])
def test_both_shapes_of_a_complex_answer_are_read(shape: str) -> None:
    hub = strangers_hub("lead")
    hub.account.on(f"POST {API}/leads/complex", fixture(shape))
    created = hub.perform("create", log())
    assert (created["entity"], created["id"], created["lead_id"]) == ("contacts", "1102", "7701")
    assert created["created"] == [{"type": "leads", "id": "7701"}, {"type": "contacts", "id": "1102"}]


def test_a_lead_that_was_merged_into_an_older_one_is_not_ours_to_change() -> None:
    hub = strangers_hub("lead")
    hub.account.on(f"POST {API}/leads/complex", fixture("leads_complex__merged"))
    created = hub.perform("create", log())
    assert (created["lead_id"], "created" in created, "skipped" in created) == ("7701", False, True)
    late = intent(IntentKind.SET_SOURCE, call(source=YANDEX))
    assert "skipped" in hub.perform("source", late)


def test_a_note_is_kept_with_its_id() -> None:
    hub = Hub()
    contact = hub.account.add("contacts", "+79001234567")
    hub.account.on(f"POST {API}/contacts/notes", fixture("notes"))
    hub.show(log(outbound()))
    assert hub.done["call"] == {"note_entity": "contacts", "note_entity_id": str(contact), "note_id": "5001"}


def test_of_two_hits_only_the_one_with_the_number_counts() -> None:
    hub = Hub()
    lead = {"id": 7700, "status_id": 49, "responsible_user_id": 9, "updated_at": 1}
    hub.account.on(f"GET {API}/contacts", fixture("contacts__false_hit"))
    hub.account.on(f"GET {API}/leads", answer({"_embedded": {"leads": [lead]}}))
    assert find_party(CLIENT, hub.door) == Party("contact", "1101", "Petr", "9", ("7700",))


@pytest.mark.parametrize(
    ("name", "words"), [("validation_errors", "NotSupportedChoice"), ("entity_not_found", "Entity not found")]
)
def test_a_refusal_is_told_in_the_vendors_words(name: str, words: str) -> None:
    hub = Hub()
    hub.account.add("contacts", "+79001234567")
    hub.account.on(f"POST {API}/contacts/notes", fixture(name, 400))
    with pytest.raises(Rejected, match=words):
        hub.show(log(outbound()))


def test_too_many_requests_waits_as_long_as_it_says() -> None:
    hub = Hub()
    hub.account.on(f"GET {API}/contacts", fixture("too_many_requests", 429))
    with pytest.raises(Throttled) as caught:
        find_party(CLIENT, hub.door)
    assert caught.value.until == NOW + timedelta(seconds=300)


def test_a_revoked_token_asks_for_a_person() -> None:
    with pytest.raises(AuthRevoked, match="Token has been revoked"):
        token_pair(fixture("token_revoked", 401), NOW, {})
