"""A book of rules that is longer than a page."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from hub.config import Settings
from hub.db.engine import Database
from hub.web.rules.excerpt import AT_ONCE
from tests.web.conftest import Notes, csrf_of, log_in
from tests.web.rule_stage import add_world, rules_app
from tests.web.seed import Seeded

COUNT = 2 * AT_ONCE + 50


@pytest.fixture
def client(settings: Settings, database: Database, notes: Notes, acme: Seeded) -> FlaskClient:
    add_world(database, acme)
    made = log_in(rules_app(settings, database, notes), acme)
    rows = (f"rule {place}\tinbound_missed\t+7495{place:07d}\t\tunknown\tlead" for place in range(1, COUNT + 1))
    sent = {"csrf_token": csrf_of(made.get(book(acme)).text), "table": "\n".join(rows)}
    assert made.post(f"{book(acme)}/import", data=sent).status_code == 303
    return made


def book(acme: Seeded) -> str:
    return f"/admin/rules/{acme.crm_id}"


def places(text: str) -> list[int]:
    return [int(place) for place in re.findall(r'id="rule-(\d+)"', text)]


def test_a_long_book_is_shown_page_by_page(client: FlaskClient, acme: Seeded) -> None:
    page = client.get(book(acme)).text
    assert places(page) == list(range(1, AT_ONCE + 1))
    last = client.get(f"{book(acme)}?at=201").text
    assert places(last) == list(range(201, COUNT + 1))
    assert re.findall(r'aria-current="page">(\d+)–(\d+)<', last) == [("201", "250")]
    assert places(client.get(f"{book(acme)}?at=9999").text) == places(last)
    assert (
        places(client.get(f"{book(acme)}?at=-1").text) == places(client.get(f"{book(acme)}?at=x").text) == places(page)
    )


def test_all_of_a_long_book_is_searched(client: FlaskClient, acme: Seeded) -> None:
    assert places(client.get(f"{book(acme)}?q=RULE 249").text) == [249]
    assert places(client.get(book(acme), query_string={"q": "+74950000201"}).text) == [201]
    assert len(places(client.get(f"{book(acme)}?q=inbound, missed&at=101").text)) == AT_ONCE
    assert places(client.get(f"{book(acme)}?q=nobody said so").text) == []


def test_a_rule_that_moves_to_another_page_is_gone_after(client: FlaskClient, acme: Seeded) -> None:
    page = client.get(book(acme)).text
    revision = re.search(r'name="revision" value="(\d+)"', page)
    assert revision is not None
    sent = {"csrf_token": csrf_of(page), "revision": revision.group(1), "act": "down"}
    answer = client.post(f"{book(acme)}/rule/{AT_ONCE}/move", data=sent)
    assert answer.location == f"{book(acme)}?at={AT_ONCE + 1}#rule-{AT_ONCE + 1}"
    assert f'id="rule-{AT_ONCE + 1}"' in client.get(answer.location).text
    assert re.search(rf'id="rule-{AT_ONCE + 1}".*rule {AT_ONCE}<', client.get(answer.location).text)
