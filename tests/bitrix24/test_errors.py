"""Every way in which Bitrix24 says no, and what it means."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from connectors.bitrix24.envelope import identifier, mapping, opened, rows, text
from connectors.bitrix24.errors import Refused, retry_after
from hub.domain.errors import (
    AuthExpired,
    AuthRevoked,
    DeliveryError,
    OutcomeUnknown,
    Paused,
    Rejected,
    Throttled,
    Unreachable,
)
from hub.net.http import HttpAnswer
from tests.bitrix24.portal import NOW, answer, refusal, reply


def raised(what: HttpAnswer, *, write: bool = True) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        opened(what, write=write, now=NOW)
    return caught.value


CODES = [
    (503, "QUERY_LIMIT_EXCEEDED", Throttled),
    (200, "query_limit_exceeded", Throttled),
    (429, "OPERATION_TIME_LIMIT", Throttled),
    (503, "OVERLOAD_LIMIT", Paused),
    (500, "PORTAL_DELETED", Paused),
    (410, "portal_deleted", Paused),
    (401, "PAYMENT_REQUIRED", Paused),
    (403, "user_access_error", Paused),
    (403, "insufficient_scope", Paused),
    (403, "WRONG_AUTH_TYPE", Paused),
    (401, "METHOD_CONFIRM_WAITING", Paused),
    (401, "expired_token", AuthExpired),
    (401, "NO_AUTH_FOUND", AuthRevoked),
    (401, "invalid_token", AuthRevoked),
    (403, "INVALID_CREDENTIALS", AuthRevoked),
    (401, "ERROR_OAUTH", AuthRevoked),
    (401, "AUTHORIZATION_ERROR", AuthRevoked),
    (401, "APPLICATION_NOT_FOUND", AuthRevoked),
    (200, "wrong_client", AuthRevoked),
    (401, "something_new", AuthRevoked),
    (403, "METHOD_CONFIRM_DENIED", Rejected),
    (404, "ERROR_METHOD_NOT_FOUND", Rejected),
    (400, "ERROR_CORE", Rejected),
    (400, "100", Rejected),
    (200, "ERROR_ARGUMENT", Rejected),
    (429, "something_new", Throttled),
    (500, "INTERNAL_SERVER_ERROR", OutcomeUnknown),
    (200, "ERROR_UNEXPECTED_ANSWER", OutcomeUnknown),
    (503, "something_new", OutcomeUnknown),
    (502, "ERROR_CORE", OutcomeUnknown),
]


@pytest.mark.parametrize(("status", "code", "kind"), CODES)
def test_the_code_decides_in_whatever_case(status: int, code: str, kind: type[DeliveryError]) -> None:
    for spelling in (code, code.lower(), code.upper()):
        error = raised(refusal("What the portal said", spelling, status))
        assert type(error) is kind or (kind is Rejected and isinstance(error, Refused))
        assert "What the portal said" in error.message


@pytest.mark.parametrize("code", [code for _, code, kind in CODES if kind is Paused])
def test_a_pause_says_what_to_do(code: str) -> None:
    assert raised(refusal("x", code, 403)).hint


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("REST API is available only on commercial plans", Paused),
        ("Оплатите подписку", Paused),
        ("Access denied.", Rejected),
        ("No explanation", Rejected),
    ],
)
def test_access_denied_pauses_only_for_the_plan(words: str, kind: type[DeliveryError]) -> None:
    assert isinstance(raised(refusal(words, "ACCESS_DENIED", 403)), kind)


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (400, "Call is not found", Rejected),
        (200, "Call is not found", Rejected),
        (401, "The access token provided has expired.", AuthExpired),
        (401, "Unauthorized", AuthRevoked),
        (503, "Too many requests", Throttled),
        (503, "", OutcomeUnknown),
        (500, "Internal", OutcomeUnknown),
    ],
)
def test_an_empty_code_is_judged_by_status_and_words(status: int, words: str, kind: type[DeliveryError]) -> None:
    assert isinstance(raised(refusal(words, "", status)), kind)


BARE = [
    (502, b"<html>Bad Gateway</html>", OutcomeUnknown, Unreachable),
    (503, b"Service Unavailable", OutcomeUnknown, Unreachable),
    (504, b"", OutcomeUnknown, Unreachable),
    (200, b"<html>Welcome</html>", OutcomeUnknown, Unreachable),
    (200, b'{"result":{"CALL_ID":"ext', OutcomeUnknown, Unreachable),
    (200, b"", OutcomeUnknown, Unreachable),
    (204, b"", OutcomeUnknown, Unreachable),
    (200, b"[]", OutcomeUnknown, Unreachable),
    (200, b"{}", OutcomeUnknown, Unreachable),
    (200, b"\xff\xfe", OutcomeUnknown, Unreachable),
    (200, b"[" * 100_000, OutcomeUnknown, Unreachable),
    (429, b"slow down", Throttled, Throttled),
    (403, b"<html>Forbidden</html>", Unreachable, Unreachable),
    (404, b"not found", Unreachable, Unreachable),
    (401, b"", Unreachable, Unreachable),
    (400, b"<html>Bad Request</html>", Rejected, Rejected),
    (413, b"<html>Too Large</html>", Rejected, Rejected),
]


@pytest.mark.parametrize(("status", "body", "on_write", "on_read"), BARE)
def test_an_answer_without_envelope_is_unknown_for_a_write_only(
    status: int, body: bytes, on_write: type[DeliveryError], on_read: type[DeliveryError]
) -> None:
    assert isinstance(raised(HttpAnswer(status, {}, body)), on_write)
    assert isinstance(raised(HttpAnswer(status, {}, body), write=False), on_read)


@pytest.mark.parametrize(
    ("result", "more"),
    [(3465, {}), (True, {}), (False, {}), (None, {}), ([], {}), ({"ID": "7"}, {"error": ""}), ([1], {"error": None})],
)
def test_any_result_without_an_error_is_a_success(result: object, more: dict[str, object]) -> None:
    assert opened(answer({"result": result, **more}), write=True, now=NOW)["result"] == result


def test_an_error_beside_a_result_is_an_error() -> None:
    assert isinstance(raised(reply([], error="ERROR_CORE", error_description="no")), Refused)


def test_an_error_in_the_shape_of_the_third_version_is_understood() -> None:
    error = raised(answer({"error": {"code": "BITRIX_REST_V3_X", "message": "no such field"}}, status=400))
    assert isinstance(error, Refused)
    assert (error.code, error.words) == ("bitrix_rest_v3_x", "no such field")


def test_a_refusal_keeps_the_vendors_own_words() -> None:
    error = raised(refusal("Unsupported phone number format", "", 400))
    assert isinstance(error, Refused)
    assert error.says("phone number")
    assert not error.says("User is not found")
    assert error.message == "Bitrix24: Unsupported phone number format"


def test_very_long_words_are_cut() -> None:
    assert len(raised(refusal("x" * 5000)).message) < 600


def test_operating_time_stops_one_method_until_it_resets() -> None:
    reset = int(NOW.timestamp()) + 90
    body = {"error": "OPERATION_TIME_LIMIT", "error_description": "x", "time": {"operating_reset_at": reset}}
    error = raised(answer(body, status=429))
    assert isinstance(error, Throttled)
    assert (error.scope, error.until) == ("method", NOW + timedelta(seconds=90))


@pytest.mark.parametrize("reset", [None, "soon", True, 1e300, float("nan")])
def test_operating_time_without_a_reset_waits_ten_minutes(reset: object) -> None:
    body = {"error": "OPERATION_TIME_LIMIT", "error_description": "x", "time": {"operating_reset_at": reset}}
    error = raised(answer(body, status=429))
    assert isinstance(error, Throttled)
    assert error.until == NOW + timedelta(minutes=10)


def test_too_fast_slows_the_connection_and_names_no_time_of_its_own() -> None:
    error = raised(refusal("Too many requests", "QUERY_LIMIT_EXCEEDED", 503))
    assert isinstance(error, Throttled)
    assert (error.scope, error.until) == ("connection", None)


def test_retry_after_is_respected() -> None:
    error = raised(HttpAnswer(429, {"retry-after": "7"}, b""))
    assert isinstance(error, Throttled)
    assert error.until == NOW + timedelta(seconds=7)


@pytest.mark.parametrize(
    ("header", "moment"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("0", NOW),
        ("120", NOW + timedelta(seconds=120)),
        ("9" * 40, None),
        ("999999999", NOW + timedelta(days=1)),
        ("Sat, 29 Aug 2026 07:06:00 GMT", datetime(2026, 8, 29, 7, 6, tzinfo=UTC)),
        ("Sat, 29 Aug 2026 07:06:00 -0000", datetime(2026, 8, 29, 7, 6, tzinfo=UTC)),
        ("Sat, 29 Aug 2020 07:06:00 GMT", NOW),
    ],
)
def test_retry_after_in_all_its_forms(header: str | None, moment: datetime | None) -> None:
    assert retry_after(header, NOW) == moment


def test_values_as_php_writes_them() -> None:
    assert mapping([]) == {}
    assert mapping(None) == {}
    assert rows([{"ID": 1}, 7]) == [{"ID": 1}]
    assert rows({}) == []
    ids: list[object] = [7, "7", " 7 ", 0, "0", "", None, True, []]
    assert [identifier(value) for value in ids] == ["7", "7", "7", *[None] * 6]
    words: list[object] = ["a", 7, None, True, []]
    assert [text(value) for value in words] == ["a", "7", "", "", ""]


def test_no_body_at_all_is_ever_a_success_by_accident() -> None:
    for document in ("text", 7, None, True, {"resalt": 1}):
        raised(HttpAnswer(200, {}, json.dumps(document).encode()))
