"""What users of amoCRM integrations report (amocrm.md §8), one by one, as far as a connector can meet it."""

from __future__ import annotations

import pytest

from connectors.amocrm.errors import Fault, Refused
from connectors.amocrm.forgiving import without_faults
from connectors.amocrm.oauth import AmocrmOAuth
from connectors.contract import Found
from hub.domain.errors import DeliveryError, OutcomeUnknown, Paused, Rejected, Throttled
from hub.domain.intents import IntentKind
from hub.net.http import HttpAnswer
from tests.amocrm.account import NOTHING, Reply, answer, problem
from tests.amocrm.story import API, LINK, YANDEX, Hub, call, intent, log, missed, outbound, task

UNSORTED, NOTES = f"POST {API}/leads/unsorted/sip", f"POST {API}/contacts/notes"


def with_client(**row: object) -> Hub:
    hub = Hub()
    hub.account.add("contacts", "+79001234567", **row)
    return hub


def test_token_has_been_revoked_because_of_another_redirect_uri() -> None:
    """The exact URI of the connection is sent, byte for byte."""
    hub = Hub()
    hub.secrets["redirect_uri"] = "https://Hub.example/amocrm/callback?x=1"
    hub.account.on("POST /oauth2/access_token", answer({"access_token": "A", "refresh_token": "R", "expires_in": 1}))
    AmocrmOAuth().refresh(hub.door, "R1")
    assert hub.account.asked[0].body["redirect_uri"] == "https://Hub.example/amocrm/callback?x=1"


def test_entity_not_found_because_nobody_has_the_number() -> None:
    """`/calls` is not used at all: a stranger becomes an incoming lead instead of a 400."""
    hub = Hub()
    hub.show(log())
    assert not [path for path in hub.account.calls() if path.endswith("/calls")]
    assert hub.account.writes() == [UNSORTED]


def test_calls_are_rejected_because_of_nulls() -> None:
    hub = with_client()
    hub.show(log(call(recording_links=(), result=None)))
    ((note,),) = hub.account.bodies(NOTES)
    assert None not in note["params"].values()
    assert "link" not in note["params"]


def test_caller_and_callee_are_swapped_in_an_incoming_lead() -> None:
    hub = Hub()
    hub.show(log())
    ((item,),) = hub.account.bodies(UNSORTED)
    assert item["metadata"]["phone"] == item["metadata"]["from"] == "+79001234567"


@pytest.mark.parametrize("stored", ["89001234567", "+7 (900) 123-45-67", "9001234567"])
def test_duplicate_contacts_because_of_the_spelling(stored: str) -> None:
    hub = Hub()
    hub.account.add("contacts", stored)
    hub.show(log())
    assert len(hub.account.contacts) == 1


def test_the_wrong_client_because_the_first_hit_was_taken() -> None:
    hub = Hub()
    wrong = hub.account.add("contacts", "+79990000000", name="9001234567 is her old number")
    right = hub.account.add("contacts", "+79001234567")
    hub.show(log())
    assert [note["entity_id"] for note in hub.account.call_notes()] == [right]
    assert wrong != right


@pytest.mark.parametrize("default", [None, "5"])
def test_a_dismissed_responsible_does_not_lose_the_call(default: str | None) -> None:
    hub = with_client()
    hub.settings["default_user_id"] = default
    hub.show(log(call(user_id="777")))
    (note,) = hub.account.call_notes()
    person = 5 if default else None
    assert (note.get("responsible_user_id"), note.get("created_by")) == (person, person)
    assert hub.done["call"]["left_out"] == ["created_by=777", "responsible_user_id=777"]


def test_a_dismissed_responsible_does_not_lose_the_incoming_lead() -> None:
    hub = Hub()
    hub.settings["default_user_id"] = "5"
    facts = missed(user_id="777")
    hub.show(log(facts), task(facts))
    assert {lead["responsible_user_id"] for lead in hub.account.leads.values()} == {5}
    assert {row["responsible_user_id"] for row in hub.account.tasks.values()} == {5}
    assert len(hub.account.call_notes()) == 1


def test_a_whole_lead_is_not_lost_for_one_unknown_field() -> None:
    """The cached definitions are older than the account: the refused field is left out, the lead is made."""
    hub = Hub()
    hub.show(log(call(call_id="c1", source=YANDEX)))
    hub.account.unsorted.clear()
    hub.account.codes = ("UTM_SOURCE", "UTM_CAMPAIGN")
    second = hub.another_call()
    second.show(log(call(call_id="c2", source=YANDEX)))
    assert second.done["create"]["left_out"] == ["UTM_MEDIUM"]
    newest = list(hub.account.leads.values())[-1]
    assert {one["field_code"] for one in newest["custom_fields_values"]} == {"UTM_SOURCE", "UTM_CAMPAIGN"}


def test_the_number_of_a_new_contact_is_never_left_out() -> None:
    hub = Hub()
    refusal = problem(400, "phone", [("custom_fields_values.0.values.0.value", "InvalidType")])
    hub.account.on(f"POST {API}/contacts", refusal)
    with pytest.raises(Rejected, match="InvalidType"):
        hub.show(log(outbound()))
    assert hub.account.contacts == {}


def test_a_call_is_seen_in_the_lead_though_several_are_open() -> None:
    hub = with_client()
    (contact,) = hub.account.contacts
    hub.account.add_lead(contact, updated_at=1)
    chosen = hub.account.add_lead(contact, updated_at=2)
    hub.show(log())
    assert [(note["kind"], note["entity_id"]) for note in hub.account.call_notes()] == [("leads", chosen)]


