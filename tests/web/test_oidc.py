"""Log-in through an OpenID provider: who comes in, as whom, and how it is noted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from hub.config import Settings
from hub.db.engine import Database
from hub.db.identities import UserIdentity
from hub.db.tables import AuditRow, User
from simulators.oidc import SimulatedProvider
from tests.web.conftest import Notes, csrf_of
from tests.web.oidc_stage import (
    BACK,
    CLIENT_SECRET,
    TITLE,
    acme_people,
    heading,
    oidc_app,
    query_of,
    running_provider,
    visit,
    with_oidc,
)
from tests.web.seed import NOW, Seeded, add_workspace


@pytest.fixture
def provider(notes: Notes, acme: Seeded) -> Iterator[SimulatedProvider]:
    with running_provider(notes) as running:
        acme_people(running, acme)
        yield running


@pytest.fixture
def hub(settings: Settings, database: Database, notes: Notes, provider: SimulatedProvider) -> Flask:
    return oidc_app(with_oidc(settings, provider), database, notes)


def notes_of(database: Database) -> list[tuple[str, str, str]]:
    with database.reading() as session:
        return [(row.actor, row.action, row.subject) for row in session.scalars(select(AuditRow).order_by(AuditRow.id))]


@pytest.mark.parametrize("role", ["owner", "agent"])
def test_known_user_comes_in_with_their_role_and_workspace(
    hub: Flask, provider: SimulatedProvider, acme: Seeded, role: str
) -> None:
    browser = visit(hub)
    answer = browser.arrive(role, "/admin/calls")
    assert (answer.status_code, answer.location) == (303, "/admin/calls")
    page = browser.get("/admin/account").text
    assert acme.email(role) in page
    assert "ООО «Acme»" in page
    assert browser.get("/admin/deliveries").status_code == (200 if role == "owner" else 403)
    assert provider.offences() == []


def test_request_carries_pkce_state_nonce_and_nothing_secret(hub: Flask, provider: SimulatedProvider) -> None:
    seen = [query_of(visit(hub).go().location) for _ in range(2)]
    for query in seen:
        assert query["redirect_uri"] == BACK
        assert query["code_challenge_method"] == "S256"
        assert CLIENT_SECRET not in str(query)
    for name in ("state", "nonce", "code_challenge"):
        assert seen[0][name] != seen[1][name]


def test_log_in_is_noted_and_the_account_is_bound_once(
    hub: Flask, provider: SimulatedProvider, database: Database, acme: Seeded
) -> None:
    for _ in range(2):
        assert visit(hub).arrive("admin").status_code == 303
    email = acme.email("admin")
    assert notes_of(database) == [
        (email, "login.bind", "127.0.0.1"), (email, "login", TITLE), (email, "login", TITLE),
    ]  # fmt: skip
    with database.reading() as session:
        row = session.scalars(select(UserIdentity)).one()
    assert (row.user_id, row.issuer, row.subject) == (acme.user_ids["admin"], provider.issuer, "admin")


def test_bound_user_is_known_by_the_subject_when_the_address_has_changed(
    hub: Flask, provider: SimulatedProvider, acme: Seeded
) -> None:
    assert visit(hub).arrive("admin").status_code == 303
    provider.add("admin", "married@acme.example", email_verified=False)
    browser = visit(hub)
    assert browser.arrive("admin").status_code == 303
    assert acme.email("admin") in browser.get("/admin/account").text


def test_address_that_was_given_to_another_person_does_not_open_the_account_of_the_first(
    hub: Flask, provider: SimulatedProvider, acme: Seeded
) -> None:
    assert visit(hub).arrive("admin").status_code == 303
    provider.add("somebody-new", acme.email("admin"))
    browser = visit(hub)
    answer = browser.arrive("somebody-new")
    assert (answer.status_code, heading(answer)) == (403, "This account belongs to another log-in")
    assert not browser.is_in()


def test_stranger_gets_no_account_and_is_told_whom_to_ask(
    hub: Flask, provider: SimulatedProvider, database: Database
) -> None:
    provider.add("stranger", "stranger@elsewhere.example")
    with database.reading() as session:
        before = session.scalar(select(func.count(User.id)))
    browser = visit(hub)
    answer = browser.arrive("stranger")
    assert (answer.status_code, heading(answer)) == (403, "You have no account here yet")
    assert "administrator" in answer.text
    assert not browser.is_in()
    with database.reading() as session:
        assert session.scalar(select(func.count(User.id))) == before
        assert session.scalar(select(func.count(UserIdentity.id))) == 0


def test_removed_user_is_a_stranger_though_they_were_bound(
    hub: Flask, provider: SimulatedProvider, database: Database, acme: Seeded
) -> None:
    assert visit(hub).arrive("admin").status_code == 303
    with database.transaction() as session:
        session.delete(session.get_one(User, acme.user_ids["admin"]))
    assert heading(visit(hub).arrive("admin")) == "You have no account here yet"


def test_disabled_user_is_refused_and_let_in_again_later(
    hub: Flask, provider: SimulatedProvider, database: Database, acme: Seeded
) -> None:
    browser = visit(hub)
    browser.arrive("admin")
    assert browser.is_in()
    with database.transaction() as session:
        session.get_one(User, acme.user_ids["admin"]).disabled_at = NOW
    assert not browser.is_in()
    answer = browser.arrive("admin")
    assert (answer.status_code, heading(answer)) == (403, "Your account is disabled")
    with database.transaction() as session:
        session.get_one(User, acme.user_ids["admin"]).disabled_at = None
    assert visit(hub).arrive("admin").status_code == 303


def test_account_that_a_crm_made_is_not_opened_by_an_address(
    hub: Flask, provider: SimulatedProvider, database: Database, acme: Seeded
) -> None:
    with database.transaction() as session:
        session.get_one(User, acme.user_ids["admin"]).password_hash = "!"
    assert heading(visit(hub).arrive("admin")) == "You have no account here yet"


@pytest.mark.parametrize("verified", ["true", True])
def test_verified_may_be_spelled_as_a_word(hub: Flask, provider: SimulatedProvider, verified: bool | str) -> None:
    provider.add("owner", "Owner@ACME.example", email_verified=verified)
    assert visit(hub).arrive("owner").status_code == 303


def test_address_may_come_from_the_userinfo_alone(hub: Flask, provider: SimulatedProvider) -> None:
    provider.state.switch("email_in_userinfo")
    assert visit(hub).arrive("owner").status_code == 303
    assert provider.asked("/userinfo") == 1
    assert provider.offences() == []


def test_secret_goes_into_the_body_where_the_provider_takes_it_only_there(
    hub: Flask, provider: SimulatedProvider
) -> None:
    provider.state.switch("post_only")
    assert visit(hub).arrive("owner").status_code == 303
    assert provider.offences() == []


def test_public_client_needs_no_secret(
    settings: Settings, database: Database, notes: Notes, provider: SimulatedProvider
) -> None:
    provider.register("public", "", BACK)
    app = oidc_app(with_oidc(settings, provider, client_id="public", client_secret=""), database, notes)
    assert visit(app).arrive("owner").status_code == 303
    assert provider.offences() == []


# --- Several workspaces --------------------------------------------------------------------------------------------


def test_person_of_two_workspaces_chooses_one(
    hub: Flask, provider: SimulatedProvider, database: Database, acme: Seeded
) -> None:
    other = add_workspace(database, "other")
    with database.transaction() as session:
        session.get_one(User, other.user_ids["agent"]).email = acme.email("owner")
    browser = visit(hub)
    page = browser.arrive("owner", "/admin/calls")
    assert (page.status_code, heading(page)) == (200, "Where to?")
    assert not browser.is_in()
    form = {"csrf_token": csrf_of(page.text), "user": str(other.user_ids["agent"])}
    answer = browser.post("/admin/login/oidc/workspace", form)
    assert (answer.status_code, answer.location) == (303, "/admin/calls")
    assert "ООО «Other»" in browser.get("/admin/account").text


def test_choice_cannot_name_somebody_elses_account_nor_be_made_without_an_arrival(
    hub: Flask, provider: SimulatedProvider, database: Database, acme: Seeded, notes: Notes
) -> None:
    other = add_workspace(database, "other")
    with database.transaction() as session:
        session.get_one(User, other.user_ids["agent"]).email = acme.email("owner")
    browser = visit(hub)
    form = {"csrf_token": csrf_of(browser.get("/admin/login").text), "user": str(acme.user_ids["owner"])}
    assert browser.post("/admin/login/oidc/workspace", form).status_code == 400
    page = browser.arrive("owner")
    form["csrf_token"] = csrf_of(page.text)
    assert browser.post("/admin/login/oidc/workspace", {**form, "csrf_token": "made up"}).status_code == 400
    for foreign in (other.user_ids["owner"], acme.user_ids["admin"], 999_999):
        assert browser.post("/admin/login/oidc/workspace", {**form, "user": str(foreign)}).status_code == 403
    notes.pass_time(timedelta(minutes=11))
    assert browser.post("/admin/login/oidc/workspace", form).status_code == 400
    assert not browser.is_in()
