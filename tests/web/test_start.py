"""The first steps on the application itself: forms, refusals, matching. The whole way is in tests/e2e."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from flask import Flask
from sqlalchemy import select

from connectors.registry import REGISTRY
from hub.config import Settings
from hub.db.directory import DirectoryUser
from hub.db.engine import Database
from hub.db.tables import AuditRow, Connection, EmployeeRow
from hub.web.start.forms import asked_of
from hub.web.start.words import FIELDS
from tests.web.conftest import Notes, csrf_of, log_in
from tests.web.rule_stage import rules_app
from tests.web.seed import NOW, Seeded

KEYS = {"vendor": "mango", "secrets.api_key": "thekeythekey", "secrets.api_salt": "thesaltthesalt"}


@pytest.fixture
def real(settings: Settings, database: Database, notes: Notes) -> Flask:
    """The application with the connectors that there really are."""
    return rules_app(settings, database, notes)


def post(app: Flask, seeded: Seeded, path: str, form: Mapping[str, object], role: str = "owner") -> str:
    client = log_in(app, seeded, role)
    token = csrf_of(client.get("/admin/account").text)
    return client.post(path, data={"csrf_token": token, **form}, follow_redirects=True).text


def rows_of(database: Database, seeded: Seeded) -> dict[str, Connection]:
    with database.reading() as session:
        rows = session.scalars(select(Connection).where(Connection.workspace_id == seeded.workspace_id))
        return {row.name: row for row in rows}


def test_pbx_is_kept_with_a_hook_address_and_its_keys_are_never_shown(
    real: Flask, acme: Seeded, database: Database
) -> None:
    page = post(real, acme, "/admin/start/pbx", KEYS)
    row = rows_of(database, acme)["mango-2"]
    assert row.secrets == {"api_key": "thekeythekey", "api_salt": "thesaltthesalt"}
    assert f"/hooks/{row.hook_token}" in page
    assert "Waiting for the first event" in page
    with database.transaction() as session:
        session.get_one(Connection, row.id).last_event_at = NOW
    client = log_in(real, acme)
    for path in (f"/admin/start/connections/{row.id}", f"/admin/start/pbx?connection_id={row.id}"):
        text = client.get(path).text
        assert "thekeythekey" not in text
        assert "thesaltthesalt" not in text
    assert "Got it" in client.get(f"/admin/start/connections/{row.id}").text
    with database.reading() as session:
        noted = session.execute(select(AuditRow.action, AuditRow.subject)).all()
    assert ("connection.add", "mango-2") in {tuple(one) for one in noted}
    assert "thekey" not in str(noted)


def test_missing_key_is_told_at_its_field_and_nothing_is_kept(real: Flask, acme: Seeded, database: Database) -> None:
    for wrong, words in (
        ({"secrets.api_salt": " "}, "Fill this in."),
        ({"settings.base_url": "nowhere"}, "begins with https://"),
    ):
        page = post(real, acme, "/admin/start/pbx", {**KEYS, **wrong})
        assert words in page
        assert "thekeythekey" not in page
    assert set(rows_of(database, acme)) == {"mango", "b24"}


def test_other_keys_change_the_same_connection_and_empty_ones_stay(
    real: Flask, acme: Seeded, database: Database
) -> None:
    post(real, acme, "/admin/start/pbx", KEYS)
    made = rows_of(database, acme)["mango-2"]
    post(real, acme, "/admin/start/pbx", {"connection_id": made.id, "secrets.api_salt": "another salt"})
    row = rows_of(database, acme)["mango-2"]
    assert row.secrets == {"api_key": "thekeythekey", "api_salt": "another salt"}
    assert row.hook_token == made.hook_token


def test_keys_of_another_workspace_cannot_be_changed(
    real: Flask, acme: Seeded, stranger: Seeded, database: Database
) -> None:
    before = rows_of(database, stranger)["mango"].secrets
    client = log_in(real, acme)
    form = {**KEYS, "connection_id": stranger.pbx_id, "csrf_token": csrf_of(client.get("/admin/account").text)}
    assert client.post("/admin/start/pbx", data=form).status_code == 404
    assert client.get(f"/admin/start/pbx?connection_id={stranger.pbx_id}").status_code == 404
    assert rows_of(database, stranger)["mango"].secrets == before


def test_crm_by_webhook_is_kept_as_such(real: Flask, acme: Seeded, database: Database) -> None:
    form = {"vendor": "bitrix24", "secrets.webhook_url": "https://acme.bitrix24.example/rest/1/abcdefgh12345678/"}
    page = post(real, acme, "/admin/start/crm", form)
    row = rows_of(database, acme)["bitrix24"]
    assert (row.settings["auth"], row.secrets) == ("webhook", {"webhook_url": form["secrets.webhook_url"]})
    assert "abcdefgh" not in page
    assert "webhook’s address" in post(
        real, acme, "/admin/start/crm", {"vendor": "bitrix24", "secrets.webhook_url": "https://acme.bitrix24.example"}
    )


def add_users(database: Database, seeded: Seeded) -> None:
    with database.transaction() as session:
        for user_id, name in (("7", "Анна Белова"), ("8", "Борис Волков"), ("9", "Вера Громова")):
            session.add(
                DirectoryUser(
                    connection_id=seeded.crm_id, user_id=user_id, name=name, extension=None, email=None, active=True,
                    refreshed_at=NOW,
                )
            )  # fmt: skip


def people(database: Database, seeded: Seeded) -> set[tuple[str, str, str]]:
    with database.reading() as session:
        rows = session.scalars(select(EmployeeRow).where(EmployeeRow.workspace_id == seeded.workspace_id))
        return {
            (one.name, str(one.extensions.get("mango") or one.extensions.get("*") or ""), str(one.users.get("b24", "")))
            for one in rows
        }


def test_who_is_who_is_kept_and_an_extension_goes_to_its_new_owner(
    real: Flask, acme: Seeded, database: Database
) -> None:
    add_users(database, acme)
    with database.transaction() as session:
        boris = session.scalars(select(EmployeeRow).where(EmployeeRow.name == "Борис Волков")).one()
        boris.users = {}
    form = {"extension": ["101", "102", ""], "user": ["9", "8", "7"]}
    assert "3 lines were kept" in post(real, acme, "/admin/start/people", form)
    assert people(database, acme) == {
        ("Анна Белова", "", "7"),
        ("Борис Волков", "102", "8"),
        ("Вера Громова", "101", "9"),
    }
    post(real, acme, "/admin/start/people", {"extension": ["101", "102"], "user": ["8", "9"]})
    assert people(database, acme) == {
        ("Анна Белова", "", "7"),
        ("Борис Волков", "101", "8"),
        ("Вера Громова", "102", "9"),
    }
    post(real, acme, "/admin/start/people", {"extension": [""], "user": ["8"]})
    assert ("Борис Волков", "", "8") in people(database, acme)
    with database.reading() as session:
        noted = session.execute(select(AuditRow.actor, AuditRow.subject).where(AuditRow.action == "employees.change"))
        subjects = [tuple(one) for one in noted]
    assert len(subjects) == 6
    assert subjects[-1] == (acme.email("owner"), "b24/mango: Борис Волков: 101 → —")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"extension": ["201", "201"], "user": ["8", "9"]}, "201 stands at Борис Волков and at Вера Громова"),
        ({"extension": ["201", ""], "user": ["made up", ""]}, "Nobody in the CRM is called “made up”"),
        ({"extension": ["2 01"], "user": ["8"], "was": [""]}, "“2 01” at Борис Волков is no extension"),
        ({"extension": ["101"], "user": ["9"], "was": [""], "only": "1"}, "101 is the extension of Анна Белова"),
        ({"extension": ["203"], "user": ["9"], "was": ["202"]}, "Somebody else has changed the line of Вера Громова"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_nothing_is_kept(
    real: Flask, acme: Seeded, database: Database, form: dict[str, object], words: str
) -> None:
    add_users(database, acme)
    page = post(real, acme, "/admin/start/people", form)
    assert "Nothing was kept." in page
    assert words in page
    assert {row[1] for row in people(database, acme)} == {"101", "102"}


def test_one_line_is_kept_and_what_was_typed_in_the_others_stays(real: Flask, acme: Seeded, database: Database) -> None:
    add_users(database, acme)
    form = {"user": ["8", "9"], "was": ["", ""], "extension": ["108", "109"], "only": "2"}
    page = post(real, acme, "/admin/start/people", form)
    assert ("Вера Громова", "109", "9") in people(database, acme)
    assert "108" not in {row[1] for row in people(database, acme)}
    assert 'value="108" data-stood=""' in page
    assert "1 line was kept" in page


def test_two_hundred_people_are_kept_at_once(real: Flask, acme: Seeded, database: Database) -> None:
    with database.transaction() as session:
        for number in range(200):
            session.add(
                DirectoryUser(
                    connection_id=acme.crm_id, user_id=str(1000 + number), name=f"Person {number:03d}", extension=None,
                    email=f"p{number}@acme.example", active=True, refreshed_at=NOW,
                )
            )  # fmt: skip
    numbers = range(200)
    form = {"user": [str(1000 + n) for n in numbers], "extension": [str(3000 + n) for n in numbers], "was": [""] * 200}
    assert "200 lines were kept" in post(real, acme, "/admin/start/people", form)
    page = log_in(real, acme).get("/admin/start/people").text
    assert page.count('name="extension"') == 202
    assert "<select" not in page[page.index('id="staff"') :]


def test_table_of_a_crm_of_another_workspace_is_not_reached(
    real: Flask, acme: Seeded, stranger: Seeded, database: Database
) -> None:
    add_users(database, stranger)
    page = post(real, acme, "/admin/start/people", {"crm": stranger.crm_id, "pbx": stranger.pbx_id, "show": "1"})
    assert "Вера Громова" not in page
    form = {"crm": stranger.crm_id, "pbx": stranger.pbx_id, "user": ["9"], "extension": ["109"]}
    post(real, acme, "/admin/start/people", form)
    assert people(database, stranger) == {("Анна Белова", "101", "7"), ("Борис Волков", "102", "7")}


def test_who_may_not_connect_changes_nobody(real: Flask, acme: Seeded, database: Database) -> None:
    add_users(database, acme)
    for role in ("marketer", "agent", "auditor"):
        form = {"user": ["9"], "extension": ["109"], "was": [""]}
        post(real, acme, "/admin/start/people", form, role)
    assert {row[1] for row in people(database, acme)} == {"101", "102"}


def test_empty_pages_lead_to_the_first_steps(real: Flask, acme: Seeded, database: Database) -> None:
    with database.transaction() as session:
        for row in session.scalars(select(Connection)):
            session.delete(row)
    owner, marketer = log_in(real, acme), log_in(real, acme, "marketer")
    for path in ("/admin/", "/admin/connections"):
        assert 'href="/admin/start"' in owner.get(path).text
        assert 'href="/admin/start"' not in marketer.get(path).text
    assert owner.get("/admin/start").location == "/admin/start/pbx"
    assert "There is no PBX yet" in owner.get("/admin/start/people").text
    assert "Waiting for the first call" in owner.get("/admin/start/call").text


def test_every_field_that_is_asked_has_its_words_in_both_languages() -> None:
    asked = [one for connector in REGISTRY.values() for one in asked_of(connector)]
    assert len(asked) >= 8
    assert {text for one in asked for text in (one.label, one.hint) if text} <= set(FIELDS)


def test_every_system_of_the_wizard_asks_for_something_in_front() -> None:
    for connector in REGISTRY.values():
        assert any(one.in_front for one in asked_of(connector)), connector.vendor
