"""Recordings: one post, one link that works once, followed once and only to Mango (`mango.md §4.1`)."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from connectors.mango.client import MangoPbx
from hub.domain.errors import AuthRevoked, DeliveryError, NotReady, Rejected, Throttled, Unreachable
from hub.net.http import HttpAnswer
from tests.mango.door import answer, door_to

RECORDING = "MToxMDAwMDAwMToyNjAwMDAwMDAxOjA="
AUDIO = b"ID3 sound"


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
