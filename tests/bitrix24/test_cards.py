"""The client's card: source, task, note."""

from __future__ import annotations

import pytest

from connectors.bitrix24.crm import Bitrix24Crm
from connectors.bitrix24.translate_cards import marker
from connectors.contract import Step, StepResult
from hub.domain.errors import OutcomeUnknown, Rejected, Unreachable
from hub.domain.intents import IntentKind
from hub.domain.party import Party, Source
from tests.bitrix24.portal import FINISHED, KNOWN_CLIENT, FakePortal, facts, intent, refusal, reply, step

CRM = Bitrix24Crm()
TODO, SEARCH, COMMENT = "crm.activity.todo.add", "telephony.externalCall.searchCrmEntities", "crm.timeline.comment.add"
YANDEX = facts(source=Source("yandex", "cpc"))
CONTACT_FINISHED: StepResult = {**FINISHED, "entity_type": "CONTACT", "entity_id": "871"}


def source(**done: StepResult) -> Step:
    return step("source", intent(IntentKind.SET_SOURCE, YANDEX), **done)


def test_the_source_goes_on_the_card_that_this_call_created() -> None:
    portal = FakePortal().on("crm.lead.update", reply(True))
    assert CRM.perform(source(), portal.door) == {"updated": ["LEAD:5102"], "missing": []}
    (params,) = portal.params("crm.lead.update")
    assert (params["id"], params["params"]) == (5102, {"REGISTER_SONET_EVENT": "N"})
    assert params["fields"] == {
        "UTM_SOURCE": "yandex",
        "UTM_MEDIUM": "cpc",
        "SOURCE_DESCRIPTION": "yandex / cpc",
    }


def test_simple_crm_gets_the_source_on_contact_and_deal() -> None:
    created = [{"type": "CONTACT", "id": "871"}, {"type": "DEAL", "id": "33"}]
    portal = FakePortal().on("crm.contact.update", reply(True)).on("crm.deal.update", reply(True))
    result = CRM.perform(source(register={**KNOWN_CLIENT, "created": created}), portal.door)
    assert result["updated"] == ["CONTACT:871", "DEAL:33"]


def test_a_known_client_keeps_their_source() -> None:
    portal = FakePortal()
    assert "skipped" in CRM.perform(source(register=KNOWN_CLIENT), portal.door)
    assert portal.http.asked == []


def test_no_source_is_no_update() -> None:
    portal = FakePortal()
    assert "skipped" in CRM.perform(step("source", intent(IntentKind.SET_SOURCE)), portal.door)
    assert portal.http.asked == []


@pytest.mark.parametrize("gone", [refusal("Not found", ""), refusal("x", "NOT_FOUND")])
def test_a_card_that_was_deleted_meanwhile_is_said_not_failed(gone: object) -> None:
    portal = FakePortal().on("crm.lead.update", gone)  # type: ignore[arg-type]
    assert CRM.perform(source(), portal.door) == {"updated": [], "missing": ["LEAD:5102"]}


def test_a_refused_source_keeps_the_vendors_words() -> None:
    portal = FakePortal().on("crm.lead.update", refusal("Access denied.", ""))
    with pytest.raises(Rejected, match="Access denied"):
        CRM.perform(source(), portal.door)


# --- Tasks -----------------------------------------------------------------------------------------


def task(call: object = None, **done: StepResult) -> Step:
    what = intent(IntentKind.ADD_TASK, call, key="task", title="Call back", text="Missed")  # type: ignore[arg-type]
    return step("task", what, **{"finish": FINISHED, **done})


def of_known_client(call: object = None) -> Step:
    return task(call, register=KNOWN_CLIENT, finish=CONTACT_FINISHED)


def found(kind: str, entity_id: object, owner: object) -> dict[str, object]:
    return {"CRM_ENTITY_TYPE": kind, "CRM_ENTITY_ID": entity_id, "ASSIGNED_BY_ID": owner}


def test_a_task_on_a_new_lead_is_for_whom_the_call_was_for() -> None:
    portal = FakePortal().on(TODO, reply({"id": 61002}))
    step_ = task()
    assert CRM.perform(step_, portal.door) == {"task_id": "61002"}
    (params,) = portal.params(TODO)
    assert (params["ownerTypeId"], params["ownerId"], params["responsibleId"]) == (1, 5102, 42)
    assert marker(step_.intent) in params["description"]
    assert portal.methods == [TODO]


def test_a_task_of_a_known_client_is_for_the_cards_owner() -> None:
    rows = [found("COMPANY", 871, 8), found("CONTACT", "871", "77")]
    portal = FakePortal().on(SEARCH, reply(rows)).on(TODO, reply({"id": "61002"}))
    CRM.perform(of_known_client(), portal.door)
    assert portal.params(TODO)[0]["responsibleId"] == 77
    assert portal.params(SEARCH)[0]["PHONE_NUMBER"] == "+79001234567"
    assert not portal.http.asked[0].write


