"""What the rules order at amoCRM: whom a stranger becomes, in which pipeline, on whom, with which fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.amocrm.ordered import field_item
from connectors.amocrm.rules import RULES
from hub.domain.events import Direction
from hub.domain.intents import CallFacts, Intent, IntentKind
from hub.domain.treatment import CardOrders, FieldValue, LeadOutcome, PersonState, Treatment
from mapping.defaults import default_rules
from mapping.model import Situation
from simulators.amocrm.fields import add_field
from simulators.amocrm.simulator import AmoCrmSimulator
from tests.amocrm.story import Hub, call, log
from tests.rules.stands import AmocrmStand

FIELDS = (FieldValue("lead", "UTM_TERM", "oak"), FieldValue("contact", "UTM_TERM", "x", always=True))


def ruled(outcome: LeadOutcome, *, name: str = "", **more: Any) -> CallFacts:
    treatment = Treatment(outcome, "ads", **more)
    return call(orders=CardOrders(treatments={"unknown": treatment}, fields=FIELDS, client_name=name))


def show(facts: CallFacts, *, known: bool = False) -> Hub:
    hub = Hub()
    if known:
        hub.account.add("contacts", "+79001234567")
    hub.show(log(facts), Intent(IntentKind.SET_CARD, "card", facts, ()))
    return hub


@pytest.mark.parametrize(
    ("outcome", "unsorted", "leads", "contacts"),
    [
        (LeadOutcome.UNSORTED, 1, 1, 1),
        (LeadOutcome.LEAD, 0, 1, 1),
        (LeadOutcome.CONTACT_DEAL, 0, 1, 1),
        (LeadOutcome.ACTIVITY_ONLY, 0, 0, 1),
        (LeadOutcome.NOTHING, 0, 0, 0),
    ],
)
def test_a_stranger_becomes_what_the_rules_say(outcome: LeadOutcome, unsorted: int, leads: int, contacts: int) -> None:
    hub = show(ruled(outcome))
    made = [write for write in hub.account.writes() if write.endswith("/leads/unsorted/sip")]
    assert (len(made), len(hub.account.leads), len(hub.account.contacts)) == (unsorted, leads, contacts)
    assert len(hub.account.call_notes()) == (0 if outcome is LeadOutcome.NOTHING else 1)


def test_a_new_lead_is_dressed_as_the_rules_say() -> None:
    hub = show(ruled(LeadOutcome.LEAD, pipeline="3", stage="31", title="From ads", user_id="9"))
    (lead,) = hub.account.leads.values()
    assert (lead["name"], lead["pipeline_id"], lead["status_id"]) == ("From ads", 3, 31)
    assert lead["responsible_user_id"] == 9
    assert "leads:" in str(hub.done["card"]["updated"])
    assert {"field_code": "UTM_TERM", "values": [{"value": "oak"}]} in lead["custom_fields_values"]


def test_a_field_is_named_by_its_id_or_by_its_code() -> None:
    assert field_item(FieldValue("lead", "777", "x")) == {"field_id": 777, "values": [{"value": "x"}]}
    assert field_item(FieldValue("lead", "UTM_TERM", "x"))["field_code"] == "UTM_TERM"


def test_a_masked_client_is_not_named_by_the_number() -> None:
    hub = show(ruled(LeadOutcome.LEAD, name="+7900*****67"))
    (lead,), (contact,) = hub.account.leads.values(), hub.account.contacts.values()
    assert "+7900*****67" in lead["name"]
    assert contact["name"] == "+7900*****67"


def test_a_known_client_is_not_made_anew_and_gets_only_the_fields_that_go_always() -> None:
    hub = show(ruled(LeadOutcome.LEAD), known=True)
    assert hub.account.leads == {}
    assert [write for write in hub.account.writes() if "PATCH" in write] == ["PATCH /api/v4/contacts/1001"]


def test_an_outbound_call_that_is_only_logged_needs_a_person_too() -> None:
    facts = call(direction=Direction.OUTBOUND, orders=CardOrders(treatments={"unknown": Treatment()}))
    hub = Hub()
    hub.show(log(facts))
    assert (len(hub.account.contacts), len(hub.account.leads)) == (1, 0)


@pytest.mark.parametrize("outcome", [LeadOutcome.LEAD, LeadOutcome.ACTIVITY_ONLY])
@pytest.mark.parametrize("direction", [Direction.INBOUND, Direction.OUTBOUND])
def test_what_the_rules_say_wins_over_the_settings(outcome: LeadOutcome, direction: Direction) -> None:
    hub = Hub()
    hub.settings |= {"unknown_caller": "nothing", "unknown_outbound": "nothing"}
    facts = replace(ruled(outcome), direction=direction)
    hub.show(Intent(IntentKind.LOG_CALL, "log", facts, ()))
    assert len(hub.account.leads) == (1 if outcome is LeadOutcome.LEAD else 0)
    assert (len(hub.account.contacts), len(hub.account.call_notes())) == (1, 1)


def test_the_settings_are_what_the_built_in_rules_say() -> None:
    assert RULES.stranger({"unknown_caller": "nothing"}) is LeadOutcome.NOTHING
    assert RULES.outbound({"unknown_outbound": "nothing"}) is LeadOutcome.NOTHING
    rules = default_rules(LeadOutcome.UNSORTED, "en", LeadOutcome.NOTHING)
    (called,) = [rule for rule in rules.policy if Situation.OUTBOUND_ANSWERED in rule.situation]
    assert (called.outcome, called.person) == (LeadOutcome.NOTHING, (PersonState.UNKNOWN,))
    assert RULES.outbound({}) is LeadOutcome.ACTIVITY_ONLY


def test_a_checkbox_gets_true_or_false() -> None:
    assert field_item(FieldValue("lead", "UNIQUE", "1", kind="flag"))["values"] == [{"value": True}]
    assert field_item(FieldValue("lead", "UNIQUE", "0", kind="flag"))["values"] == [{"value": False}]


def test_several_choices_and_a_number_get_the_shapes_that_amocrm_takes() -> None:
    """Through the stand-in that judges each body (amocrm.md §4.4)."""
    with AmoCrmSimulator() as simulator:
        simulator.settings.limited = False
        account = simulator.account
        several = add_field(account, "leads", "Goods", None, "multiselect", enums=("Doors", "Windows", "Floors"))
        one = add_field(account, "leads", "Kind", None, "select", enums=("Retail", "Wholesale"))
        stand = AmocrmStand(simulator)
        facts = replace(
            call(user_id="505"),
            orders=CardOrders(
                treatments={"unknown": Treatment(LeadOutcome.LEAD, "ads")},
                fields=(
                    FieldValue("lead", str(several["id"]), "Doors; Floors"),
                    FieldValue("lead", str(one["id"]), "Retail"),
                    FieldValue("contact", "EMAIL", "olga@acme.example"),
                    FieldValue("contact", "PHONE", "8 (900) 123-45-67", always=True),
                ),
            ),
        )
        done = stand.bring((log(facts), Intent(IntentKind.SET_CARD, "card", facts, ())))
        assert "left_out" not in done["card"]
        (lead,), (contact,) = simulator.leads(), simulator.contacts()
        held = {str(field["field_id"]): field["values"] for field in lead["custom_fields_values"] or ()}
        assert [value["value"] for value in held[str(several["id"])]] == ["Doors", "Floors"]
        assert [value["value"] for value in held[str(one["id"])]] == ["Retail"]
        emails = [field for field in contact["custom_fields_values"] if field["field_code"] == "EMAIL"]
        assert emails[0]["values"][0]["enum_code"] == "WORK"
        phones = [field for field in contact["custom_fields_values"] if field["field_code"] == "PHONE"]
        assert [value["value"] for value in phones[0]["values"]] == ["+79001234567"]
        assert stand.offences() == []
