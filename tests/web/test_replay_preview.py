"""What a replay would send again is shown before anything is sent."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from hub.db.engine import Database
from tests.web.conftest import Notes, csrf_of, log_in
from tests.web.seed import Seeded, add_call, add_delivery, add_trouble

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WORDS = "ERROR_CORE: no such field"


def chosen(page: str) -> list[int]:
    form = page[page.index("/admin/deliveries/replay") :]
    return sorted(int(number) for number in re.findall(r'name="id" value="(\d+)"', form))


def test_preview_names_the_vendors_words_and_sends_nothing(
    app: Flask, acme: Seeded, database: Database, notes: Notes
) -> None:
    call_id = add_call(database, acme)
    dead = [add_delivery(database, acme, call_id, state="dead", words=WORDS) for _ in range(2)]
    done = add_delivery(database, acme, call_id)
    client = log_in(app, acme)
    page = client.get(f"/admin/deliveries/preview?id={dead[0]}&id={dead[1]}&id={done}").text
    assert WORDS in page
    assert "+7 900 123-45-67" in page
    assert "1 are done or at work" in page
    assert chosen(page) == dead
    assert notes.deliveries == []
    client.post(
        "/admin/deliveries/replay", data={"csrf_token": csrf_of(page), "id": [str(row) for row in chosen(page)]}
    )
    assert notes.deliveries == [(dead, acme.workspace_id)]


def test_all_that_may_go_again_are_those_of_the_list(app: Flask, acme: Seeded, database: Database) -> None:
    call_id = add_call(database, acme)
    states = ("dead", "expired", "blocked", "waiting", "done")
    ids = {state: add_delivery(database, acme, call_id, state=state) for state in states}
    client = log_in(app, acme)
    assert chosen(client.get("/admin/deliveries/preview?all=1&view=dead").text) == [ids["dead"], ids["expired"]]
    assert chosen(client.get("/admin/deliveries/preview?all=1&view=waiting").text) == [ids["blocked"]]
    assert chosen(client.get("/admin/deliveries/preview?all=1&view=all&connection=b24").text) == sorted(
        ids[state] for state in ("dead", "expired", "blocked")
    )
    assert client.get("/admin/deliveries/preview?all=1&view=dead&connection=mango").status_code == 302


def test_preview_says_that_a_stopped_connection_makes_them_wait(app: Flask, acme: Seeded, database: Database) -> None:
    add_delivery(database, acme, add_call(database, acme), state="dead")
    client = log_in(app, acme)
    assert "b24 is stopped" not in client.get("/admin/deliveries/preview?all=1").text
    add_trouble(database, acme)
    assert "b24 is stopped" in client.get("/admin/deliveries/preview?all=1").text


def test_preview_of_foreign_rows_is_not_found(app: Flask, acme: Seeded, stranger: Seeded, database: Database) -> None:
    own = add_delivery(database, acme, add_call(database, acme), state="dead")
    foreign = add_delivery(database, stranger, add_call(database, stranger), state="dead")
    client = log_in(app, acme)
    for ids in (f"id={foreign}", f"id={own}&id={foreign}", "id=x", "id=99999999999999999999"):
        assert client.get(f"/admin/deliveries/preview?{ids}").status_code == 404
    too_many = "&".join(f"id={number}" for number in range(1, 502))
    assert client.get(f"/admin/deliveries/preview?{too_many}").status_code == 413
