"""Codes, tokens, hosts and hooks of the simulated account (amocrm.md §1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import urllib3

from simulators.amocrm import AmoCrmSimulator, ManualClock
from tests.simulators.amocrm_talk import Talk, call, listening, refresh, token_request

REVOKED = "Token has been revoked"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def amo(clock: ManualClock) -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator(clock=clock) as simulator:
        simulator.settings.limited = False
        yield simulator


def exchange(amo: AmoCrmSimulator, code: str, **changes: str) -> tuple[int, dict[str, object]]:
    return token_request(amo, grant_type="authorization_code", code=code, **changes)


def test_code_gives_a_pair_once(amo: AmoCrmSimulator) -> None:
    code = amo.authorization_code()
    status, body = exchange(amo, code)
    assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 86400)
    assert Talk(amo, str(body["access_token"])).ok("GET", "account")["id"] == 555
    again, problem = exchange(amo, code)
    assert (again, problem["status"]) == (400, 400)
    assert str(problem["type"]).endswith("OAuthProblemJson")
    assert amo.offences("code_reused")


def test_code_lives_twenty_minutes(amo: AmoCrmSimulator, clock: ManualClock) -> None:
    in_time, late = amo.authorization_code(), amo.authorization_code()
    clock.advance(1199)
    assert exchange(amo, in_time)[0] == 200
    clock.advance(1)
    assert exchange(amo, late)[0] == 400


@pytest.mark.parametrize("wrong", ["http://127.0.0.1:8080/amocrm/callback/", "https://evil.example/", ""])
def test_redirect_uri_must_be_the_registered_one_byte_for_byte(amo: AmoCrmSimulator, wrong: str) -> None:
    code = amo.authorization_code()
    status, problem = exchange(amo, code, redirect_uri=wrong)
    assert status == 400
    assert "redirect_uri" in str(problem["hint"])
    assert exchange(amo, code)[0] == 200


def test_wrong_secret_is_an_invalid_client_without_a_hint(amo: AmoCrmSimulator) -> None:
    status, problem = token_request(amo, client_secret="x", grant_type="refresh_token", refresh_token=amo.refresh_token)
    assert (status, problem["title"], "hint" in problem) == (401, "invalid client", False)


def test_strict_refresh_token_dies_at_its_first_use(amo: AmoCrmSimulator) -> None:
    old = amo.refresh_token
    amo.expire_tokens()
    status, pair = refresh(amo, old)
    assert status == 200
    assert pair["refresh_token"] == amo.refresh_token != old
    assert refresh(amo, old)[1]["hint"] == REVOKED
    assert refresh(amo, pair["refresh_token"])[0] == 200
    assert len(amo.offences("refresh_token_reused")) == 1
    assert [entry["status"] for entry in amo.refreshes()] == [200, 401, 200]


def test_grace_keeps_the_old_refresh_token_until_the_new_pair_is_used() -> None:
    with AmoCrmSimulator(clock=ManualClock(), mode="grace") as amo:
        amo.expire_tokens()
        old = amo.refresh_token
        lost = refresh(amo, old)[1]
        status, kept = refresh(amo, old)
        assert status == 200
        assert Talk(amo, lost["access_token"]).ask("GET", "account")[0] == 401
        assert Talk(amo, kept["access_token"]).ask("GET", "account")[0] == 200
        assert refresh(amo, old)[0] == 401


def test_refresh_that_was_executed_but_not_answered_costs_the_token_in_strict_mode(amo: AmoCrmSimulator) -> None:
    old = amo.refresh_token
    amo.expire_tokens()
    amo.faults.add("drop_after", "oauth2/access_token")
    with pytest.raises(urllib3.exceptions.HTTPError):
        refresh(amo, old)
    assert refresh(amo, old)[0] == 401


def test_refresh_token_lives_three_months(amo: AmoCrmSimulator, clock: ManualClock) -> None:
    clock.advance(90 * 86400)
    assert refresh(amo, amo.refresh_token)[1]["hint"] == REVOKED


def test_access_token_lives_a_day(amo: AmoCrmSimulator, clock: ManualClock) -> None:
    talk = Talk(amo)
    clock.advance(86399)
    assert talk.ask("GET", "account")[0] == 200
    clock.advance(1)
    status, problem = talk.ask("GET", "account")
    assert (status, problem["title"], problem["type"]) == (401, "Unauthorized", "https://httpstatus.es/401")


def test_haste_is_an_offence_unless_the_token_was_refused(amo: AmoCrmSimulator) -> None:
    refresh(amo, amo.refresh_token)
    assert len(amo.offences("refresh_before_expiry")) == 1
    amo.expire_tokens()
    refresh(amo, amo.refresh_token)
    assert len(amo.offences("refresh_before_expiry")) == 1


def test_long_lived_token_works_until_its_day_and_cannot_be_refreshed(amo: AmoCrmSimulator, clock: ManualClock) -> None:
    talk = Talk(amo, amo.long_lived_token(days=1))
    assert talk.ask("GET", "account")[0] == 200
    assert refresh(amo, "")[0] == 400
    clock.advance(86400)
    assert talk.ask("GET", "account")[0] == 401


def test_token_of_one_account_is_nothing_on_the_host_of_another() -> None:
    with AmoCrmSimulator(accounts=("demo", "second")) as amo:
        other = amo.accounts[1]
        assert other.base_url != amo.base_url
        assert Talk(other, amo.access_token).ask("GET", "account")[0] == 401
        assert Talk(other).ok("GET", "account")["id"] == 556
        assert token_request(other, grant_type="refresh_token", refresh_token=amo.refresh_token)[0] == 401


def test_renamed_account_is_404_at_the_old_host_and_found_by_its_refresh_token(amo: AmoCrmSimulator) -> None:
    old_host, talk = amo.base_url, Talk(amo)
    moved = amo.rename("newname")
    assert urllib3.request("GET", f"{old_host}/api/v4/account").status == 404
    assert urllib3.request("POST", f"{old_host}/oauth2/access_token", json={}).status == 404
    headers = {"X-Refresh-Token": amo.refresh_token}
    found = urllib3.request("GET", f"{old_host}/oauth2/account/current/subdomain", headers=headers).json()
    assert found == {"id": 555, "subdomain": "newname", "domain": urlsplit(moved).netloc, "top_level_domain": "ru"}
    assert talk.ok("GET", "account")["subdomain"] == "newname"


def test_consent_redirects_with_code_referer_and_the_state_that_was_sent(amo: AmoCrmSimulator) -> None:
    answer = Talk(amo).raw("GET", f"/oauth?client_id={amo.client_id}&state=nonce-1&mode=popup")
    location = answer.headers["Location"]
    query = dict(parse_qsl(urlsplit(location).query))
    assert (answer.status, location.split("?")[0]) == (302, amo.redirect_uri)
    assert (query["state"], query["referer"], query["client_id"]) == ("nonce-1", amo.account.host, amo.client_id)
    assert exchange(amo, query["code"])[0] == 200
    without = Talk(amo).raw("GET", f"/oauth?client_id={amo.client_id}").headers["Location"]
    assert "state" not in without
    denied = Talk(amo).raw("GET", f"/oauth?client_id={amo.client_id}&state=n&deny=1").headers["Location"]
    assert dict(parse_qsl(urlsplit(denied).query)) == {
        "error": "access_denied",
        "client_id": amo.client_id,
        "state": "n",
    }


def test_disconnect_kills_tokens_and_signs_its_hook() -> None:
    with listening() as hook, AmoCrmSimulator(disconnect_url=hook.url) as amo:
        assert amo.disconnect(forged=True) == 200
        assert Talk(amo).ask("GET", "account")[0] == 200
        assert amo.disconnect() == 200
        forged, signed = (query["signature"] for query in hook.queries)
        message = f"{amo.client_id}|555".encode()
        assert signed == hmac.new(amo.client_secret.encode(), message, hashlib.sha256).hexdigest() != forged
        assert (hook.queries[1]["client_uuid"], hook.queries[1]["account_id"]) == (amo.client_id, "555")
        assert Talk(amo).ask("GET", "account")[0] == 401
        assert refresh(amo, amo.refresh_token)[1]["hint"] == REVOKED


def test_widget_installs_server_to_server_without_a_state() -> None:
    with listening() as callback, AmoCrmSimulator(redirect_uri=callback.url) as amo:
        assert amo.install_from_widget() == 200
        (query,) = callback.queries
        assert "state" not in query
        assert query["from_widget"]
        assert exchange(amo, query["code"])[0] == 200


@pytest.mark.parametrize(("answer", "goes_on"), [(200, True), (204, False)])
def test_button_posts_the_secrets_and_goes_on_only_after_200(answer: int, goes_on: bool) -> None:
    with listening() as secrets, AmoCrmSimulator() as amo:
        secrets.status = answer
        integration, location = amo.press_button(secrets.url, "nonce")
        sent = json.loads(secrets.bodies[0])
        assert sent["client_id"] == integration.client_id != amo.client_id
        assert (sent["client_secret"], sent["state"]) == (integration.client_secret, "nonce")
        assert (location is not None) is goes_on
        assert bool(amo.offences("secrets_uri_refused")) is not goes_on


def test_widget_token_is_signed_with_the_secret_and_names_who_calls(amo: AmoCrmSimulator) -> None:
    head, claims, signature = amo.widget_token(504, "https://hub.example").split(".")
    wanted = hmac.new(amo.client_secret.encode(), f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64decode(signature + "=") == wanted
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert (said["user_id"], said["account_id"], said["aud"]) == (504, 555, "https://hub.example")
    assert said["exp"] - said["iat"] == 1800


def test_secrets_stay_out_of_the_ledger(amo: AmoCrmSimulator) -> None:
    refresh(amo, amo.refresh_token)
    Talk(amo).ask("POST", "calls", [call()])
    text = json.dumps(amo.report())
    for secret in (amo.client_secret, amo.access_token, amo.refresh_token):
        assert secret not in text


def test_form_is_understood_by_the_token_endpoint_but_noted(amo: AmoCrmSimulator) -> None:
    amo.expire_tokens()
    fields = {"client_id": amo.client_id, "client_secret": amo.client_secret, "redirect_uri": amo.redirect_uri}
    fields |= {"grant_type": "refresh_token", "refresh_token": amo.refresh_token}
    url = f"{amo.base_url}/oauth2/access_token"
    assert urllib3.request("POST", url, body=urlencode(fields)).status == 200
    assert amo.offences("oauth_not_json")