@pytest.mark.parametrize("facts", [call(), call(user_id=None, extension=None)])
def test_calls_are_not_credited_to_a_robot(facts: object) -> None:
    hub = with_client()
    hub.show(log(facts))  # type: ignore[arg-type]
    (note,) = hub.account.call_notes()
    assert (note["created_by"], note["params"]["call_responsible"]) == (5, 5)


def test_several_missed_call_tasks_for_one_client() -> None:
    hub = with_client()
    for number in range(3):
        one = hub.another_call()
        facts = missed(call_id=f"c{number}")
        one.show(log(facts), task(facts))
    assert len(hub.account.tasks) == 1
    assert len(hub.account.call_notes()) == 3


def test_outbound_calls_to_unknown_numbers_do_not_vanish() -> None:
    hub = Hub()
    hub.show(log(outbound()))
    assert [note["note_type"] for note in hub.account.call_notes()] == ["call_out"]


@pytest.mark.parametrize("reply", [problem(500), problem(503), HttpAnswer(502, {}, b"<html>Bad gateway</html>")])
def test_calls_are_not_lost_while_the_crm_is_down(reply: HttpAnswer) -> None:
    hub = with_client()
    hub.account.on(NOTES, reply)
    with pytest.raises(OutcomeUnknown):
        hub.show(log())
    hub.perform("call", log())
    assert len(hub.account.call_notes()) == 1


@pytest.mark.parametrize(("status", "raised"), [(402, Paused), (400, Rejected), (403, Rejected)])
def test_tokens_are_not_given_up_for_what_is_no_matter_of_tokens(status: int, raised: type[DeliveryError]) -> None:
    hub = with_client()
    hub.account.on(NOTES, problem(status))
    with pytest.raises(raised):
        hub.show(log())
    assert hub.tokens.renewals == 0


def test_a_next_page_that_is_empty_ends_the_list_without_an_exception() -> None:
    hub = Hub()
    first = answer({"_links": {"next": {"href": "…"}}, "_embedded": {"unsorted": [{"uid": "x", "metadata": {}}]}})
    hub.account.on(f"GET {API}/leads/unsorted", first, NOTHING)
    assert hub.perform("find", log()) == {"unknown": True}


def test_notes_are_asked_for_at_their_entity() -> None:
    hub = with_client()
    hub.show(log())
    hub.look_up("call", log())
    assert not [path for path in hub.account.calls() if path.endswith("/api/v4/notes")]


def test_the_player_gets_our_stable_address() -> None:
    hub = with_client()
    hub.show(log(call(recording_links=(LINK,))))
    (note,) = hub.account.call_notes()
    assert note["params"]["link"] == LINK


@pytest.mark.parametrize("reply", [HttpAnswer(429, {}, b"Too many requests"), problem(429, retry_after=300)])
def test_a_429_that_is_no_json_is_a_429(reply: Reply) -> None:
    hub = with_client()
    hub.account.on(NOTES, reply)
    with pytest.raises(Throttled):
        hub.show(log())


def test_fired_users_and_whole_models_are_not_echoed_back() -> None:
    """A change names only what changes."""
    hub = Hub()
    hub.show(log())
    late = call(source=YANDEX)
    hub.perform("source", intent(IntentKind.SET_SOURCE, late))
    (body,) = (asked.body for asked in hub.account.asked if asked.verb == "PATCH")
    assert set(body) == {"custom_fields_values", "tags_to_add"}


def test_a_timeout_does_not_make_a_second_incoming_lead() -> None:
    hub = Hub()
    hub.perform("find", log())

    def act(asked: object) -> HttpAnswer:
        hub.account.handle(asked)  # type: ignore[arg-type]
        raise OutcomeUnknown("time-out")

    hub.account.on(UNSORTED, act)
    with pytest.raises(OutcomeUnknown):
        hub.perform("create", log())
    found = hub.look_up("create", log())
    assert isinstance(found, Found)
    assert found.result["call_logged"] is True
    assert len(hub.account.unsorted) == 1


# --- What is left out -----------------------------------------------------------------------------

ITEM = {
    "responsible_user_id": 7,
    "custom_fields_values": [{"field_code": "UTM_SOURCE"}, {"field_id": 9}, {"field_code": "UTM_TERM"}],
    "params": {"call_responsible": 7, "uniq": "c1"},
    "_embedded": {"source": {"type": "widget", "external_id": "did:1"}},
}


@pytest.mark.parametrize(
    ("paths", "left_out"),
    [
        (["custom_fields_values.1.field_id"], ["9"]),
        (["0.custom_fields_values.2.field_id"], ["UTM_TERM"]),
        (["custom_fields_values.0.values.0.value", "custom_fields_values.2.field_id"], ["UTM_TERM", "UTM_SOURCE"]),
        (["custom_fields_values.1.field_id", "custom_fields_values.1.values"], ["9"]),
        (["params.call_responsible"], ["call_responsible=7"]),
        (["_embedded.source.external_id"], ["source"]),
        (["[0].responsible_user_id"], ["responsible_user_id=7"]),
        (["params.uniq"], []),
        (["nowhere"], []),
        ([""], []),
        (["custom_fields_values.9.field_id"], []),
        (["responsible_user_id", "params.uniq"], []),
        ([], []),
    ],
)
def test_only_what_may_go_is_left_out_and_only_what_was_named(paths: list[str], left_out: list[str]) -> None:
    refusal = Refused("no", status=400, faults=tuple(Fault(path, "NotSupportedChoice") for path in paths))
    spared, names = without_faults(ITEM, refusal, None)
    assert names == left_out
    assert (spared == ITEM) == (not left_out)
