"""Users and keys: what they change, what they refuse, and what they note."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub.db.engine import Database
from hub.db.tables import ApiKey, AuditRow, EmployeeRow, User
from hub.web.api.scopes import SCOPES
from hub.web.office.words import ROLE_MEANINGS, SCOPE_MEANINGS
from hub.web.roles import RIGHTS, Right
from tests.web.conftest import Notes, bearer, csrf_of, log_in
from tests.web.seed import NOW, PASSWORD, ROLES, Seeded


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    """One store is enough for pages; the migration is proven on both in tests/test_migrations.py."""
    file = tmp_path / "test.sqlite3"
    shutil.copyfile(migrated_sqlite, file)
    return f"sqlite:///{file}"


def post(client: FlaskClient, path: str, **form: Any) -> str:
    """Post a form as the page would, follow, and return the page."""
    token = csrf_of(client.get("/admin/workspace/audit").text)
    return client.post(f"/admin/workspace{path}", data={"csrf_token": token, **form}, follow_redirects=True).text


def secret_on(page: str, place: str) -> str:
    found = re.search(rf'<code id="{place}">([^<]+)</code>', page)
    assert found is not None, "nothing is shown once"
    return found.group(1)


def notes_of(database: Database, seeded: Seeded) -> list[tuple[str, str, str]]:
    with database.reading() as session:
        rows = session.scalars(
            select(AuditRow).where(AuditRow.workspace_id == seeded.workspace_id).order_by(AuditRow.id)
        )
        return [(row.actor, row.action, row.subject) for row in rows if row.action not in {"login", "logout"}]


def role_of(database: Database, user_id: int) -> str | None:
    with database.reading() as session:
        user = session.get(User, user_id)
        return user.role if user else None


# --- Users -----------------------------------------------------------------------------------------


def test_new_user_gets_a_password_that_is_shown_once_and_works(app: Flask, acme: Seeded, database: Database) -> None:
    owner = log_in(app, acme)
    password = secret_on(post(owner, "/users", email="Olga@Acme.example", role="marketer"), "new-password")
    assert password not in owner.get("/admin/workspace/users").text
    client = app.test_client()
    form = {"email": "olga@acme.example", "password": password, "csrf_token": csrf_of(client.get("/admin/login").text)}
    assert client.post("/admin/login", data=form).status_code == 303
    assert client.get("/admin/deliveries").status_code == 200
    assert client.get("/admin/workspace/users").status_code == 403
    assert (acme.email("owner"), "user.add", "olga@acme.example: marketer") in notes_of(database, acme)
    assert password not in str(notes_of(database, acme))


@pytest.mark.parametrize(
    "form",
    [
        {"email": "olga", "role": "agent"},
        {"email": "olga@acme.example", "role": "king"},
        {"email": "", "role": "agent"},
    ],
)
def test_user_without_an_address_or_a_role_is_not_added(
    app: Flask, acme: Seeded, database: Database, form: dict[str, str]
) -> None:
    assert "Nobody was added" in post(log_in(app, acme), "/users", **form)
    assert notes_of(database, acme) == []


def test_address_that_is_known_is_not_added_again_nor_given_a_password(
    app: Flask, acme: Seeded, database: Database
) -> None:
    page = post(log_in(app, acme), "/users", email=acme.email("agent").upper(), role="owner")
    assert "can log in already" in page
    assert 'id="new-password"' not in page
    assert role_of(database, acme.user_ids["agent"]) == "agent"


def test_role_is_changed_at_once_and_noted(app: Flask, acme: Seeded, database: Database) -> None:
    owner, agent = log_in(app, acme), log_in(app, acme, "agent")
    assert agent.get("/admin/deliveries").status_code == 403
    post(owner, f"/users/{acme.user_ids['agent']}", role="auditor")
    assert agent.get("/admin/deliveries").status_code == 200
    assert notes_of(database, acme)[-1][1:] == ("user.change", f"{acme.email('agent')}: agent → auditor")


def test_last_owner_can_neither_be_lowered_nor_removed(app: Flask, acme: Seeded, database: Database) -> None:
    owner, owner_id = log_in(app, acme), acme.user_ids["owner"]
    assert "the last owner" in post(owner, f"/users/{owner_id}", role="admin")
    assert "the last owner" in post(owner, f"/users/{owner_id}/remove")
    assert role_of(database, owner_id) == "owner"
    assert notes_of(database, acme) == []


def test_owner_who_is_not_the_last_may_step_down_but_not_remove_themselves(
    app: Flask, acme: Seeded, database: Database
) -> None:
    owner, owner_id = log_in(app, acme), acme.user_ids["owner"]
    post(owner, f"/users/{acme.user_ids['admin']}", role="owner")
    assert "your own account" in post(owner, f"/users/{owner_id}/remove")
    post(owner, f"/users/{owner_id}", role="admin")
    assert role_of(database, owner_id) == "admin"
    assert role_of(database, acme.user_ids["admin"]) == "owner"


def test_admin_touches_no_owner_and_makes_none(app: Flask, acme: Seeded, database: Database) -> None:
    admin, owner_id = log_in(app, acme, "admin"), acme.user_ids["owner"]
    refusals = [
        post(admin, f"/users/{owner_id}/password"),
        post(admin, f"/users/{owner_id}/remove"),
        post(admin, f"/users/{owner_id}", role="agent"),
        post(admin, f"/users/{acme.user_ids['admin']}", role="owner"),
        post(admin, "/users", email="new@acme.example", role="owner"),
    ]
    assert all("Only an owner" in page for page in refusals)
    assert [role_of(database, acme.user_ids[role]) for role in ("owner", "admin")] == ["owner", "admin"]
    assert notes_of(database, acme) == []


def test_new_password_ends_the_sessions_of_the_old_one(app: Flask, acme: Seeded, database: Database) -> None:
    owner, agent = log_in(app, acme), log_in(app, acme, "agent")
    page = post(owner, f"/users/{acme.user_ids['agent']}/password")
    assert len(secret_on(page, "new-password")) >= 16
    assert agent.get("/admin/calls").status_code == 302
    assert notes_of(database, acme)[-1][1:] == ("user.password", acme.email("agent"))


def test_own_password_needs_the_present_one_and_ends_all_other_sessions(
    app: Flask, acme: Seeded, database: Database
) -> None:
    here, there = log_in(app, acme, "agent"), log_in(app, acme, "agent")
    path, new = "/admin/account/password", "another horse"
    for present, other, words in (("wrong", new, "present password is wrong"), (PASSWORD, "short", "at least 8")):
        form = {"csrf_token": csrf_of(here.get("/admin/account").text), "present": present, "new": other}
        assert words in here.post(path, data=form, follow_redirects=True).text
    form = {"csrf_token": csrf_of(here.get("/admin/account").text), "present": PASSWORD, "new": new}
    assert "The new password holds" in here.post(path, data=form, follow_redirects=True).text
    assert (here.get("/admin/calls").status_code, there.get("/admin/calls").status_code) == (200, 302)
    assert notes_of(database, acme) == [(acme.email("agent"), "account.password", "")]


def test_removed_user_is_gone_and_out(app: Flask, acme: Seeded, database: Database) -> None:
    owner, agent = log_in(app, acme), log_in(app, acme, "agent")
    post(owner, f"/users/{acme.user_ids['agent']}/remove")
    assert agent.get("/admin/calls").status_code == 302
    assert role_of(database, acme.user_ids["agent"]) is None
    assert notes_of(database, acme)[-1][1] == "user.remove"


def test_employee_of_another_workspace_cannot_be_chosen(
    app: Flask, acme: Seeded, stranger: Seeded, database: Database
) -> None:
    with database.reading() as session:
        foreign = session.scalar(select(EmployeeRow.id).where(EmployeeRow.workspace_id == stranger.workspace_id))
    owner = log_in(app, acme)
    token = csrf_of(owner.get("/admin/workspace/users").text)
    form = {"csrf_token": token, "employee_id": str(foreign), "email": "new@acme.example", "role": "agent"}
    for path in ("", f"/{acme.user_ids['agent']}"):
        assert owner.post(f"/admin/workspace/users{path}", data=form).status_code == 404
    assert notes_of(database, acme) == []


def test_every_role_is_explained_and_the_docs_table_is_the_one_in_force() -> None:
    assert set(ROLE_MEANINGS) == set(RIGHTS) == set(ROLES)
    text = Path("docs/security.md").read_text()
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")
    ]
    head = next(row for row in rows if row[0] == "right")
    table = {
        found.group(1): {role for role, mark in zip(head[1:], row[1:], strict=True) if mark == "yes"}
        for row in rows
        if len(row) == len(head) and (found := re.match(r"`(\w+)`", row[0]))
    }
    assert table == {str(right): {role for role in RIGHTS if right in RIGHTS[role]} for right in Right}


# --- Keys ------------------------------------------------------------------------------------------


def test_key_is_shown_once_opens_its_scopes_and_dies_when_revoked(
    app: Flask, acme: Seeded, database: Database, notes: Notes
) -> None:
    owner = log_in(app, acme)
    key = secret_on(post(owner, "/keys", name="shop", scope=["calls:read"]), "new-key")
    assert key not in owner.get("/admin/workspace/keys").text
    program, headers = app.test_client(), {"Authorization": f"Bearer {key}"}
    assert program.get("/api/v1/calls", headers=headers).status_code == 200
    assert program.get("/api/v1/deliveries", headers=headers).status_code == 403
    with database.reading() as session:
        row = session.scalars(select(ApiKey).where(ApiKey.name == "shop")).one()
    assert (row.last_used_at, row.key_hash == key) == (NOW, False)
    notes.pass_time(timedelta(minutes=11))
    program.get("/api/v1/calls", headers=headers)
    with database.reading() as session:
        assert session.get_one(ApiKey, row.id).last_used_at == NOW + timedelta(minutes=11)
    assert "shop" in post(owner, f"/keys/{row.id}/revoke")
    assert program.get("/api/v1/calls", headers=headers).status_code == 401
    assert [action for _, action, _ in notes_of(database, acme)] == ["key.make", "key.revoke"]
    assert key not in str(notes_of(database, acme))


@pytest.mark.parametrize(
    "form",
    [
        {"name": "", "scope": ["calls:read"]},
        {"name": "x", "scope": ["root"]},
        {"name": "all", "scope": ["calls:read"]},
    ],
)
def test_key_without_a_name_of_its_own_or_a_scope_is_not_made(
    app: Flask, acme: Seeded, database: Database, form: dict[str, Any]
) -> None:
    page = post(log_in(app, acme), "/keys", **form)
    assert 'id="new-key"' not in page
    assert 'class="note bad"' in page
    assert notes_of(database, acme) == []


def test_key_of_another_workspace_is_not_found(app: Flask, acme: Seeded, stranger: Seeded, database: Database) -> None:
    with database.reading() as session:
        foreign = session.scalar(select(ApiKey.id).where(ApiKey.workspace_id == stranger.workspace_id))
    owner = log_in(app, acme)
    token = csrf_of(owner.get("/admin/workspace/keys").text)
    answer = owner.post(f"/admin/workspace/keys/{foreign}/revoke", data={"csrf_token": token})
    assert answer.status_code == 404
    assert app.test_client().get("/api/v1/calls", headers=bearer(stranger)).status_code == 200


def test_every_scope_is_explained() -> None:
    assert set(SCOPE_MEANINGS) == set(SCOPES)
