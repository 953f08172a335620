"""How long a session lives, what ends it, and what a log-in form demands."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hub.config import Settings
from hub.db.engine import Database
from hub.db.tables import User
from hub.web.pages.way_in import PATH, WAY_IN_SECONDS, new_way_in
from hub.web.sessions import IDLE, LONGEST
from tests.web.conftest import Notes, csrf_of, log_in
from tests.web.oidc_stage import copied
from tests.web.seed import NOW, PASSWORD, Seeded


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    return copied(migrated_sqlite, tmp_path)


def is_in(client: FlaskClient) -> bool:
    return client.get("/admin/account").status_code == 200


def test_log_in_form_needs_its_token(app: Flask, acme: Seeded) -> None:
    client = app.test_client()
    client.get("/admin/login")
    form = {"email": acme.email("owner"), "password": PASSWORD}
    for token in ({}, {"csrf_token": "made up"}):
        assert client.post("/admin/login", data={**form, **token}).status_code == 400
    stranger = csrf_of(app.test_client().get("/admin/login").text)
    assert client.post("/admin/login", data={**form, "csrf_token": stranger}).status_code == 400
    assert not is_in(client)


def test_log_in_begins_the_session_anew(app: Flask, acme: Seeded) -> None:
    client = app.test_client()
    old_token = csrf_of(client.get("/admin/login").text)
    with client.session_transaction() as session:
        session["planted"] = "by a stranger"
        session["locale"] = "en"
    form = {"email": acme.email("owner"), "password": PASSWORD, "csrf_token": old_token}
    assert client.post("/admin/login", data=form).status_code == 303
    with client.session_transaction() as session:
        assert "planted" not in session
        assert session["locale"] == "en"
    assert client.post("/admin/logout", data={"csrf_token": old_token}).status_code == 400
    assert is_in(client)


def test_cookie_from_before_the_log_in_is_nobodys(app: Flask, acme: Seeded) -> None:
    client = app.test_client()
    token = csrf_of(client.get("/admin/login").text)
    before = client.get_cookie("dozvon_session")
    assert before is not None
    client.post("/admin/login", data={"email": acme.email("owner"), "password": PASSWORD, "csrf_token": token})
    thief = app.test_client()
    thief.set_cookie("dozvon_session", before.value)
    assert not is_in(thief)


def test_session_ends_after_a_week_however_busy_it_was(app: Flask, acme: Seeded, notes: Notes) -> None:
    client = log_in(app, acme)
    for _ in range(6):
        notes.pass_time(timedelta(days=1))
        assert is_in(client)
    notes.pass_time(LONGEST - timedelta(days=6, seconds=1))
    assert is_in(client)
    notes.pass_time(timedelta(seconds=1))
    assert not is_in(client)
    assert is_in(log_in(app, acme))


def test_session_ends_when_nothing_was_asked_for(app: Flask, acme: Seeded, monkeypatch: pytest.MonkeyPatch) -> None:
    idle, busy = log_in(app, acme), log_in(app, acme, "admin")
    real = time.time
    for part in (0.5, 1.01):
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: real() + part * IDLE.total_seconds())  # noqa: B023 - used at once
            assert is_in(busy)
            if part > 1:
                assert not is_in(idle)


def test_session_that_does_not_know_its_beginning_is_over(app: Flask, acme: Seeded) -> None:
    client = log_in(app, acme)
    with client.session_transaction() as session:
        del session["since"]
    assert not is_in(client)


def test_disabled_user_is_out_at_once_and_their_password_opens_nothing(
    app: Flask, acme: Seeded, database: Database
) -> None:
    client = log_in(app, acme, "agent")
    with database.transaction() as session:
        session.get_one(User, acme.user_ids["agent"]).disabled_at = NOW
    assert not is_in(client)
    form = {"email": acme.email("agent"), "password": PASSWORD, "csrf_token": csrf_of(client.get("/admin/login").text)}
    assert client.post("/admin/login", data=form).status_code == 401


# --- Put aside by a page -------------------------------------------------------------------------------------------


def _post(client: FlaskClient, path: str) -> str:
    form = {"csrf_token": csrf_of(client.get("/admin/workspace/users").text)}
    return client.post(f"/admin/workspace/users/{path}", data=form, follow_redirects=True).text


def test_owner_disables_a_user_and_lets_them_in_again(app: Flask, acme: Seeded) -> None:
    owner, agent = log_in(app, acme), log_in(app, acme, "agent")
    user_id = acme.user_ids["agent"]
    page = _post(owner, f"{user_id}/disable")
    assert "agent@acme.example cannot log in any more." in page
    assert '<span class="badge warn">disabled</span>' in page
    assert not is_in(agent)
    page = _post(owner, f"{user_id}/enable")
    assert "agent@acme.example can log in again." in page
    assert not is_in(agent)
    assert is_in(log_in(app, acme, "agent"))
    log = owner.get("/admin/workspace/audit").text
    assert "disabled a user" in log
    assert "enabled a user again" in log


def test_nobody_is_disabled_who_could_not_be_removed(app: Flask, acme: Seeded, database: Database) -> None:
    owner, admin = log_in(app, acme), log_in(app, acme, "admin")
    owner_id = acme.user_ids["owner"]
    assert "the last owner" in _post(owner, f"{owner_id}/disable")
    assert "Only an owner" in _post(admin, f"{owner_id}/disable")
    with database.transaction() as session:
        session.get_one(User, acme.user_ids["admin"]).role = "owner"
    _post(owner, f"{acme.user_ids['admin']}/disable")
    assert "the last owner" in _post(owner, f"{owner_id}/remove")  # a disabled owner is none to count on
    assert is_in(owner)


# --- The way in by command -----------------------------------------------------------------------------------------


def _way_in(app: Flask, settings: Settings, database: Database, seeded: Seeded) -> tuple[FlaskClient, str]:
    with database.reading() as session:
        token = new_way_in(settings, session.get_one(User, seeded.user_ids["owner"]))
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client, token


def test_way_in_opens_once_and_looking_uses_nothing_up(
    app: Flask, settings: Settings, database: Database, acme: Seeded
) -> None:
    elsewhere = log_in(app, acme)
    client, token = _way_in(app, settings, database, acme)
    for _ in range(2):
        page = client.get(PATH, query_string={"token": token})
        assert page.status_code == 200
        assert page.headers["Referrer-Policy"] == "no-referrer"
    assert client.post(PATH, data={"token": token}).status_code == 400  # no CSRF token
    form = {"token": token, "csrf_token": csrf_of(page.text)}
    assert client.post(PATH, data=form).status_code == 303
    assert is_in(client)
    assert not is_in(elsewhere)
    again = app.test_client()
    form["csrf_token"] = csrf_of(again.get("/admin/login").text)
    answer = again.post(PATH, data=form)
    assert answer.status_code == 403
    assert not is_in(again)


@pytest.mark.parametrize("token", ["", "made-up", "WzEsMV0.x.y"])
def test_made_up_way_in_opens_nothing(app: Flask, acme: Seeded, token: str) -> None:
    client = app.test_client()
    assert client.get(PATH, query_string={"token": token}).status_code == 403
    form = {"token": token, "csrf_token": csrf_of(client.get("/admin/login").text)}
    assert client.post(PATH, data=form).status_code == 403
    assert not is_in(client)


def test_way_in_is_too_old_after_ten_minutes_and_none_for_a_disabled_user(
    app: Flask, settings: Settings, database: Database, acme: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, token = _way_in(app, settings, database, acme)
    page = client.get(PATH, query_string={"token": token}).text
    form = {"token": token, "csrf_token": csrf_of(page)}
    real = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: real() + WAY_IN_SECONDS + 2)
        assert "no longer good" in client.post(PATH, data=form).text
    with database.transaction() as session:
        session.get_one(User, acme.user_ids["owner"]).disabled_at = NOW
    form["csrf_token"] = csrf_of(client.get("/admin/login").text)
    assert client.post(PATH, data=form).status_code == 403
    assert not is_in(client)
