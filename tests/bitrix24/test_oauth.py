"""The refresh: what the auth server is asked, and what its answers mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.bitrix24.oauth import Bitrix24OAuth
from hub.domain.access import TokenPair
from hub.domain.errors import AuthRevoked, DeliveryError, OutcomeUnknown, Unreachable
from hub.net.http import HttpAnswer
from tests.bitrix24.portal import MEMBER_ID, NOW, FakePortal, answer, redirect, refusal

GIVEN = {
    "access_token": "a2",
    "refresh_token": "r2",
    "expires": 1788003601,
    "expires_in": 3600,
    "domain": "oauth.bitrix.example",
    "server_endpoint": "https://oauth.bitrix.example/rest/",
    "client_endpoint": "https://acme.bitrix24.ru/rest/",
    "member_id": MEMBER_ID,
}


def refreshed(what: HttpAnswer | DeliveryError, portal: FakePortal | None = None) -> TokenPair:
    portal = (portal or FakePortal()).on("", what)
    return Bitrix24OAuth().refresh(portal.door, "refresh-old")


def test_the_refresh_is_a_get_at_the_auth_servers_origin() -> None:
    portal = FakePortal()
    pair = refreshed(answer(GIVEN), portal)
    (asked,) = portal.http.asked
    parts = urlsplit(asked.url)
    assert (asked.verb, parts.netloc, parts.path) == ("GET", "oauth.bitrix.example", "/oauth/token/")
    assert parse_qs(parts.query) == {
        "grant_type": ["refresh_token"],
        "client_id": ["local.1"],
        "client_secret": ["sesame"],
        "refresh_token": ["refresh-old"],
    }
    assert asked.write
    assert (pair.access, pair.refresh, pair.expires_at) == ("a2", "r2", NOW + timedelta(hours=1))


def test_the_auth_servers_domain_is_never_taken_for_the_portals() -> None:
    assert refreshed(answer(GIVEN)).extra == {}


@pytest.mark.parametrize("endpoint", ["https://acme-doors.bitrix24.ru/rest/", "https://acme-doors.bitrix24.ru/rest"])
def test_a_renamed_portals_address_comes_with_the_pair(endpoint: str) -> None:
    assert refreshed(answer({**GIVEN, "client_endpoint": endpoint})).extra == {
        "client_endpoint": "https://acme-doors.bitrix24.ru/rest/",
        "domain": "acme-doors.bitrix24.ru",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"member_id": "ffffffffffffffffffffffffffffffff"},
        {"member_id": None},
        {"client_endpoint": "https://evil.example/rest/"},
        {"client_endpoint": "http://acme-doors.bitrix24.ru/rest/"},
        {"client_endpoint": None},
    ],
)
def test_an_address_that_is_not_surely_ours_is_not_kept(change: dict[str, object]) -> None:
    given = {**GIVEN, "client_endpoint": "https://acme-doors.bitrix24.ru/rest/", **change}
    assert refreshed(answer(given)).extra == {}


@pytest.mark.parametrize(
    ("change", "expires_at"),
    [
        ({"expires_in": "1800"}, NOW + timedelta(minutes=30)),
        ({"expires_in": None}, datetime.fromtimestamp(1788003601, UTC)),
        ({"expires_in": "soon", "expires": []}, None),
    ],
)
def test_the_pairs_end_is_counted_from_our_clock_where_possible(
    change: dict[str, object], expires_at: datetime | None
) -> None:
    assert refreshed(answer({**GIVEN, **change})).expires_at == expires_at


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid_grant"),
        (400, "bad_verification_code"),
        (401, "invalid_client"),
        (400, "invalid_request"),
        (403, "insufficient_scope"),
        (401, "PAYMENT_REQUIRED"),
        (200, "wrong_client"),
        (401, "NOT_INSTALLED"),
        (404, "portal not found"),
        (400, "something_new"),
    ],
)
def test_a_dead_grant_needs_a_person(status: int, code: str) -> None:
    with pytest.raises(AuthRevoked) as caught:
        refreshed(refusal("no", code, status))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        (refusal("x", "server_error", 500), OutcomeUnknown),
        (HttpAnswer(502, {}, b"<html>"), OutcomeUnknown),
        (HttpAnswer(200, {}, b"<html>"), OutcomeUnknown),
        (HttpAnswer(200, {}, b'{"access_token":"a2"'), OutcomeUnknown),
        (HttpAnswer(200, {}, b"[" * 100_000), OutcomeUnknown),
        (answer([]), OutcomeUnknown),
        (answer({"access_token": "a2"}), OutcomeUnknown),
        (HttpAnswer(503, {}, b""), Unreachable),
        (HttpAnswer(429, {}, b""), Unreachable),
        (HttpAnswer(404, {}, b"<html>"), Unreachable),
        (redirect("https://elsewhere.example/"), Unreachable),
        (Unreachable("no route"), Unreachable),
        (OutcomeUnknown("cut"), OutcomeUnknown),
    ],
)
def test_an_unclear_answer_pauses_nothing(what: HttpAnswer | DeliveryError, kind: type[DeliveryError]) -> None:
    with pytest.raises(kind) as caught:
        refreshed(what)
    assert "sesame" not in str(caught.value)


def test_a_connection_without_auth_server_says_so() -> None:
    portal = FakePortal()
    portal.settings["server_endpoint"] = None
    with pytest.raises(AuthRevoked, match="auth server"):
        refreshed(answer(GIVEN), portal)
    assert portal.http.asked == []
