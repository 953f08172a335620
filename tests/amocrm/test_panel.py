"""What the hub answers to the widget, and to whom (amocrm.md §1.9, §6.3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from connectors.amocrm.events import AmocrmHook
from hub.db.tables import AuditRow, EmployeeRow
from hub.domain.notices import DialRequested
from hub.domain.phone import Phone
from simulators.amocrm import AmoCrmSimulator
from tests.amocrm.house import House
from tests.amocrm.shop import ADMIN, ANNA, BORIS, CLIENT, add_call, add_visit, audience, furnish
from webhooks.contract import News, ParseContext


@pytest.fixture
def crm(house: House, amo: AmoCrmSimulator) -> int:
    return furnish(house, amo)


def ask(
    house: House, amo: AmoCrmSimulator, user_id: int, path: str, document: Any = None, token: str = ""
) -> TestResponse:
    headers = {"X-Auth-Token": token or amo.widget_token(user_id, audience()), "Origin": "https://demo.amocrm.ru"}
    client = house.app.test_client()
    if document is None:
        return client.get(f"/amocrm/widget/{path}", headers=headers)
    return client.post(f"/amocrm/widget/{path}", headers=headers, json=document)


def test_the_state_is_told_and_nobodys_extension(house: House, amo: AmoCrmSimulator, crm: int) -> None:
    for user in (ANNA, ADMIN):
        assert ask(house, amo, user, "state").get_json() == {"state": "active"}
    amo.disconnect()
    house.app.test_client().get("/amocrm/disconnect")
    with house.database.transaction() as session:
        from hub.db.tables import Connection

        session.get_one(Connection, crm).state = "needs_reconnect"
    assert ask(house, amo, ANNA, "state").get_json()["state"] == "stopped"


def ticket_for(house: House, amo: AmoCrmSimulator, user_id: int, language: str = "en") -> str:
    return str(ask(house, amo, user_id, "people", {"language": language}).get_json()["ticket"])


def test_an_administrator_says_who_has_which_extension(house: House, amo: AmoCrmSimulator, crm: int) -> None:
    client = house.app.test_client()
    ticket = ticket_for(house, amo, ADMIN)
    page = client.post("/amocrm/people", data={"ticket": ticket})
    assert "Борис" in page.text
    assert f"frame-ancestors {amo.base_url}" in page.headers["Content-Security-Policy"]
    assert f'data-parent="{amo.base_url}"' in page.text
    form = {"ticket": ticket, "only": "1", "user": [str(BORIS)], "was": [""], "extension": ["102"]}
    assert "1 line was kept" in client.post("/amocrm/people", data=form).text
    with house.database.reading() as session:
        rows = session.scalars(select(EmployeeRow).order_by(EmployeeRow.id))
        found = [(row.name, dict(row.extensions), dict(row.users)) for row in rows]
        actors = session.scalars(select(AuditRow.actor).where(AuditRow.action == "employees.change")).all()
    assert found == [("Анна", {"*": "101"}, {"amo": str(ANNA)}), ("Борис", {"mango": "102"}, {"amo": str(BORIS)})]
    assert actors == [f"amocrm:{ADMIN}"]
    assert [ask(house, amo, BORIS, "call", {"phone": CLIENT}).status_code] == [202]


def test_others_see_the_table_and_change_nothing(house: House, amo: AmoCrmSimulator, crm: int) -> None:
    ticket = ticket_for(house, amo, ANNA, "ru")
    client = house.app.test_client()
    page = client.post("/amocrm/people", data={"ticket": ticket}).text
    assert "Изменить это может администратор CRM" in page
    form = {"ticket": ticket, "all": "1", "user": [str(BORIS)], "was": [""], "extension": ["102"]}
    assert client.post("/amocrm/people", data=form).status_code == 403
    with house.database.reading() as session:
        assert session.query(EmployeeRow).count() == 1


def test_the_widgets_token_buys_one_ticket(house: House, amo: AmoCrmSimulator, crm: int) -> None:
    token = amo.widget_token(ADMIN, audience())
    assert [ask(house, amo, ADMIN, "people", {}, token).status_code for _ in range(2)] == [200, 403]
    odd: list[Any] = [[], "x", {"language": "tlh"}, {"language": ["ru"]}]
    for document in odd:
        ticket = ask(house, amo, ADMIN, "people", document).get_json()["ticket"]
        answer = house.app.test_client().post("/amocrm/people", data={"ticket": ticket})
        assert (answer.status_code, 'lang="ru"' in answer.text) == (200, True)


def test_a_card_shows_the_clients_calls_with_source_and_pages(house: House, amo: AmoCrmSimulator, crm: int) -> None:
    contact = amo.add_contact("8 (900) 123-45-67")
    lead = amo.add_entity("leads", {"name": "Order"})
    amo.link(lead, contact)
    stranger = amo.add_contact("+79990000000")
    add_visit(house, add_call(house, source="yandex", medium="cpc", campaign="doors"))
    for kind, number in (("contact", contact), ("lead", lead)):
        (call,) = ask(house, amo, ANNA, f"visit?kind={kind}&id={number}").get_json()["calls"]
        assert (call["source"], call["direction"], call["talk_seconds"]) == ("yandex / cpc / doors", "inbound", 25)
        assert [page["title"] for page in call["visit"]["pages"]] == ["Двери", "Доставка"]
        assert call["visit"]["landing"] == "https://acme.example/doors"
    for query in (f"kind=contact&id={stranger}", "kind=contact&id=1%2F..", "kind=task&id=1", ""):
        assert ask(house, amo, ANNA, f"visit?{query}").get_json() == {"calls": []}


def test_an_account_that_does_not_answer_is_said_so(house: House, amo: AmoCrmSimulator, crm: int) -> None:
    amo.settings.paid = False
    assert ask(house, amo, ANNA, "visit?kind=contact&id=1100").status_code == 503


def test_who_is_rung_sees_the_call_and_nobody_else(house: House, amo: AmoCrmSimulator, crm: int) -> None:
    add_call(house, over=False)
    (one,) = ask(house, amo, ANNA, "ringing").get_json()["items"]
    assert (one["phone"], one["line"], one["name"]) == ("+7 900 123-45-67", "+7 495 000-00-01", "")
    assert ask(house, amo, BORIS, "ringing").get_json() == {"items": []}


def test_a_call_that_is_talked_or_over_rings_no_more(house: House, amo: AmoCrmSimulator, crm: int) -> None:
    add_call(house, over=False, talking=True)
    add_call(house)
    assert ask(house, amo, ANNA, "ringing").get_json() == {"items": []}


def test_a_click_becomes_a_call_that_is_ordered_once(house: House, amo: AmoCrmSimulator, crm: int) -> None:
    token = amo.widget_token(ANNA, audience())
    answers = [ask(house, amo, ANNA, "call", {"phone": "8 (900) 123-45-67"}, token) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 403]
    assert answers[0].get_json() == {"status": "ok"}
    ((connection_id, item),) = house.kept
    assert connection_id == crm
    news = AmocrmHook().parse(item, ParseContext("RU", {"account_id": str(amo.account.id)}))
    assert news == News((DialRequested(Phone(CLIENT, CLIENT), str(ANNA)),))


def test_an_account_cannot_post_a_click_through_its_webhook(amo: AmoCrmSimulator) -> None:
    from tests.amocrm.test_events import SECRETS, request

    for name in ("widget click", "widget", "widget[click][0][phone]", "click[phone][0]"):
        form = {name: "1", "phone": CLIENT, "user": str(ANNA)}
        (item,) = AmocrmHook().admit(request(form), SECRETS).items
        assert not isinstance(AmocrmHook().parse(item, ParseContext("RU", {})), News)


def test_why_a_click_is_refused_is_told_by_a_word(house: House, amo: AmoCrmSimulator, crm: int) -> None:
    def said(user_id: int, phone: object) -> tuple[int, str]:
        answer = ask(house, amo, user_id, "call", {"phone": phone})
        return answer.status_code, answer.get_json()["reason"]

    assert said(BORIS, CLIENT) == (409, "no_extension")
    nonsense: list[object] = ["", "abc", None, [], "12"]
    for phone in nonsense:
        assert said(ANNA, phone) == (422, "bad_number")
    add_call(house, over=False, talking=True)
    assert said(ANNA, CLIENT) == (409, "agent_busy")
    assert house.kept == []


def test_strangers_forged_and_ended_tokens_hear_nothing(house: House, amo: AmoCrmSimulator, crm: int) -> None:
    good = amo.widget_token(ANNA, audience())
    head, body, _ = good.split(".")
    other = amo.accounts[1].widget_token(ADMIN, audience())
    for path in ("state", "ringing", "visit?kind=contact&id=1"):
        for token in ("x", f"{head}.{body}.AAAA", other, amo.widget_token(ANNA, "http://evil.example"), "a" * 9000):
            answer = ask(house, amo, ANNA, path, token=token)
            assert (answer.status_code, answer.get_json()["reason"]) == (403, "refused")
    for path in ("call", "people", "claim"):
        assert ask(house, amo, ANNA, path, {"phone": CLIENT}, other).status_code == 403
    house.wait(timedelta(minutes=31))
    assert ask(house, amo, ANNA, "state", token=good).status_code == 403
