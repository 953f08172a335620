"""Sites by the page: added by the rules of the file, shown to everybody by their rights; the form by itself."""

from __future__ import annotations

import html
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from hub.db.engine import Database
from hub.db.tables import LineSource, Workspace
from hub.db.tracking import SiteRow
from hub.provisioning.export import export_workspace
from hub.tracking.live.sites import read_site
from hub.web.tracking.site_form import item_of_form, origin_of, typed_of
from tests.web.conftest import log_in
from tests.web.seed import NOW, Seeded, add_call
from tests.web.site_forms import (
    FIRST,
    NEW,
    SECOND,
    THIRD,
    add,
    change,
    errors_of,
    noted,
    pool_of,
    post,
    shop,
    site_of,
)

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# --- Adding -----------------------------------------------------------------------------------------


def test_site_of_two_fields_works_at_once_for_the_tracker(app: Flask, acme: Seeded, database: Database) -> None:
    key = add(log_in(app, acme))
    assert key == "shop-example"
    with database.reading() as session:
        site = read_site(session, key, NOW)
    assert site is not None
    assert site.admits("https://shop.example")
    assert (site.name, site.default_number, dict(site.numbers)) == ("shop.example", "+74950000000", {FIRST: ""})
    assert noted(database) == [("site.add", key)]