def test_an_owner_that_the_hub_knows_is_not_asked_for() -> None:
    portal = FakePortal().on(TODO, reply({"id": 1}))
    CRM.perform(of_known_client(facts(party=Party("CONTACT", "871", owner_user_id="66"))), portal.door)
    assert portal.params(TODO)[0]["responsibleId"] == 66
    assert portal.methods == [TODO]


@pytest.mark.parametrize("answer", [reply([]), reply([found("LEAD", 1, 2)]), refusal("CRM is not installed.")])
def test_an_unknown_owner_leaves_the_task_to_whom_the_call_was_for(answer: object) -> None:
    portal = FakePortal().on(SEARCH, answer).on(TODO, reply({"id": 1}))  # type: ignore[arg-type]
    CRM.perform(of_known_client(), portal.door)
    assert portal.params(TODO)[0]["responsibleId"] == 42


def test_a_call_that_nobody_had_leaves_the_task_to_whom_it_was_registered_on() -> None:
    portal = FakePortal().on(TODO, reply({"id": 1}))
    CRM.perform(task(facts(user_id=None)), portal.door)
    assert portal.params(TODO)[0]["responsibleId"] == 42


def test_an_owner_who_cannot_be_asked_for_now_leaves_the_task_unsent() -> None:
    portal = FakePortal().on(SEARCH, Unreachable("down"))
    with pytest.raises(Unreachable):
        CRM.perform(of_known_client(), portal.door)
    assert TODO not in portal.methods


def test_a_call_on_no_card_gets_no_task_and_no_note() -> None:
    nowhere: StepResult = {"entity_type": None, "entity_id": None}
    portal = FakePortal()
    unbound = task(register={**KNOWN_CLIENT, **nowhere}, finish={**FINISHED, **nowhere})
    assert "skipped" in CRM.perform(unbound, portal.door)
    note = step("note:n", intent(IntentKind.ADD_NOTE), register={**KNOWN_CLIENT, **nowhere})
    assert "skipped" in CRM.perform(note, portal.door)
    assert portal.http.asked == []


@pytest.mark.parametrize("answer", [reply([]), reply({"id": None}), reply(True)])
def test_a_task_without_id_is_an_unknown_outcome(answer: object) -> None:
    portal = FakePortal().on(TODO, answer)  # type: ignore[arg-type]
    with pytest.raises(OutcomeUnknown):
        CRM.perform(task(), portal.door)


def test_a_task_is_closed_by_its_own_id() -> None:
    portal = FakePortal().on("crm.activity.update", reply(True))
    closing = step("close_task:61002", intent(IntentKind.CLOSE_TASK, about="61002"))
    assert CRM.perform(closing, portal.door) == {"closed": True}
    (params,) = portal.params("crm.activity.update")
    assert (params["id"], params["fields"]) == (61002, {"COMPLETED": "Y"})


@pytest.mark.parametrize("gone", [refusal("Activity is not found.", ""), refusal("gone", "NOT_FOUND")])
def test_a_task_that_is_gone_is_as_good_as_closed(gone: object) -> None:
    portal = FakePortal().on("crm.activity.update", gone)  # type: ignore[arg-type]
    closing = step("close_task:61002", intent(IntentKind.CLOSE_TASK, about="61002"))
    assert CRM.perform(closing, portal.door) == {"closed": False}


def test_a_task_that_may_not_be_closed_is_refused() -> None:
    portal = FakePortal().on("crm.activity.update", refusal("Access denied.", ""))
    with pytest.raises(Rejected):
        CRM.perform(step("close_task:1", intent(IntentKind.CLOSE_TASK, about="1")), portal.door)


# --- Notes -----------------------------------------------------------------------------------------


def test_a_note_goes_on_the_calls_card() -> None:
    portal = FakePortal().on(COMMENT, reply(7))
    what = intent(IntentKind.ADD_NOTE, key="n", text="From the form")
    assert CRM.perform(step("note:n", what, finish=CONTACT_FINISHED), portal.door) == {"comment_id": "7"}
    (params,) = portal.params(COMMENT)
    assert params["fields"] == {
        "ENTITY_ID": 871,
        "ENTITY_TYPE": "contact",
        "COMMENT": f"From the form\n{marker(what)}",
    }


def test_a_note_without_id_is_an_unknown_outcome() -> None:
    portal = FakePortal().on(COMMENT, reply([]))
    with pytest.raises(OutcomeUnknown):
        CRM.perform(step("note:n", intent(IntentKind.ADD_NOTE, key="n", text="x")), portal.door)
