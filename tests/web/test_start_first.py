"""The first account of a new hub: who has read what the hub printed makes it, once, and nobody else ever."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub.config import Settings
from hub.db.engine import Database
from hub.db.tables import AuditRow, User, Workspace
from hub.web.secret import first_owner_key
from hub.welcome import first_owner_address, welcome
from tests.web.conftest import csrf_of
from tests.web.seed import Seeded

FORM = {
    "name": "ООО «Ромашка» Acme",
    "email": "Anna@Acme.example",
    "password": "correct horse battery",
    "timezone": "Asia/Yekaterinburg",
    "region": "RU",
}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def settings(settings: Settings, database_url: str) -> Settings:
    """With the database that the application has: a command finds it by its address."""
    return replace(settings, database_url=database_url)


def key(settings: Settings) -> str:
    return first_owner_key(settings)


def people(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(row.email, row.role) for row in session.scalars(select(User))]


def sent(client: FlaskClient, settings: Settings, **changed: str) -> tuple[int, str]:
    token = csrf_of(client.get(f"/admin/first?key={key(settings)}").text)
    answer = client.post("/admin/first", data={"csrf_token": token, "key": key(settings), **FORM, **changed})
    return answer.status_code, answer.location or answer.text


def test_the_printed_address_makes_workspace_and_owner_and_leads_to_the_first_steps(
    client: FlaskClient, settings: Settings, database: Database
) -> None:
    printed = first_owner_address(settings, "http://127.0.0.1:8080")
    assert printed is not None
    page = client.get(printed.removeprefix(settings.public_url or "http://127.0.0.1:8080"))
    assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
    assert sent(client, settings) == (303, "/admin/start")
    assert client.get("/admin/start").location == "/admin/start/pbx"
    assert people(database) == [("anna@acme.example", "owner")]
    with database.reading() as session:
        made = session.scalars(select(Workspace)).one()
        assert (made.name, made.timezone, made.region, made.slug) == (FORM["name"], FORM["timezone"], "RU", "acme")
        assert "workspace.make" in set(session.scalars(select(AuditRow.action)))
    assert first_owner_address(settings, "http://127.0.0.1:8080") is None
    assert "Log in at" in welcome(settings, "http://127.0.0.1:8080")[0]


def test_without_the_key_nobody_makes_anything(client: FlaskClient, settings: Settings, database: Database) -> None:
    for wrong in ("", "?key=", f"?key={key(settings)[:-1]}0x", "?key=%D1%8F"):
        page = client.get(f"/admin/first{wrong}")
        assert page.status_code == 403
        assert 'name="key"' not in page.text
    token = csrf_of(client.get("/admin/login").text)
    assert client.post("/admin/first", data={"csrf_token": token, "key": "x", **FORM}).status_code == 403
    assert people(database) == []


def test_with_a_user_the_key_opens_nothing_any_more(
    client: FlaskClient, settings: Settings, database: Database, acme: Seeded
) -> None:
    before = people(database)
    assert client.get(f"/admin/first?key={key(settings)}").location == "/admin/login"
    token = csrf_of(client.get("/admin/login").text)
    answer = client.post("/admin/first", data={"csrf_token": token, "key": key(settings), **FORM})
    assert (answer.status_code, answer.location) == (303, "/admin/login")
    assert people(database) == before


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": " "}, "Fill this in."),
        ({"email": "anna"}, "This is no e-mail address."),
        ({"password": "short"}, "A password has at least 8 characters."),
        ({"timezone": "Moscow"}, "Choose one from the list, like Europe/Moscow."),
        ({"region": "??"}, "Choose one from the list."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_the_password_is_not_repeated(
    client: FlaskClient, settings: Settings, database: Database, wrong: dict[str, str], words: str
) -> None:
    client.get("/admin/login", headers={"Accept-Language": "en"})
    with client.session_transaction() as session:
        session["locale"] = "en"
    status, text = sent(client, settings, **wrong)
    assert status == 422
    assert words in text
    assert FORM["password"] not in text
    assert people(database) == []


def test_log_in_says_how_to_begin_only_while_nobody_can_log_in(client: FlaskClient, settings: Settings) -> None:
    english = {"Accept-Language": "en"}
    assert "Nobody can log in here yet" in client.get("/admin/login", headers=english).text
    sent(client, settings)
    stranger = client.application.test_client()
    assert "Nobody can log in here yet" not in stranger.get("/admin/login", headers=english).text


def test_another_hubs_key_is_another_one(settings: Settings) -> None:
    other = replace(settings, secret_keys=("3" * 43 + "=",))
    assert first_owner_key(other) != first_owner_key(replace(settings, secret_keys=("4" * 43 + "=",)))
