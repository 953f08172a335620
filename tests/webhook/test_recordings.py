"""Recordings are fetched from listed hosts, and from nowhere else."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any, BinaryIO

import pytest

from connectors.contract import ConnectionFacts, Door, RecordingFile
from connectors.webhook.recordings import WebhookPbx
from hub.domain.access import AccessToken
from hub.domain.errors import DeliveryError, NotReady, Rejected, Throttled, Unreachable
from hub.net.http import HttpAnswer

URL = "https://records.acme.example/r-1.mp3"


class OneAnswer:
    """An `Http` that gives one answer and remembers what was asked."""

    def __init__(self, status: int = 200, content_type: str = "audio/mpeg") -> None:
        self.answer = HttpAnswer(status, {"content-type": content_type})
        self.asked: list[str] = []

    def request(self, method: str, url: str, *, sink: BinaryIO | None = None, **_: Any) -> HttpAnswer:
        self.asked.append(url)
        if sink is not None and self.answer.status == 200:
            sink.write(b"sound")
        return self.answer


class NoTokens:
    def current(self) -> AccessToken:
        raise AssertionError("a webhook has no tokens")

    def renewed(self, stale: AccessToken) -> AccessToken:
        raise AssertionError("a webhook has no tokens")


def no_recording(key: str) -> RecordingFile:
    raise AssertionError("nothing is read back")


def fetch(http: OneAnswer, url: str = URL, hosts: list[str] | None = None) -> tuple[str, bytes]:
    settings: dict[str, object] = {"recording_hosts": ["records.acme.example"] if hosts is None else hosts}
    connection = ConnectionFacts(7, "webhook", "w", "RU", "Europe/Moscow", "ru", settings, {})
    spent: list[str] = []
    now = datetime(2026, 1, 1, tzinfo=UTC)
    door = Door(connection, http, NoTokens(), lambda: now, spent.append, no_recording, lambda changes: None)
    sink = io.BytesIO()
    kind = WebhookPbx().fetch_recording(url, door, sink)
    assert spent == ["recording"]
    return kind, sink.getvalue()


def test_a_listed_host_gives_the_audio() -> None:
    assert fetch(OneAnswer()) == ("audio/mpeg", b"sound")


def test_without_a_list_nothing_is_fetched_and_the_mend_is_told() -> None:
    http = OneAnswer()
    with pytest.raises(Rejected) as refused:
        fetch(http, hosts=[])
    assert "records.acme.example" in refused.value.message
    assert "recording_hosts" in refused.value.hint
    assert http.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/r.mp3",
        "https://records.acme.example.evil.example/r.mp3",
        "https://records.acme.example@evil.example/r.mp3",
        "https://user:word@records.acme.example/r.mp3",
        "https://records.acme.example:8443/r.mp3",
        "https://records.acme.example:99999/r.mp3",
        "ftp://records.acme.example/r.mp3",
        "file:///etc/passwd",
        "https://[::1/r.mp3",
        "r-1",
    ],
)
def test_another_address_is_not_asked_at_all(url: str) -> None:
    http = OneAnswer()
    with pytest.raises(Rejected):
        fetch(http, url)
    assert http.asked == []


def test_an_unusual_port_is_listed_with_its_host() -> None:
    assert fetch(OneAnswer(), "https://records.acme.example:8443/r.mp3", ["Records.acme.example:8443"])[1] == b"sound"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, NotReady),
        (425, NotReady),
        (302, Rejected),
        (403, Rejected),
        (410, Rejected),
        (429, Throttled),
        (502, Unreachable),
    ],
)
def test_an_answer_without_a_file_is_told_apart(status: int, error: type[DeliveryError]) -> None:
    with pytest.raises(error):
        fetch(OneAnswer(status))


def test_a_page_is_not_audio() -> None:
    with pytest.raises(Rejected, match="text/html"):
        fetch(OneAnswer(content_type="text/html; charset=utf-8"))


def test_a_nameless_file_is_known_by_its_ending() -> None:
    assert fetch(OneAnswer(content_type="application/octet-stream"))[0] == "audio/mpeg"
