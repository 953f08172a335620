"""The error table (amocrm.md §2.2, §2.3): what an answer says, and whether it happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.amocrm.envelope import complaint, opened, without_nulls
from connectors.amocrm.errors import Refused, error_for, retry_at
from hub.domain.errors import (
    AuthExpired,
    DeliveryError,
    OutcomeUnknown,
    Paused,
    Rejected,
    Throttled,
    Unreachable,
)
from hub.net.http import HttpAnswer
from tests.amocrm.account import answer, problem

NOW = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
PLAIN = b"Too many requests"


def raised(reply: HttpAnswer, *, write: bool = True) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        opened(reply, write=write, now=NOW)
    return caught.value


TABLE = [
    (400, Refused, Refused),
    (401, AuthExpired, AuthExpired),
    (402, Paused, Paused),
    (403, Refused, Refused),
    (404, Refused, Refused),
    (405, Refused, Refused),
    (408, Unreachable, Unreachable),
    (422, Refused, Refused),
    (429, Throttled, Throttled),
    (500, OutcomeUnknown, Unreachable),
    (502, OutcomeUnknown, Unreachable),
    (503, OutcomeUnknown, Unreachable),
    (504, OutcomeUnknown, Unreachable),
]


@pytest.mark.parametrize(("status", "of_a_write", "of_a_read"), TABLE)
def test_each_status_answers_whether_it_happened(
    status: int, of_a_write: type[DeliveryError], of_a_read: type[DeliveryError]
) -> None:
    assert type(raised(problem(status))) is of_a_write
    assert type(raised(problem(status), write=False)) is of_a_read


@pytest.mark.parametrize("body", [PLAIN, b"", b"<html>blocked</html>", b"[]", b"{}"])
def test_a_403_that_is_no_problem_document_is_a_block_for_a_quarter_of_an_hour(body: bytes) -> None:
    error = raised(HttpAnswer(403, {}, body))
    assert isinstance(error, Throttled)
    assert error.until == NOW + timedelta(minutes=15)


def test_an_account_that_is_not_paid_waits_and_keeps_its_access() -> None:
    error = raised(problem(402, "Account is not paid"))
    assert isinstance(error, Paused)
    assert "kept" in error.hint


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        (problem(429, retry_after=300), 300),
        (HttpAnswer(429, {"retry-after": "12"}, PLAIN), 12),
        (HttpAnswer(429, {"retry-after": "Tue, 01 Sep 2026 09:00:30 GMT"}, b""), 30),
        (HttpAnswer(429, {"retry-after": "5"}, b'{"retry_after": 9}'), 9),
        (HttpAnswer(429, {"retry-after": "Tue, 01 Sep 2020 09:00:30 GMT"}, b""), 0),
        (HttpAnswer(429, {"retry-after": "9999999"}, b""), 3600),
    ],
)
def test_too_fast_waits_as_long_as_amocrm_says(reply: HttpAnswer, seconds: int) -> None:
    error = raised(reply)
    assert isinstance(error, Throttled)
    assert error.until == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("header", [None, "", "soon", "-5", "1e9", "99999999999999"])
def test_a_429_that_need_not_be_json_and_does_not_say_when(header: str | None) -> None:
    assert retry_at(header, None, NOW) is None
    assert retry_at(None, True, NOW) is None


def test_a_refusal_names_its_fields_and_the_vendors_words() -> None:
    error = raised(
        problem(400, "Request validation failed", [("custom_fields_values.0.field_id", "NotSupportedChoice")])
    )
    assert isinstance(error, Refused)
    assert [(fault.path, fault.code) for fault in error.faults] == [
        ("custom_fields_values.0.field_id", "NotSupportedChoice")
    ]
    assert error.about("field_id")
    assert not error.about("entity_id")
    assert "Request validation failed" in error.message
    assert "custom_fields_values.0.field_id: NotSupportedChoice" in error.message
    assert isinstance(error, Rejected)


def test_all_calls_failed_says_so_in_words() -> None:
    body = {"_total_items": 0, "errors": [{"title": "Entity not found"}], "_embedded": {"calls": []}}
    assert "Entity not found" in raised(answer(body, status=400)).message


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b"\xff\xfe", b'{"validation-errors": [1, {"errors": "x"}]}', b"[" * 9000]
)
def test_odd_bodies_of_errors_break_nothing(body: bytes) -> None:
    assert complaint(HttpAnswer(400, {}, body), NOW).faults == ()
    assert isinstance(raised(HttpAnswer(400, {}, body)), Refused)


def test_long_words_are_cut() -> None:
    assert len(raised(problem(400, "x" * 9000)).message) < 600


def test_lacking_rights_are_told_as_such() -> None:
    error = error_for(complaint(problem(403, "No rights"), NOW), write=True, now=NOW)
    assert "rights" in error.hint


def test_nulls_go_and_empty_values_stay() -> None:
    assert without_nulls({"a": None, "b": [{"c": None, "d": ""}], "e": 0, "f": False}) == {
        "b": [{"d": ""}],
        "e": 0,
        "f": False,
    }


def test_the_vendors_id_of_the_request_is_told_for_its_support() -> None:
    answered = HttpAnswer(500, {"x-request-id": "a1b2-c3"}, b"")
    assert complaint(answered, NOW).words.endswith("[request a1b2-c3]")
    for odd in ("", "x\ny", "я"):
        assert "[request" not in complaint(HttpAnswer(500, {"x-request-id": odd}, b""), NOW).words
