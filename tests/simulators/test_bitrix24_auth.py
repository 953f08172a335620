"""Tokens, rights and limits of the simulated portal (bitrix24.md §1, §2.4)."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3

from simulators.bitrix24 import Bitrix24Simulator, ManualClock
from tests.simulators.bitrix24_talk import REGISTER, Talk, token_request

REGISTER_METHOD = "telephony.externalCall.register"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def portal(clock: ManualClock) -> Iterator[Bitrix24Simulator]:
    with Bitrix24Simulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def talk(portal: Bitrix24Simulator) -> Talk:
    return Talk(portal)


def test_access_token_lives_an_hour(portal: Bitrix24Simulator, talk: Talk, clock: ManualClock) -> None:
    clock.advance(3599)
    assert talk.ok("profile")["ID"] == "1"
    clock.advance(1)
    assert talk.refused("profile")[:2] == (401, "expired_token")


def test_unknown_token_and_missing_token_are_not_an_expired_one(talk: Talk) -> None:
    assert talk.refused("profile", auth="nobody")[:2] == (401, "NO_AUTH_FOUND")
    assert talk.refused("profile", auth="")[:2] == (401, "NO_AUTH_FOUND")


def test_refresh_kills_the_old_pair(portal: Bitrix24Simulator, talk: Talk) -> None:
    access, refresh = portal.access_token, portal.refresh_token
    portal.expire_tokens()
    status, body = token_request(portal, grant_type="refresh_token", refresh_token=refresh)
    assert status == 200
    assert (body["access_token"], body["refresh_token"]) == (portal.access_token, portal.refresh_token)
    assert body["domain"] == portal.auth_domain
    assert body["client_endpoint"] == portal.client_endpoint
    assert talk.ok("profile")["ID"] == "1"
    assert talk.refused("profile", auth=access)[:2] == (401, "NO_AUTH_FOUND")
    status, body = token_request(portal, grant_type="refresh_token", refresh_token=refresh)
    assert (status, body["error"]) == (400, "invalid_grant")
    assert portal.ledger.offences("refresh_token_reused")
    assert [one.status for one in portal.ledger.refreshes] == [200, 400]


def test_grace_gives_the_same_new_pair_for_a_while(portal: Bitrix24Simulator, talk: Talk, clock: ManualClock) -> None:
    portal.settings.refresh_mode = "grace"
    access, refresh = portal.access_token, portal.refresh_token
    first = token_request(portal, grant_type="refresh_token", refresh_token=refresh)[1]
    again = token_request(portal, grant_type="refresh_token", refresh_token=refresh)[1]
    assert first["access_token"] == again["access_token"]
    assert talk.ok("profile", auth=access)["ID"] == "1"
    clock.advance(61)
    assert token_request(portal, grant_type="refresh_token", refresh_token=refresh)[0] == 400


def test_refresh_of_a_good_token_is_an_offence(portal: Bitrix24Simulator) -> None:
    token_request(portal, grant_type="refresh_token", refresh_token=portal.refresh_token)
    assert portal.ledger.offences("refresh_before_expiry")


def test_refresh_token_lives_half_a_year(portal: Bitrix24Simulator, clock: ManualClock) -> None:
    clock.advance(180 * 86400)
    assert token_request(portal, grant_type="refresh_token", refresh_token=portal.refresh_token)[0] == 400


def test_code_is_good_once_and_for_thirty_seconds(portal: Bitrix24Simulator, clock: ManualClock) -> None:
    code = portal.authorization_code()
    assert token_request(portal, grant_type="authorization_code", code=code)[0] == 200
    assert token_request(portal, grant_type="authorization_code", code=code)[1]["error"] == "invalid_grant"
    late = portal.authorization_code()
    clock.advance(30)
    assert token_request(portal, grant_type="authorization_code", code=late)[1]["error"] == "invalid_grant"


def test_wrong_secret_and_wrong_grant_type_are_refused(portal: Bitrix24Simulator) -> None:
    assert token_request(portal, grant_type="refresh_token", client_secret="x")[1]["error"] == "invalid_client"
    assert token_request(portal, grant_type="password")[1]["error"] == "invalid_request"


def test_consent_sends_the_browser_back_with_code_and_state(portal: Bitrix24Simulator) -> None:
    address = f"{portal.base_url}/oauth/authorize/?client_id={portal.client_id}&state=s1"
    page = urllib3.request("GET", address, redirect=False)
    assert page.status == 200, "without an address to return to the portal shows a page"
    portal.portal.app.redirect_uri = "http://127.0.0.1:1/callback"
    answer = urllib3.request("GET", address, redirect=False)
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert answer.status == 302
    assert (back["state"], back["member_id"], back["domain"]) == (["s1"], [portal.member_id], [portal.domain])
    assert token_request(portal, grant_type="authorization_code", code=back["code"][0])[0] == 200


def test_auth_server_knows_whose_token_it_is(portal: Bitrix24Simulator) -> None:
    answer = urllib3.request("GET", f"{portal.server_endpoint}app.info", fields={"auth": portal.access_token}).json()
    assert answer["result"]["client_id"] == portal.client_id
    assert answer["result"]["install"]["member_id"] == portal.member_id
    assert urllib3.request("GET", f"{portal.server_endpoint}app.info?auth=x").status == 401


def test_method_outside_the_scope_is_refused(portal: Bitrix24Simulator, talk: Talk) -> None:
    for grant in portal.portal.grants:
        grant.scope = ("crm",)
    assert talk.refused(REGISTER_METHOD, REGISTER)[:2] == (403, "insufficient_scope")
    assert talk.refused("user.get")[:2] == (403, "insufficient_scope")
    assert talk.ok("crm.lead.list") == []


def test_webhook_may_use_crm_but_not_what_belongs_to_an_application(portal: Bitrix24Simulator) -> None:
    def by_webhook(method: str, **params: object) -> tuple[int, str]:
        answer = urllib3.request("POST", portal.webhook_url + method, json=params, retries=False)
        return answer.status, answer.json().get("error", "")

    assert by_webhook("crm.lead.add", fields={"TITLE": "x"}) == (200, "")
    assert by_webhook(REGISTER_METHOD, **REGISTER) == (403, "WRONG_AUTH_TYPE")
    portal.settings.webhook_telephony = "allow"
    assert by_webhook(REGISTER_METHOD, **REGISTER) == (200, "")
    assert by_webhook("event.bind", event="ONCRMLEADADD", handler="http://127.0.0.1:1/") == (403, "WRONG_AUTH_TYPE")
    wrong = portal.webhook_url.replace("/rest/1/", "/rest/2/")
    assert urllib3.request("POST", wrong + "profile").json()["error"] == "NO_AUTH_FOUND"


def test_bucket_holds_fifty_hits_and_leaks_two_a_second(
    portal: Bitrix24Simulator, talk: Talk, clock: ManualClock
) -> None:
    for _ in range(50):
        talk.ok("server.time")
    assert talk.refused("server.time")[:2] == (503, "QUERY_LIMIT_EXCEEDED")
    clock.advance(1)
    assert [talk.ask("server.time")[0] for _ in range(3)] == [200, 200, 503]
    assert len(portal.ledger.offences("request_limit_exceeded")) == 2


def test_method_that_ran_too_long_is_blocked_and_others_are_not(
    portal: Bitrix24Simulator, talk: Talk, clock: ManualClock
) -> None:
    portal.portal.operating.durations["crm.lead.list"] = 250.0
    first = talk.ask("crm.lead.list")[1]["time"]
    second = talk.ask("crm.lead.list")[1]["time"]
    assert (first["operating"], second["operating"]) == (250.0, 500.0), "the value adds up over calls"
    assert talk.refused("crm.lead.list")[:2] == (429, "OPERATION_TIME_LIMIT")
    assert talk.ok("crm.contact.list") == []
    clock.advance(second["operating_reset_at"] - clock())
    assert talk.ok("crm.lead.list") == []


def test_some_portals_do_not_tell_their_operating_time(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.settings.omit_operating = True
    assert not {"operating", "operating_reset_at"} & set(talk.ask("profile")[1]["time"])


def test_token_in_the_address_is_an_offence_and_masked(portal: Bitrix24Simulator) -> None:
    urllib3.request("GET", f"{portal.client_endpoint}profile", fields={"auth": portal.access_token})
    assert portal.ledger.offences("token_in_url")
    assert portal.access_token not in str(portal.ledger.requests())


def test_two_portals_do_not_know_each_others_tokens(portal: Bitrix24Simulator) -> None:
    other = portal.add_portal()
    assert Talk(other).ok("profile")["ID"] == "1"
    assert Talk(other).refused("profile", auth=portal.access_token)[:2] == (401, "NO_AUTH_FOUND")
    assert other.member_id != portal.member_id


def test_renamed_portal_answers_302_at_its_old_address(portal: Bitrix24Simulator, talk: Talk) -> None:
    old = portal.client_endpoint
    new = portal.rename()
    answer = urllib3.request("POST", old + "profile", json={"auth": portal.access_token}, redirect=False)
    assert (answer.status, urlsplit(answer.headers["Location"]).netloc) == (302, new)
    assert talk.ok("profile")["ID"] == "1"
