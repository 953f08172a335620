"""Who comes in, how long they stay, and what a stranger learns."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete
from werkzeug.test import TestResponse

from hub.config import Settings
from hub.db.engine import Database
from hub.db.tables import User
from hub.web.pages.login import local_path
from hub.web.secret import session_secrets
from tests.web.conftest import Notes, build, csrf_of, log_in
from tests.web.seed import PASSWORD, Seeded, add_workspace


def _try(app: Flask, email: str, password: str, next_path: str = "") -> TestResponse:
    client = app.test_client()
    token = csrf_of(client.get("/admin/login").text)
    form = {"email": email, "password": password, "csrf_token": token, "next": next_path}
    return client.post("/admin/login", data=form)


def test_stranger_is_sent_to_the_log_in_and_then_where_they_wanted(app: Flask, acme: Seeded) -> None:
    client = app.test_client()
    answer = client.get("/admin/calls?outcome=missed")
    assert answer.status_code == 302
    page = client.get(answer.location)
    form = {"email": acme.email("owner").upper(), "password": PASSWORD, "csrf_token": csrf_of(page.text)}
    answer = client.post("/admin/login", data={**form, "next": "/admin/calls?outcome=missed"})
    assert (answer.status_code, answer.location) == (303, "/admin/calls?outcome=missed")
    assert client.get("/admin/").status_code == 200


def test_wrong_password_and_unknown_address_get_the_same_answer(app: Flask, acme: Seeded) -> None:
    import re

    pages = []
    for email in (acme.email("owner"), "nobodyy@acme.example"):
        answer = _try(app, email, "wrong")
        assert answer.status_code == 401
        pages.append(re.sub(r'value="[^"]*"', "", answer.text))
    assert pages[0] == pages[1]


def test_unknown_address_costs_a_verification_too(app: Flask, acme: Seeded, monkeypatch: pytest.MonkeyPatch) -> None:
    from hub.web.pages import login

    checked: list[str] = []

    def never(hashed: str, password: str) -> bool:
        checked.append(hashed)
        return False

    monkeypatch.setattr(login, "_fits", never)
    _try(app, acme.email("owner"), "wrong")
    _try(app, "nobody@acme.example", "wrong")
    assert len(checked) == 2


@pytest.mark.parametrize("email", ["", "a\0b", "x" * 5000 + "@a.example"])
def test_odd_addresses_are_refused_like_any_other(app: Flask, acme: Seeded, email: str) -> None:
    assert _try(app, email, PASSWORD).status_code == 401


def test_sixth_wrong_try_has_to_wait_even_with_the_right_password(app: Flask, acme: Seeded, notes: Notes) -> None:
    for _ in range(5):
        assert _try(app, acme.email("owner"), "wrong").status_code == 401
    answer = _try(app, acme.email("owner"), PASSWORD)
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert _try(app, acme.email("admin"), PASSWORD).status_code == 303
    notes.pass_time(timedelta(minutes=6))
    assert _try(app, acme.email("owner"), PASSWORD).status_code == 303


def test_raised_session_version_ends_a_session(app: Flask, database: Database, acme: Seeded) -> None:
    client = log_in(app, acme)
    assert client.get("/admin/calls").status_code == 200
    with database.transaction() as session:
        session.get_one(User, acme.user_ids["owner"]).session_version += 1
    assert client.get("/admin/calls").status_code == 302


def test_removed_user_and_lowered_role_take_effect_at_once(app: Flask, database: Database, acme: Seeded) -> None:
    client = log_in(app, acme)
    with database.transaction() as session:
        session.get_one(User, acme.user_ids["owner"]).role = "agent"
    assert client.get("/admin/deliveries").status_code == 403
    with database.transaction() as session:
        session.execute(delete(User).where(User.id == acme.user_ids["owner"]))
    assert client.get("/admin/calls").status_code == 302


def test_role_that_nobody_knows_may_do_nothing(app: Flask, database: Database, acme: Seeded) -> None:
    client = log_in(app, acme)
    with database.transaction() as session:
        session.get_one(User, acme.user_ids["owner"]).role = "king"
    assert client.get("/admin/calls").status_code == 403


def test_file_answered_late_does_not_bring_an_ended_session_back(app: Flask, acme: Seeded) -> None:
    client = log_in(app, acme)
    assert "Set-Cookie" in client.get("/admin/calls").headers
    for path in ("/static/icon.svg", "/static/app.css"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers


def test_copied_cookie_is_worth_nothing_after_log_out(app: Flask, acme: Seeded) -> None:
    client = log_in(app, acme)
    cookie = client.get_cookie("dozvon_session")
    assert cookie is not None
    thief = app.test_client()
    thief.set_cookie("dozvon_session", cookie.value)
    assert thief.get("/admin/calls").status_code == 200
    client.post("/admin/logout", data={"csrf_token": csrf_of(client.get("/admin/calls").text)})
    assert client.get("/admin/calls").status_code == 302
    assert thief.get("/admin/calls").status_code == 302


def test_same_address_in_two_workspaces_opens_the_one_whose_password_fits(
    app: Flask, database: Database, acme: Seeded
) -> None:
    from argon2 import PasswordHasher

    other = add_workspace(database, "other")
    with database.transaction() as session:
        user = session.get_one(User, other.user_ids["owner"])
        user.email = acme.email("owner")
        user.password_hash = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("another one")
    client = app.test_client()
    form = {"email": acme.email("owner"), "password": "another one"}
    client.post("/admin/login", data={**form, "csrf_token": csrf_of(client.get("/admin/login").text)})
    assert "«Other»" in client.get("/admin/").text


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "javascript:alert(1)",
        "/\t/evil.example", "/\n/evil.example", " //evil.example", "evil.example", "", "///evil.example",
    ],
)  # fmt: skip
def test_next_never_leaves_the_site(app: Flask, acme: Seeded, target: str) -> None:
    answer = _try(app, acme.email("owner"), PASSWORD, target)
    assert answer.location == "/admin/"


def test_next_keeps_a_path_of_ours(app: Flask) -> None:
    with app.test_request_context():
        assert local_path("/admin/calls?q=a%20b") == "/admin/calls?q=a%20b"
        assert local_path(None) == "/admin/"


def test_session_cookie_is_closed_to_scripts_and_other_sites(app: Flask, behind_https: Flask, acme: Seeded) -> None:
    plain = app.test_client().get("/admin/login").headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    answer = behind_https.test_client().get("/admin/login", base_url="https://hub.acme.example")
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "Strict-Transport-Security" in answer.headers


def test_session_secret_is_the_same_in_every_process_and_follows_the_keys(settings: Settings) -> None:
    assert session_secrets(settings) == session_secrets(settings)
    assert (settings.home / "secret.keys").stat().st_mode & 0o077 == 0
    keyed = replace(settings, secret_keys=("new-key", "old-key"))
    assert session_secrets(keyed)[1] == session_secrets(replace(settings, secret_keys=("old-key",)))[0]
    assert "new-key" not in "".join(session_secrets(keyed))


def test_session_outlives_a_key_rotation(settings: Settings, database: Database, notes: Notes, acme: Seeded) -> None:
    before = build(replace(settings, secret_keys=("old-key",)), database, notes)
    cookie = log_in(before, acme).get_cookie("dozvon_session")
    assert cookie is not None
    after = build(replace(settings, secret_keys=("new-key", "old-key")), database, notes).test_client()
    after.set_cookie("dozvon_session", cookie.value)
    assert after.get("/admin/calls").status_code == 200
