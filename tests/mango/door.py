"""A door for Mango's client to knock at: scripted answers, and a record of what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO
from urllib.parse import parse_qsl

from connectors.contract import ConnectionFacts, Door, RecordingFile
from hub.domain.access import AccessToken
from hub.net.http import HttpAnswer
from tests.mango.samples import KEY, SALT

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


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
