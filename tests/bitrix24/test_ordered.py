"""What the rules order for a card of Bitrix24, and what the steps make of it."""

from __future__ import annotations

from connectors.bitrix24.crm import Bitrix24Crm
from connectors.bitrix24.steps import steps_for
from connectors.bitrix24.translate import register_params
from connectors.contract import Step, StepResult, Unsupported
from hub.domain.intents import CallFacts, IntentKind
from hub.domain.treatment import CardOrders, FieldValue, LeadOutcome, Treatment
from tests.bitrix24.portal import FINISHED, KNOWN_CLIENT, FakePortal, facts, intent, refusal, reply, step

CRM = Bitrix24Crm()
DRESS = Treatment(LeadOutcome.LEAD, "ads", "5", "IN_PROCESS", "From ads", "42")
FIELDS = (FieldValue("lead", "UF_A", "a"), FieldValue("contact", "UF_B", "b", always=True))


def ordered(**orders: object) -> CallFacts:
    return facts(orders=CardOrders(treatments={"unknown": DRESS}, fields=FIELDS, **orders))  # type: ignore[arg-type]


def card(**done: StepResult) -> Step:
    return step("card", intent(IntentKind.SET_CARD, ordered()), **done)


def test_a_new_lead_is_dressed_as_the_rules_say() -> None:
    portal = FakePortal().on("crm.lead.update", reply(True)).on("crm.lead.userfield.list", reply([]))
    assert CRM.perform(card(finish=FINISHED), portal.door) == {"updated": ["LEAD:5102"], "missing": []}
    (params,) = portal.params("crm.lead.update")
    assert params["fields"] == {"UF_A": "a", "ASSIGNED_BY_ID": 42, "TITLE": "From ads", "STATUS_ID": "IN_PROCESS"}


def test_a_new_deal_goes_into_its_pipeline_and_its_contact_gets_its_own_fields() -> None:
    created = [{"type": "CONTACT", "id": "871"}, {"type": "DEAL", "id": "33"}]
    portal = FakePortal().on("crm.contact.update", reply(True)).on("crm.deal.update", reply(True))
    portal.on("crm.contact.userfield.list", refusal("insufficient_scope", "no right to read them"))
    CRM.perform(card(register={**KNOWN_CLIENT, "created": created}), portal.door)
    (deal,), (contact,) = portal.params("crm.deal.update"), portal.params("crm.contact.update")
    assert deal["fields"] == {"ASSIGNED_BY_ID": 42, "TITLE": "From ads", "CATEGORY_ID": 5, "STAGE_ID": "IN_PROCESS"}
    assert contact["fields"] == {"UF_B": "b", "ASSIGNED_BY_ID": 42}


def test_a_known_client_gets_only_the_fields_that_go_always() -> None:
    known: StepResult = {**FINISHED, "entity_type": "CONTACT", "entity_id": "871"}
    portal = FakePortal().on("crm.contact.update", reply(True)).on("crm.contact.userfield.list", reply([]))
    CRM.perform(card(register=KNOWN_CLIENT, finish=known), portal.door)
    (params,) = portal.params("crm.contact.update")
    assert params["fields"] == {"UF_B": "b"}


def test_a_card_that_is_gone_is_said_and_spoils_nothing() -> None:
    portal = FakePortal().on("crm.lead.update", refusal("Not found", "")).on("crm.lead.userfield.list", reply([]))
    assert CRM.perform(card(finish=FINISHED), portal.door)["missing"] == ["LEAD:5102"]


def test_the_source_of_the_rules_stands_before_the_connection_s() -> None:
    wanted = ordered(crm_source="ADVERTISING")
    assert register_params(wanted, {}, timezone="UTC", source_id="CALL")["CRM_SOURCE"] == "ADVERTISING"
    assert register_params(ordered(), {}, timezone="UTC", source_id="CALL")["CRM_SOURCE"] == "CALL"


def test_no_card_is_shown_while_the_rules_have_not_decided() -> None:
    undecided = facts(orders=CardOrders(undecided=True))
    assert isinstance(steps_for(intent(IntentKind.SHOW_CARD, undecided, about="42")), Unsupported)


def test_each_own_field_gets_its_value_in_the_shape_of_its_type() -> None:
    listed = [{"ID": "31", "VALUE": "Яндекс"}, {"ID": "32", "VALUE": "Google"}]
    types: dict[str, dict[str, object]] = {
        "UF_LIST": {"USER_TYPE_ID": "enumeration", "LIST": listed},
        "UF_NO_ITEM": {"USER_TYPE_ID": "enumeration", "LIST": listed},
        "UF_LISTS": {"USER_TYPE_ID": "enumeration", "LIST": listed, "MULTIPLE": "Y"},
        "UF_PAGES": {"USER_TYPE_ID": "string", "MULTIPLE": "Y"},
        "UF_DAY": {"USER_TYPE_ID": "date"},
        "UF_MOMENT": {"USER_TYPE_ID": "datetime"},
        "UF_MONEY": {"USER_TYPE_ID": "money"},
        "UF_EUROS": {"USER_TYPE_ID": "money"},
        "UF_LINK": {"USER_TYPE_ID": "url"},
    }
    values = {
        "UF_LIST": "яндекс", "UF_NO_ITEM": "vk", "UF_LISTS": "Google; Яндекс; vk", "UF_PAGES": "/a\n/b",
        "UF_DAY": "2026-08-31T22:30:00+00:00", "UF_MOMENT": "2026-08-31T22:30:00+00:00", "UF_MONEY": "1500",
        "UF_EUROS": "20|EUR", "UF_LINK": "https://acme.example/a", "PHONE": "+74950000009", "UF_UNKNOWN": "as it is",
    }  # fmt: skip
    wanted = tuple(FieldValue("lead", name, value) for name, value in values.items())
    definitions = [{"FIELD_NAME": name, **more} for name, more in types.items()]
    portal = FakePortal().on("crm.lead.update", reply(True)).on("crm.lead.userfield.list", reply(definitions))
    orders = facts(orders=CardOrders(fields=wanted))
    CRM.perform(step("card", intent(IntentKind.SET_CARD, orders), finish=FINISHED), portal.door)
    (params,) = portal.params("crm.lead.update")
    assert params["fields"] == {
        "UF_LIST": "31", "UF_LISTS": ["32", "31"], "UF_PAGES": ["/a", "/b"], "UF_DAY": "2026-09-01",
        "UF_MOMENT": "2026-08-31T22:30:00+00:00", "UF_MONEY": "1500|RUB", "UF_EUROS": "20|EUR",
        "UF_LINK": "https://acme.example/a", "PHONE": [{"VALUE": "+74950000009", "VALUE_TYPE": "WORK"}],
        "UF_UNKNOWN": "as it is",
    }  # fmt: skip


def test_the_number_that_the_card_has_already_is_not_put_there_twice() -> None:
    portal = FakePortal().on("crm.lead.update", reply(True))
    orders = facts(orders=CardOrders(fields=(FieldValue("lead", "PHONE", "+7 900 123-45-67"),
                                             FieldValue("lead", "COMMENTS", "from the hub"))))  # fmt: skip
    CRM.perform(step("card", intent(IntentKind.SET_CARD, orders), finish=FINISHED), portal.door)
    (params,) = portal.params("crm.lead.update")
    assert params["fields"] == {"COMMENTS": "from the hub"}
