"""What we ask of Mango: signed as it wants, its refusals told apart, its single-use links followed once."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

import pytest

from connectors.contract import ConnectionFacts, Door, RecordingFile
from connectors.mango.client import MangoPbx, call, check, post
from connectors.mango.signature import sign
from hub.domain.access import AccessToken, QuotaRule
from hub.domain.errors import (
    AuthRevoked,
    DeliveryError,
    NotReady,
    OutcomeUnknown,
    Paused,
    Rejected,
    Throttled,
    Unreachable,
)
from hub.net.http import HttpAnswer
from tests.mango.samples import KEY, SALT

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
RECORDING = "MToxMDAwMDAwMToyNjAwMDAwMDAxOjA="
AUDIO = b"ID3 sound"


@dataclass(frozen=True)
class Sent:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    write: bool

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl((self.body or b"").decode(), strict_parsing=True))


@dataclass
class ScriptedHttp:
    """Answers in turn what it was given, and remembers what it was asked."""

    answers: list[HttpAnswer]
    sent: list[Sent] = field(default_factory=list)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        write: bool,
        read_timeout_seconds: float = 20.0,
        max_bytes: int = 0,
        sink: BinaryIO | None = None,
        files: Mapping[str, tuple[str, BinaryIO]] | None = None,
    ) -> HttpAnswer:
        self.sent.append(Sent(method, url, headers or {}, body, write))
        answer = self.answers.pop(0)
        if sink is not None and answer.status == 200:
            sink.write(answer.body)
            return HttpAnswer(answer.status, answer.headers)
        return answer


class NoTokens:
    def current(self) -> AccessToken:
        raise AssertionError("Mango has no tokens")

    def renewed(self, stale: AccessToken) -> AccessToken:
        raise AssertionError("Mango has no tokens")


def no_recording(key: str) -> RecordingFile:
    raise AssertionError(key)


def answer(status: int, body: Any = None, **headers: str) -> HttpAnswer:
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return HttpAnswer(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def door_to(
    *answers: HttpAnswer,
    base_url: str = "https://app.mango-office.ru/vpbx",
    secrets: Mapping[str, str] | None = None,
    spend: Callable[[str], None] = lambda method: None,
) -> tuple[Door, list[Sent]]:
    keys = {"api_key": KEY, "api_salt": SALT} if secrets is None else secrets
    facts = ConnectionFacts(1, "mango", "mango", "RU", "Europe/Moscow", "ru", {"base_url": base_url}, keys)
    http = ScriptedHttp(list(answers))
    door = Door(facts, http, NoTokens(), lambda: NOW, spend, no_recording, lambda changes: None)
    return door, http.sent


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
        (answer(200, {"result": 4101}), Rejected),
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


# --- Recordings (mango.md §4.1) ---------------------------------------------------------------------


def link_to(place: str) -> HttpAnswer:
    return answer(302, location=place)


SOUND = answer(200, AUDIO, content_type="audio/mp3")


def fetch(*answers: HttpAnswer, key: str = RECORDING, base_url: str = "https://app.mango-office.ru/vpbx") -> Any:
    door, sent = door_to(*answers, base_url=base_url)
    sink = io.BytesIO()
    content_type = MangoPbx().fetch_recording(key, door, sink)
    return content_type, sink.getvalue(), sent


def test_recording_is_fetched_by_one_post_and_one_get_without_the_form() -> None:
    content_type, audio, (asked, followed) = fetch(link_to("https://files.mango-office.ru/token"), SOUND)
    assert (content_type, audio) == ("audio/mpeg", AUDIO)
    assert asked.url == "https://app.mango-office.ru/vpbx/queries/recording/post"
    assert json.loads(asked.form["json"]) == {"recording_id": RECORDING, "action": "download"}
    assert (followed.method, followed.url) == ("GET", "https://files.mango-office.ru/token")
    assert (followed.body, followed.headers) == (None, {})
    assert not asked.write
    assert not followed.write


@pytest.mark.parametrize(
    ("sent_type", "told"),
    [("audio/mpeg; charset=x", "audio/mpeg"), ("audio/wav", "audio/wav"), ("application/octet-stream",) * 2],
)
def test_content_type_of_the_recording_is_told(sent_type: str, told: str) -> None:
    assert fetch(link_to("https://files.mango-office.ru/t"), answer(200, AUDIO, content_type=sent_type))[0] == told


@pytest.mark.parametrize(
    "place",
    [
        "http://files.mango-office.ru/t", "https://mango-office.ru.evil.example/t", "https://evilmango-office.ru/t",
        "https://files.mango-office.ru@evil.example/t", "https://user:pass@files.mango-office.ru/t", "http://169.254.169.254/",
        "https://127.0.0.1/t", "file:///etc/passwd", "//evil.example/t", "https://files.mango-office.ru:99999/t", "https://[/t",
    ],
)  # fmt: skip
def test_link_to_another_host_is_not_followed(place: str) -> None:
    door, sent = door_to(link_to(place), SOUND)
    with pytest.raises(Rejected):
        MangoPbx().fetch_recording(RECORDING, door, io.BytesIO())
    assert len(sent) == 1


@pytest.mark.parametrize("place", ["http://127.0.0.1:9999/f/token", "/f/token"])
def test_stand_in_on_the_host_of_the_base_address_is_followed_on_any_port(place: str) -> None:
    _, audio, sent = fetch(link_to(place), SOUND, base_url="http://127.0.0.1:9101/vpbx")
    assert audio == AUDIO
    assert sent[1].url.endswith("/f/token")


def test_second_redirect_is_not_followed() -> None:
    door, sent = door_to(link_to("https://files.mango-office.ru/t"), link_to("https://files.mango-office.ru/u"), SOUND)
    with pytest.raises(Rejected):
        MangoPbx().fetch_recording(RECORDING, door, io.BytesIO())
    assert len(sent) == 2


@pytest.mark.parametrize(
    "answers",
    [
        (answer(404),), (answer(404, {"code": 3320}),), (answer(204),), (answer(200),),
        (answer(400, {"result": 3320}),), (answer(200, {"result": 3320}),),
        (link_to("https://files.mango-office.ru/t"), answer(404)),
        (link_to("https://files.mango-office.ru/t"), answer(410)),
        (link_to("https://files.mango-office.ru/t"), answer(204)),
        (link_to("https://files.mango-office.ru/t"), answer(200, b"", content_type="audio/mpeg")),
        (link_to("https://files.mango-office.ru/t"), answer(200, b"{}", content_type="application/json")),
    ],
)  # fmt: skip
def test_file_that_is_not_there_yet_is_asked_for_later(answers: tuple[HttpAnswer, ...]) -> None:
    with pytest.raises(NotReady):
        fetch(*answers)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ((answer(401),), Throttled),
        ((answer(429),), Throttled),
        ((answer(200, {"code": 3105}),), AuthRevoked),
        ((answer(200, {"result": 4002}),), Rejected),
        ((answer(500),), Unreachable),
        ((answer(200, {"result": 1000}),), Unreachable),
        ((answer(302),), Unreachable),
        ((link_to("https://files.mango-office.ru/t"), answer(503)), Unreachable),
    ],
)
def test_refused_recording_says_why(answers: tuple[HttpAnswer, ...], error: type[DeliveryError]) -> None:
    with pytest.raises(DeliveryError) as caught:
        fetch(*answers)
    assert type(caught.value) is error


@pytest.mark.parametrize("key", ["", "a\nb", "a\x00", "x" * 129, "я" * 65])
def test_impossible_id_is_not_asked_for(key: str) -> None:
    door, sent = door_to()
    with pytest.raises(Rejected):
        MangoPbx().fetch_recording(key, door, io.BytesIO())
    assert sent == []


def test_connections_of_one_product_share_a_budget_that_does_not_show_the_key() -> None:
    door, _ = door_to()
    rule = MangoPbx().quota(door.connection)
    assert rule == QuotaRule("mango:" + rule.key.removeprefix("mango:"), 10, 10)
    assert len(rule.key) == len("mango:") + 12
    assert KEY not in rule.key
    assert rule == MangoPbx().quota(door_to(base_url="http://127.0.0.1:1/vpbx")[0].connection)
    assert rule != MangoPbx().quota(door_to(secrets={"api_key": "other", "api_salt": "s"})[0].connection)
