"""Everything that a provider, a network or a stranger can do wrong ends in a page in plain words, and in no session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from flask import Flask

from hub.config import Settings
from hub.db.engine import Database
from hub.web.oidc import wire
from simulators.oidc import SimulatedProvider
from simulators.oidc.faults import FAULTS
from tests.web.conftest import Notes, csrf_of
from tests.web.oidc_stage import (
    HUB,
    acme_people,
    copied,
    heading,
    oidc_app,
    query_of,
    running_provider,
    visit,
    with_oidc,
)
from tests.web.seed import PASSWORD, Seeded

UNTRUSTED, CLOCK = (403, "The answer could not be trusted"), (403, "The clocks disagree")
SETUP, AWAY = (502, "The log-in is not set up properly"), (503, "Acme ID does not answer")
AFTER_THE_WAY_BACK = {
    "wrong_nonce": UNTRUSTED,
    "no_nonce": UNTRUSTED,
    "wrong_aud": UNTRUSTED,
    "second_aud": UNTRUSTED,
    "wrong_azp": UNTRUSTED,
    "other_issuer": UNTRUSTED,
    "other_iss_parameter": UNTRUSTED,
    "expired": CLOCK,
    "from_the_future": CLOCK,
    "alg_none": UNTRUSTED,
    "unsigned": UNTRUSTED,
    "bad_signature": UNTRUSTED,
    "confused": UNTRUSTED,
    "wrong_at_hash": UNTRUSTED,
    "no_id_token": UNTRUSTED,
    "no_email": (403, "Your e-mail address is not confirmed"),
    "unverified": (403, "Your e-mail address is not confirmed"),
    "other_subject": UNTRUSTED,
    "deny": (403, "You were not logged in"),
    "server_error": AWAY,
    "client_refused": SETUP,
    "html": SETUP,
    "keys_down": AWAY,
}
BEFORE_LEAVING = {"down": AWAY, "slow": AWAY, "other_discovery": SETUP, "no_endpoints": SETUP, "redirect": SETUP}
NO_FAULTS = {"email_in_userinfo", "post_only"}
"""Within the standard: test_oidc.py."""


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    return copied(migrated_sqlite, tmp_path)


@pytest.fixture
def provider(notes: Notes, acme: Seeded) -> Iterator[SimulatedProvider]:
    with running_provider(notes) as running:
        acme_people(running, acme)
        yield running


@pytest.fixture
def hub(settings: Settings, database: Database, notes: Notes, provider: SimulatedProvider) -> Flask:
    return oidc_app(with_oidc(settings, provider), database, notes)


def test_every_fault_of_the_stand_in_is_tried() -> None:
    assert set(FAULTS) == set(AFTER_THE_WAY_BACK) | set(BEFORE_LEAVING) | NO_FAULTS


@pytest.mark.parametrize("fault", AFTER_THE_WAY_BACK)
def test_bad_answer_opens_nothing_and_the_next_good_one_does(
    hub: Flask, provider: SimulatedProvider, fault: str
) -> None:
    browser = visit(hub)
    provider.state.switch(fault, *(["email_in_userinfo"] if fault == "other_subject" else []))
    answer = browser.arrive("owner")
    assert (answer.status_code, heading(answer)) == AFTER_THE_WAY_BACK[fault]
    assert 'href="/admin/login"' in answer.text
    assert "told by the provider" not in answer.text
    assert not browser.is_in()
    provider.state.switch()
    assert browser.arrive("owner").status_code == 303
    assert browser.is_in()


@pytest.mark.parametrize("fault", BEFORE_LEAVING)
def test_provider_that_cannot_be_used_is_said_before_anybody_leaves(
    hub: Flask, provider: SimulatedProvider, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "READ_TIMEOUT_SECONDS", 0.3)
    browser = visit(hub)
    provider.state.switch(fault)
    answer = browser.go()
    assert (answer.status_code, heading(answer)) == BEFORE_LEAVING[fault]
    assert provider.asked("/elsewhere") == 0
    provider.state.switch()
    assert browser.arrive("owner").status_code == 303


def test_provider_that_is_gone_leaves_the_password(
    hub: Flask, settings: Settings, database: Database, notes: Notes, provider: SimulatedProvider, acme: Seeded
) -> None:
    gone = replace(provider.state, issuer="http://127.0.0.1:1")
    app = oidc_app(with_oidc(settings, SimulatedProvider(gone)), database, notes)
    browser = visit(app)
    assert (browser.go().status_code, heading(browser.go())) == AWAY
    form = {"email": acme.email("owner"), "password": PASSWORD, "csrf_token": csrf_of(browser.get("/admin/login").text)}
    assert browser.post("/admin/login", form).status_code == 303


def test_provider_in_the_own_network_is_not_called_unless_it_is_allowed(
    settings: Settings, database: Database, notes: Notes, provider: SimulatedProvider
) -> None:
    app = oidc_app(replace(with_oidc(settings, provider), allow_hosts=()), database, notes)
    answer = visit(app).go()
    assert (answer.status_code, heading(answer)) == SETUP
    assert provider.asked("/.well-known/openid-configuration") == 0


# --- Keys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep_name", [False, True])
def test_changed_key_is_fetched_when_it_is_met(hub: Flask, provider: SimulatedProvider, keep_name: bool) -> None:
    assert visit(hub).arrive("owner").status_code == 303
    provider.state.rotate(keep_name=keep_name)
    assert visit(hub).arrive("owner").status_code == 303
    assert visit(hub).arrive("owner").status_code == 303
    assert provider.asked("/keys") == 2


def test_provider_may_go_over_to_another_algorithm(hub: Flask, provider: SimulatedProvider) -> None:
    assert visit(hub).arrive("owner").status_code == 303
    provider.state.rotate(alg="RS256")
    assert visit(hub).arrive("owner").status_code == 303


def test_keys_and_discovery_are_asked_for_once_an_hour(hub: Flask, provider: SimulatedProvider, notes: Notes) -> None:
    for _ in range(2):
        visit(hub).arrive("owner")
    seen = ("/.well-known/openid-configuration", "/keys")
    assert [provider.asked(path) for path in seen] == [1, 1]
    notes.pass_time(timedelta(minutes=61))
    visit(hub).arrive("owner")
    assert [provider.asked(path) for path in seen] == [2, 2]


@pytest.mark.parametrize(("seconds", "status"), [(-50, 303), (50, 303), (-660, 403), (70, 403)])
def test_clocks_may_be_a_little_apart_and_no_more(
    hub: Flask, provider: SimulatedProvider, notes: Notes, seconds: int, status: int
) -> None:
    provider.state.now = lambda: notes.now.timestamp() + seconds
    answer = visit(hub).arrive("owner")
    assert answer.status_code == status
    assert status == 303 or heading(answer) == "The clocks disagree"


# --- State and code ------------------------------------------------------------------------------------------------


def test_answer_is_good_once(hub: Flask, provider: SimulatedProvider) -> None:
    browser = visit(hub)
    back = browser.agree(browser.go().location, "owner")
    assert browser.get(back).status_code == 303
    answer = browser.get(back)
    assert (answer.status_code, heading(answer)) == (400, "This log-in is no longer good")
    assert provider.offences() == []  # the code was not even tried


def test_code_that_was_used_elsewhere_is_refused_by_the_provider(hub: Flask, provider: SimulatedProvider) -> None:
    browser = visit(hub)
    address = browser.go().location
    cookie = browser.client.get_cookie("dozvon_session", domain="hub.acme.example")
    assert cookie is not None
    back = browser.agree(address, "owner")
    assert browser.get(back).status_code == 303
    thief = visit(hub)
    thief.client.set_cookie("dozvon_session", cookie.value, domain="hub.acme.example", secure=True)
    answer = thief.get(back)
    assert (answer.status_code, heading(answer)) == (400, "This log-in is no longer good")
    assert provider.offences() == ["code_twice"]
    assert not thief.is_in()


def test_answer_for_another_browser_is_refused(hub: Flask, provider: SimulatedProvider) -> None:
    attacker, victim = visit(hub), visit(hub)
    victim.go()
    back = attacker.agree(attacker.go().location, "owner")
    answer = victim.get(back)
    assert (answer.status_code, heading(answer)) == (400, "This log-in is no longer good")
    assert not victim.is_in()


def test_answer_after_ten_minutes_is_too_late(hub: Flask, provider: SimulatedProvider, notes: Notes) -> None:
    browser = visit(hub)
    address = browser.go().location
    notes.pass_time(timedelta(minutes=10, seconds=1))
    assert heading(browser.get(browser.agree(address, "owner"))) == "This log-in is no longer good"


def test_several_tabs_may_log_in_at_once(hub: Flask, provider: SimulatedProvider) -> None:
    browser = visit(hub)
    first, second = (browser.go(path).location for path in ("/admin/calls", "/admin/account"))
    assert browser.get(browser.agree(first, "owner")).location == "/admin/calls"
    other = visit(hub)
    addresses = [other.go().location for _ in range(4)]
    assert heading(other.get(other.agree(addresses[0], "owner"))) == "This log-in is no longer good"
    assert other.get(other.agree(addresses[-1], "owner")).status_code == 303
    assert second != first


@pytest.mark.parametrize(
    "query", ["", "?state=made-up&code=x", "?error=access_denied", "?state=%00&code=%00", "?state=я"]
)
def test_answer_that_nobody_asked_for_is_refused(hub: Flask, provider: SimulatedProvider, query: str) -> None:
    answer = visit(hub).get(f"/admin/login/oidc/callback{query}")
    assert (answer.status_code, heading(answer)) == (400, "This log-in is no longer good")
    assert provider.state.ledger.entries("asked") == []


@pytest.mark.parametrize("error", ["invalid_scope", "<script>alert(1)</script>", ""])
def test_words_of_the_provider_do_not_stand_on_the_page(hub: Flask, provider: SimulatedProvider, error: str) -> None:
    browser = visit(hub)
    state = query_of(browser.go().location)["state"]
    answer = browser.get(f"/admin/login/oidc/callback?state={state}&error={quote(error)}&error_description=pay+here")
    assert (answer.status_code, heading(answer)) == SETUP
    assert "alert(1)" not in answer.text
    assert "pay here" not in answer.text


# --- Brakes and words ----------------------------------------------------------------------------------------------


def test_failures_slow_an_address_down_as_wrong_passwords_do(
    hub: Flask, provider: SimulatedProvider, notes: Notes, acme: Seeded
) -> None:
    browser = visit(hub)
    for _ in range(50):
        browser.get("/admin/login/oidc/callback?state=made-up&code=x")
    answer = browser.go()
    assert (answer.status_code, heading(answer)) == (429, "Too many attempts")
    assert int(answer.headers["Retry-After"]) > 0
    form = {"email": acme.email("owner"), "password": PASSWORD, "csrf_token": csrf_of(browser.get("/admin/login").text)}
    assert browser.post("/admin/login", form).status_code == 429
    notes.pass_time(timedelta(minutes=6))
    assert browser.arrive("owner").status_code == 303


def test_pages_speak_russian_and_nothing_secret_is_logged(
    hub: Flask, provider: SimulatedProvider, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = visit(hub)
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "ru"
    assert "Войти через Acme ID" in browser.get("/admin/login").text
    provider.add("stranger", "stranger@elsewhere.example")
    back = browser.agree(browser.go().location, "stranger")
    answer = browser.get(back)
    assert heading(answer) == "Вас здесь ещё нет"
    told = "".join(capsys.readouterr())
    assert "oidc_refused" in told
    for secret in (*query_of(f"{HUB}{back}").values(), "stranger@elsewhere.example"):
        assert secret == provider.issuer or secret not in told
