"""What we ask of Mango: signed as it wants, its refusals told apart."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.mango.client import MangoPbx, call, check, post
from connectors.mango.signature import sign
from hub.domain.access import QuotaRule
from hub.domain.errors import (
    AuthRevoked,
    DeliveryError,
    OutcomeUnknown,
    Paused,
    Rejected,
    TargetGone,
    Throttled,
    Unreachable,
)
from hub.net.http import HttpAnswer
from tests.mango.door import NOW, answer, door_to
from tests.mango.samples import KEY, SALT


def error_from(*answers: HttpAnswer, write: bool = False) -> DeliveryError:
    door, _ = door_to(*answers)
    with pytest.raises(DeliveryError) as caught:
        call(door, "commands/callback", {}, write=write)
    return caught.value


# --- Requests ---------------------------------------------------------------------------------------


def test_request_is_a_signed_form_of_three_fields() -> None:
    door, sent = door_to(answer(200, {"result": 1000}))
    post(door, "commands/callback", {"command_id": "cb-42", "comment": "Иван"}, write=True)
    (request,) = sent
    text = '{"command_id":"cb-42","comment":"Иван"}'
    assert (request.method, request.url) == ("POST", "https://app.mango-office.ru/vpbx/commands/callback")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.form == {"vpbx_api_key": KEY, "sign": sign(KEY, SALT, text.encode()), "json": text}
    assert request.write


def test_slash_at_the_end_of_the_base_address_does_no_harm() -> None:
    door, sent = door_to(answer(200), base_url="http://127.0.0.1:9101/vpbx/")
    post(door, "account/balance", {}, write=False)
    assert sent[0].url == "http://127.0.0.1:9101/vpbx/account/balance"
    assert sent[0].form["json"] == "{}"


def test_each_request_is_paid_for_before_it_is_sent() -> None:
    def spend(method: str) -> None:
        raise Throttled("no budget", until=NOW)

    door, sent = door_to(spend=spend)
    with pytest.raises(Throttled):
        check(door)
    assert sent == []


@pytest.mark.parametrize("secrets", [{}, {"api_key": KEY, "api_salt": ""}, {"api_key": "", "api_salt": SALT}])
def test_nothing_is_sent_without_key_and_salt(secrets: dict[str, str]) -> None:
    door, sent = door_to(secrets=secrets)
    with pytest.raises(AuthRevoked):
        check(door)
    assert sent == []


def test_check_tells_the_balance() -> None:
    door, _ = door_to(answer(200, {"result": 1000, "balance": 1234.56, "currency": "RUB"}))
    assert check(door) == "Mango Office answers. The balance of the account is 1234.56 RUB."


@pytest.mark.parametrize("body", [{"result": 1000}, {"result": "1000"}, {"result": 1001}, {"key": "x"}, {"code": 1000}])
def test_good_answer_is_returned(body: dict[str, Any]) -> None:
    door, _ = door_to(answer(200, body))
    assert call(door, "account/balance", {}, write=False) == body


# --- Refusals (mango.md §1.3, §6) -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (answer(420, {"code": 3104}), Rejected),
        (answer(200, {"result": 3100, "fields": {}}), Rejected),
        (answer(200, {"result": "3300"}), Rejected),
        (answer(400, {"result": 3103}), Rejected),
        (answer(400), Rejected),
        (answer(404, b"<html>"), Rejected),
        (answer(200, {"code": 3102}), AuthRevoked),
        (answer(401, {"code": 3105}), AuthRevoked),
        (answer(401, {"result": 3102}), AuthRevoked),
        (answer(401), Throttled),
        (answer(401, {"name": "Unauthorized", "code": 0}), Throttled),
        (answer(429, {"name": "Service Unavailable", "message": "Rate limit exceeded.", "code": 0}), Throttled),
        (answer(429), Throttled),
        (answer(503, {"message": "Rate limit exceeded.", "code": 0}), Throttled),
        (answer(200, {"result": 5008}), Throttled),
        (answer(200, {"result": 5001}), Throttled),
        (answer(403), Paused),
        (answer(200, {"result": 5201}), Paused),
        (answer(200, {"result": 2110}), Paused),
        (answer(200, {"result": 2240}), Rejected),
        (answer(200, {"result": 4101}), TargetGone),
        (answer(200, {"result": 5224}), Rejected),
    ],
)
def test_refusal_is_told_apart(refusal: HttpAnswer, error: type[DeliveryError]) -> None:
    for write in (False, True):
        assert type(error_from(refusal, write=write)) is error


@pytest.mark.parametrize("refusal", [answer(500), answer(502, b"<html>"), answer(503), answer(200, {"result": 5004})])
def test_failure_inside_mango_leaves_a_command_unknown_and_a_question_unanswered(refusal: HttpAnswer) -> None:
    assert type(error_from(refusal, write=True)) is OutcomeUnknown
    assert type(error_from(refusal, write=False)) is Unreachable


def test_lock_after_invalid_requests_is_waited_out() -> None:
    locked = error_from(answer(401))
    assert isinstance(locked, Throttled)
    assert locked.until == NOW + timedelta(seconds=120)


def test_error_has_mangos_own_words_and_its_request_number() -> None:
    refusal = answer(420, {"code": 3104, "message": "bad\nformat"}, x_uuid="u-1")
    assert error_from(refusal).message == "Mango answered HTTP 420, code 3104, bad format, X-Uuid u-1."


def test_error_never_shows_key_or_salt() -> None:
    refusal = answer(400, {"result": 3105, "vpbx_api_key": KEY})
    assert KEY not in str(error_from(refusal))


# --- Budget (mango.md §6.1) -------------------------------------------------------------------------


def test_connections_of_one_product_share_a_budget_that_does_not_show_the_key() -> None:
    door, _ = door_to()
    rule = MangoPbx().quota(door.connection)
    assert rule == QuotaRule("mango:" + rule.key.removeprefix("mango:"), 5, 5)
    assert len(rule.key) == len("mango:") + 12
    assert KEY not in rule.key
    assert rule == MangoPbx().quota(door_to(base_url="http://127.0.0.1:1/vpbx")[0].connection)
    assert rule != MangoPbx().quota(door_to(secrets={"api_key": "other", "api_salt": "s"})[0].connection)
