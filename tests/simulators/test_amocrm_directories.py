"""Tasks, links, sources and dictionaries of the simulated account (amocrm.md §3.8, §3.9, §4.1, §4.5)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulators.amocrm import AmoCrmSimulator, ManualClock
from tests.simulators.amocrm_talk import PHONE, Talk, call


@pytest.fixture
def amo() -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator(clock=ManualClock()) as simulator:
        simulator.settings.limited = False
        yield simulator


@pytest.fixture
def talk(amo: AmoCrmSimulator) -> Talk:
    return Talk(amo)


def test_task_needs_text_and_time_and_is_completed(amo: AmoCrmSimulator, talk: Talk) -> None:
    contact = amo.add_contact(PHONE)
    task = {"text": "Call back", "complete_till": 1_788_003_600, "task_type_id": 1, "request_id": "t-1"}
    task |= {"entity_type": "contacts", "entity_id": contact, "responsible_user_id": 504}
    (made,) = talk.ok("POST", "tasks", [task])["_embedded"]["tasks"]
    assert made["request_id"] == "t-1"
    open_ones = (
        f"tasks?filter[is_completed]=0&filter[entity_type]=contacts&filter[entity_id][]={contact}&filter[task_type]=1"
    )
    assert [one["id"] for one in talk.ok("GET", open_ones)["_embedded"]["tasks"]] == [made["id"]]
    talk.ok("PATCH", f"tasks/{made['id']}", {"is_completed": True, "result": {"text": "reached"}})
    assert talk.ask("GET", open_ones)[0] == 204
    assert (amo.tasks()[0]["is_completed"], amo.tasks()[0]["result"]) == (True, {"text": "reached"})
    assert amo.report()["tasks_per_phone"] == {"9001234567": 1}
    for name in ("text", "complete_till"):
        lacking = {key: value for key, value in task.items() if key != name}
        assert talk.refused("POST", "tasks", [lacking])[0][1:] == ("FieldMissing", name)
    assert talk.refused("POST", "tasks", [{**task, "entity_id": 77}])[0][2] == "entity_id"
    assert talk.refused("POST", "tasks", [{**task, "complete_till": 1_788_003_600_000}])[0][1] == "InvalidType"


def test_second_open_task_on_one_card_is_noted(amo: AmoCrmSimulator, talk: Talk) -> None:
    contact = amo.add_contact(PHONE)
    task = {"text": "x", "complete_till": 1_788_003_600, "entity_type": "contacts", "entity_id": contact}
    talk.ok("POST", "tasks", [task])
    assert amo.offences("task_doubled") == []
    talk.ok("POST", "tasks", [task])
    assert amo.offences("task_doubled")


def test_links_are_made_read_and_taken_away(amo: AmoCrmSimulator, talk: Talk) -> None:
    contact, lead = amo.add_contact(PHONE), amo.add_entity("leads", {"name": "L"})
    item = {"to_entity_id": contact, "to_entity_type": "contacts", "metadata": {"is_main": True}}
    talk.ok("POST", f"leads/{lead}/link", [item])
    (link,) = talk.ok("GET", f"contacts/{contact}/links")["_embedded"]["links"]
    assert (link["to_entity_type"], link["to_entity_id"]) == ("leads", lead)
    talk.ok("POST", f"leads/{lead}/link", [item])
    assert amo.offences("linked_again")
    amo.settings.relink_fails = True
    assert talk.ask("POST", f"leads/{lead}/link", [item])[0] == 500
    assert talk.ask("POST", f"leads/{lead}/unlink", [item]) == (204, None)
    assert talk.ask("GET", f"leads/{lead}/links")[0] == 204


def test_source_is_the_integrations_own_and_set_only_on_creation(amo: AmoCrmSimulator, talk: Talk) -> None:
    (source,) = talk.ok("POST", "sources", [{"name": "Yandex", "external_id": "ad:y"}])["_embedded"]["sources"]
    assert talk.refused("POST", "sources", [{"name": "Y2", "external_id": "ad:y"}])[0][2] == "external_id"
    embedded = {"_embedded": {"source": {"type": "widget", "external_id": "ad:y"}}}
    (made,) = talk.ok("POST", "leads", [{"name": "L", **embedded}])["_embedded"]["leads"]
    assert talk.ok("GET", f"leads/{made['id']}?with=source_id")["source_id"] == source["id"]
    unknown = {"_embedded": {"source": {"type": "widget", "external_id": "nope"}}}
    assert talk.refused("POST", "leads", [unknown])[0][2] == "_embedded.source.external_id"
    assert talk.ask("DELETE", f"sources/{source['id']}") == (204, None)
    assert talk.ask("GET", "sources")[0] == 204
    (again,) = talk.ok("POST", "sources", [{"name": "Yandex", "external_id": "ad:y"}])["_embedded"]["sources"]
    assert again["id"] == source["id"]


def test_people_pipelines_and_account_are_read(amo: AmoCrmSimulator, talk: Talk) -> None:
    users = talk.ok("GET", "users?with=phone_number&limit=250")
    assert (users["_total_items"], users["_page_count"]) == (4, 1)
    assert users["_embedded"]["users"][1]["phone_number"] == "101"
    assert Talk(amo, amo.token_of(504)).ask("GET", "users")[0] == 403
    pipelines = talk.ok("GET", "leads/pipelines")["_embedded"]["pipelines"]
    main = pipelines[0]
    assert (main["is_main"], main["is_unsorted_on"]) == (True, True)
    statuses = {status["id"]: status["type"] for status in main["_embedded"]["statuses"]}
    assert statuses == {3101: 1, 3102: 0, 3103: 0, 142: 0, 143: 0}
    account = talk.ok("GET", "account?with=task_types,datetime_settings")
    assert (account["id"], account["subdomain"]) == (555, "demo")
    assert [one["id"] for one in account["_embedded"]["task_types"]] == [1, 2]


def test_widget_settings_are_kept(talk: Talk) -> None:
    assert talk.ok("POST", "widgets/dozvon", {"phones": {"504": "101"}})["settings"] == {"phones": {"504": "101"}}
    assert talk.ok("GET", "widgets")["_embedded"]["widgets"][0]["code"] == "dozvon"
    assert talk.ask("DELETE", "widgets/dozvon")[0] == 204
    assert talk.ask("GET", "widgets/dozvon")[0] == 404


def test_log_is_read_by_kind_and_period_newest_first(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.add_contact(PHONE)
    talk.ok("POST", "calls", [call()])
    kinds = [one["type"] for one in talk.ok("GET", "events")["_embedded"]["events"]]
    assert kinds == ["incoming_call", "contact_added"]
    (logged,) = talk.ok("GET", "events?filter[type]=incoming_call,outgoing_call")["_embedded"]["events"]
    assert logged["entity_type"] == "contact"
    assert talk.ask("GET", "events?filter[created_at]=1787000000,1787999999")[0] == 204
    assert talk.ask("GET", "events?filter[created_at]=1788000000,1788000001")[0] == 200
