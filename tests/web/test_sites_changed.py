"""Sites by the page, beside each other: conflicts, changes, putting aside and removing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from hub.db.engine import Database
from hub.db.tables import LineSource
from hub.db.tracking import SiteNumber, SiteRow
from hub.provisioning.export import export_workspace
from hub.tracking.live.numbers import usable_numbers
from tests.web.conftest import Notes, log_in
from tests.web.seed import NOW, Seeded
from tests.web.site_forms import (
    FIRST,
    NEW,
    SECOND,
    THIRD,
    add,
    change,
    errors_of,
    form_of,
    noted,
    pool_of,
    post,
    shop,
    site_of,
)
from tests.web.things import add_tracking

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# --- Beside each other ------------------------------------------------------------------------------


def test_number_of_another_site_is_refused_with_its_name(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    add(client, name="First", static="+74952220001; billboard")
    for taken, field in ((FIRST, "pool"), ("+74952220001", "pool")):
        answer = post(client, NEW, shop(origins="https://b.example", pool=f"{SECOND}\n{taken}"))
        assert errors_of(answer) == {field: f"{taken} belongs to the site “First”. Take it off there first."}
    with database.reading() as session:
        assert len(session.scalars(select(SiteRow.id)).all()) == 1


def test_number_of_another_workspace_is_refused_without_a_name(app: Flask, acme: Seeded, stranger: Seeded) -> None:
    add(log_in(app, stranger), name="Their secret shop")
    answer = post(log_in(app, acme), NEW, shop())
    assert errors_of(answer) == {"pool": f"{FIRST} is in use elsewhere on this hub. Choose another one."}
    assert "secret" not in answer.text


@on_sqlite
def test_domain_and_key_belong_to_one_site(app: Flask, acme: Seeded, stranger: Seeded) -> None:
    client = log_in(app, acme)
    add(client, name="First", key="shop")
    answer = post(client, NEW, shop(pool="", origins="https://b.example\nHTTPS://SHOP.example/"))
    assert errors_of(answer)["origins"] == "https://shop.example belongs to the site “First”. Take it off there first."
    other = log_in(app, stranger)
    for who, address in ((client, "b.example"), (other, "c.example")):
        assert "key" in errors_of(post(who, NEW, shop(key="shop", pool="", origins=address)))
    assert add(other, pool="", origins="https://shop.example") == "shop-example"
    assert add(client, pool="", origins="https://shop.example:8443") == "shop-example-2"


def test_number_that_moved_rests_for_the_new_site(app: Flask, acme: Seeded, database: Database, notes: Notes) -> None:
    client = log_in(app, acme)
    first = add(client, pool=f"{FIRST}\n{SECOND}")
    assert change(client, first, pool=FIRST).status_code == 303
    second = add(client, origins="https://b.example", pool=SECOND)
    row = site_of(database, second)
    assert row is not None
    with database.reading() as session:
        assert usable_numbers(session, row.id, NOW + timedelta(days=9)) == {}
        assert usable_numbers(session, row.id, NOW + timedelta(days=11)) == {SECOND: ""}
    assert change(client, first, pool=FIRST, name="Renamed").status_code == 303


# --- Changing ---------------------------------------------------------------------------------------


def test_change_keeps_what_is_not_touched_and_notes_what_is(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    key = add(client, consent="required", static="+74952220001; billboard", pools="Тверь: +74822110001")
    assert change(client, key, pool=f"{SECOND}\n{THIRD}", name="Shop").status_code == 303
    assert pool_of(database, key) == {SECOND: "", THIRD: "", "+74822110001": "Тверь"}
    row = site_of(database, key)
    assert row is not None
    assert (row.name, row.settings["consent"]) == ("Shop", "required")
    assert noted(database)[-1] == ("site.change", f"{key}: pool +2 -1, name")  # no whole number stands there
    assert change(client, key, consent="not_needed", static="").status_code == 303
    with database.reading() as session:
        assert session.scalars(select(LineSource.number)).all() == []


@on_sqlite
def test_site_made_without_a_file_is_changed_too(app: Flask, acme: Seeded, database: Database) -> None:
    key = add_tracking(database, acme)["key"]
    client = log_in(app, acme)
    assert form_of(client, key)["pool"] == FIRST
    assert change(client, key, pool=f"{FIRST}\n{SECOND}").status_code == 303
    assert set(pool_of(database, key)) == {FIRST, SECOND}


@on_sqlite
def test_change_by_somebody_else_meanwhile_is_not_overwritten_unseen(
    app: Flask, acme: Seeded, database: Database
) -> None:
    client = log_in(app, acme)
    key = add(client)
    mine = form_of(client, key)
    change(client, key, pool=SECOND)
    answer = post(client, f"/admin/sites/{key}/change", {**mine, "name": "Mine"})
    assert answer.status_code == 422
    assert "Somebody else has changed this site meanwhile" in answer.text
    assert set(pool_of(database, key)) == {SECOND}
    was = re.search(r'name="was" value="(\w+)"', answer.text)
    assert was is not None
    assert post(client, f"/admin/sites/{key}/change", {**mine, "name": "Mine", "was": was[1]}).status_code == 303


@on_sqlite
def test_mistake_of_a_change_changes_nothing(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    key = add(client)
    answer = change(client, key, pool=f"{SECOND}\n12", name="New")
    assert answer.status_code == 422
    assert "pool" in errors_of(answer)
    row = site_of(database, key)
    assert row is not None
    assert row.name == "shop.example"
    assert set(pool_of(database, key)) == {FIRST}


# --- Putting aside and removing ---------------------------------------------------------------------


def test_put_aside_frees_the_pool_and_keeps_the_rest(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    key = add(client, pool=f"{FIRST}\n{SECOND}", consent="required", static="+74952220001; billboard")
    for _ in range(2):  # pressed twice, put aside once
        assert post(client, f"/admin/sites/{key}/aside", {}).status_code == 303
    assert pool_of(database, key) == {}
    assert noted(database)[1:] == [("site.put_aside", f"{key}: pool -2")]
    assert form_of(client, key)["static"] == "+74952220001; billboard"
    assert "no numbers for visitors" in client.get("/admin/sites").text
    assert change(client, key, pool=FIRST).status_code == 303
    row = site_of(database, key)
    assert row is not None
    with database.reading() as session:
        assert usable_numbers(session, row.id, NOW) == {FIRST: ""}


def test_site_that_nobody_was_on_is_removed_with_its_lines(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    key = add(client, static="+74952220001; billboard")
    assert post(client, f"/admin/sites/{key}/remove", {}).location == "/admin/sites"
    assert site_of(database, key) is None
    with database.reading() as session:
        assert session.scalars(select(LineSource.number)).all() == []
        assert session.scalars(select(SiteNumber.number)).all() == []
        assert "[[site]]" not in export_workspace(session, acme.slug)
    assert noted(database)[-1] == ("site.remove", key)
    assert add(client) == key


@on_sqlite
def test_site_with_visits_stays_and_the_page_says_why(app: Flask, acme: Seeded, database: Database) -> None:
    key = add_tracking(database, acme)["key"]
    client = log_in(app, acme)
    page = client.get(f"/admin/sites/{key}").text
    assert f"/admin/sites/{key}/aside" in page
    assert f"/admin/sites/{key}/remove" not in page
    answer = post(client, f"/admin/sites/{key}/remove", {})
    assert "Put it aside instead" in client.get(answer.location).text
    assert set(pool_of(database, key)) == {FIRST}