def test_everything_that_the_file_may_say_can_be_said_by_the_page(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    key = add(
        client, key="Shop_1", name="Магазин", origins="https://shop.example/catalog?a=1\nwww.shop.example",
        post_default_number="84950000001", format="+7 (###) ###-##-##", channels="paid_search, yandex",
        home_regions="Москва", consent="required", selectors=".phone, .tel\n#head", wait_for_interaction="1",
        pools="Тверская область: +74822110001, +7 482 211-00-02", touch_model="first", idle_seconds="120",
        static="+74952220001; billboard; offline\n84952220002\tleaflet\t\tspring", quarantine_days="20",
        show_delay_seconds="5", visits_per_ip_hour="100", retention_days="90", quality_seconds="15",
        quality_groups="600", quality_lines=FIRST, unique_days="7",
    )  # fmt: skip
    assert key == "Shop_1"
    row = site_of(database, key)
    assert row is not None
    assert row.origins == ["https://shop.example", "https://www.shop.example"]
    assert row.settings["selectors"] == [".phone, .tel", "#head"]
    assert row.settings["wait_for_interaction"] is True
    assert row.settings["idle_seconds"] == 120
    assert pool_of(database, key) == {
        FIRST: "", "+74822110001": "Тверская область", "+74822110002": "Тверская область",
    }  # fmt: skip
    with database.reading() as session:
        lines = session.execute(select(LineSource.number, LineSource.source, LineSource.medium, LineSource.campaign))
        assert sorted(tuple(line) for line in lines) == [
            ("+74952220001", "billboard", "offline", None), ("+74952220002", "leaflet", None, "spring"),
        ]  # fmt: skip
        text = export_workspace(session, acme.slug)
    assert 'key = "Shop_1"' in text
    answer = change(client, key)
    assert answer.status_code == 303
    assert "Nothing was changed" in client.get(answer.location).text
    assert noted(database) == [("site.add", key)]


WRONG: tuple[tuple[dict[str, str], str, str], ...] = (
    ({"origins": ""}, "origins", "Write the address of the site"),
    ({"origins": "ftp://shop.example"}, "origins", "“ftp://shop.example” is no address of a site"),
    ({"origins": "https://["}, "origins", "is no address of a site"),
    ({"default_number": ""}, "default_number", "Write the number that stands on the pages now"),
    ({"default_number": "12"}, "default_number", "“12” is no full telephone number"),
    ({"pool": f"{FIRST}\n12\n{SECOND}\nabc"}, "pool", "“12” is no full telephone number"),
    ({"pool": "1\n2\n3\n4\n5"}, "pool", "And 2 more like these."),
    ({"pool": f"{FIRST}\n8 495 111-00-01"}, "pool", f"{FIRST} stands here twice"),
    ({"static": f"{FIRST}; billboard"}, "static", f"{FIRST} stands here twice"),
    ({"static": "+74952220001"}, "static", "number and source have to be there"),
    ({"pools": "Тверь: 5"}, "pools", "“5” is no full telephone number"),
    ({"key": "моя"}, "key", "Use letters, digits"),
    ({"format": "###"}, "format", "Write digits and #"),
    ({"idle_seconds": "1"}, "idle_seconds", "Write a number from 10 to 14400."),
    ({"idle_seconds": "soon"}, "idle_seconds", "This must be a whole number."),
    ({"idle_seconds": "9" * 5000}, "idle_seconds", "This must be a whole number."),
    ({"consent": "perhaps"}, "consent", "Choose one from the list."),
    ({"touch_model": "none"}, "touch_model", "Choose one from the list."),
    ({"name": "x" * 201}, "name", "This is too long."),
)


@on_sqlite
def test_mistake_stands_at_its_field_and_keeps_nothing(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    for changed, field, words in WRONG:
        answer = post(client, NEW, shop(**changed))
        assert answer.status_code == 422, changed
        assert words in errors_of(answer)[field]
        assert f'aria-describedby="wrong-{field}"' in answer.text
    answer = post(client, NEW, shop(origins="", default_number="", pool="12", idle_seconds="x"))
    assert set(errors_of(answer)) == {"origins", "default_number", "pool", "idle_seconds"}  # all of it at once
    with database.reading() as session:
        assert session.scalars(select(SiteRow.key)).all() == []
    assert noted(database) == []


@on_sqlite
def test_what_was_typed_stays_when_something_is_wrong(app: Flask, acme: Seeded) -> None:
    answer = post(log_in(app, acme), NEW, shop(pool=f"{FIRST}\n12", name='A "shop" <b>', idle_seconds="x"))
    assert f"{FIRST}\n12</textarea>" in answer.text
    assert "A &#34;shop&#34; &lt;b&gt;" in answer.text


def test_control_characters_reach_no_database(app: Flask, acme: Seeded, database: Database) -> None:
    key = add(log_in(app, acme), name="Shop\0 \x1f1", channels="a\0b")
    row = site_of(database, key)
    assert row is not None
    assert "\0" not in row.name + row.settings["channels"][0]


def test_fifty_numbers_are_pasted_from_a_spreadsheet(app: Flask, acme: Seeded, database: Database) -> None:
    numbers = [f"+749511{place:05}" for place in range(50)]
    key = add(log_in(app, acme), pool="\r\n".join(numbers[:25]) + "\t" + "; ".join(numbers[25:]))
    assert sorted(pool_of(database, key)) == numbers


@on_sqlite
def test_lines_that_calls_came_to_are_offered_and_join_when_ticked(
    app: Flask, acme: Seeded, database: Database
) -> None:
    add_call(database, acme)
    client = log_in(app, acme)
    assert 'name="known" value="+74950000001"' in client.get(NEW).text
    key = add(client, known="+74950000001")
    assert set(pool_of(database, key)) == {FIRST, "+74950000001"}
    assert 'name="known"' not in client.get(f"/admin/sites/{key}/change").text


# --- Who sees what ----------------------------------------------------------------------------------


@on_sqlite
@pytest.mark.parametrize("role", ["marketer", "auditor"])
def test_reader_sees_the_snippet_and_no_way_to_change(app: Flask, acme: Seeded, database: Database, role: str) -> None:
    key = add(log_in(app, acme))
    client = log_in(app, acme, role)
    for path in ("/admin/sites", f"/admin/sites/{key}"):
        page = client.get(path).text
        assert html.escape(f"/t/{key}.js") in page
        assert "/change" not in page
        assert NEW not in page
    assert client.get(f"/admin/sites/{key}/change").status_code == 403
    assert post(client, NEW, shop()).status_code == 403


@on_sqlite
def test_list_tells_how_each_site_is(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    key = add(client)
    assert "script not seen yet" in client.get("/admin/sites").text
    for ago, words in ((timedelta(hours=1), "works"), (timedelta(days=2), "script not seen for a day")):
        with database.transaction() as session:
            row = session.scalars(select(SiteRow).where(SiteRow.key == key)).one()
            row.seen = {"url": "https://shop.example/", "texts": 1, "links": 1, "at": (NOW - ago).timestamp() * 1000}
        assert f'">{words}</span>' in client.get("/admin/sites").text


@on_sqlite
def test_region_of_the_workspace_reads_numbers_without_a_plus(app: Flask, acme: Seeded, database: Database) -> None:
    with database.transaction() as session:
        session.get_one(Workspace, acme.workspace_id).region = "DE"
    key = add(log_in(app, acme), default_number="030 12345678", pool="030 12345679")
    assert set(pool_of(database, key)) == {"+493012345679"}


# --- The form, by itself ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("shop.example", "https://shop.example"),
        ("HTTP://Shop.example:8080/a?b#c", "http://shop.example:8080"),
        ("https://магазин.рф/", "https://xn--80aairftm.xn--p1ai"),
        ("https://[", "https://["),
        ("https://", "https://"),
    ],
)
def test_address_is_cut_to_what_a_browser_sends(typed: str, origin: str) -> None:
    assert origin_of(typed) == origin


def test_form_says_again_what_it_was_made_of() -> None:
    item = {
        "key": "shop", "name": "Shop", "origins": ["https://a.example", "https://b.example"], "default_number": "+7495",
        "pool": [FIRST, SECOND], "pools": {"Тверь": [THIRD]},
        "static": [{"number": "1", "source": "x", "campaign": "y"}], "channels": ["a", "b"],
        "idle_seconds": 60, "wait_for_interaction": True, "consent": "required",
    }  # fmt: skip
    assert item_of_form(MultiDict(typed_of(item))) == item
