"""A portal in memory: answers by method, and the list of what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from connectors.contract import ConnectionFacts, Door, RecordingFile, Step, StepResult
from hub.domain.access import AccessToken
from hub.domain.errors import DeliveryError
from hub.domain.events import Direction, Result
from hub.domain.intents import CallFacts, Intent, IntentKind
from hub.domain.phone import Phone
from hub.net.http import HttpAnswer

FIXTURES = Path(__file__).parents[1] / "fixtures" / "bitrix24"
NOW = datetime(2026, 8, 29, 7, 5, tzinfo=UTC)
STARTED = datetime(2026, 8, 29, 7, 0, 1, tzinfo=UTC)
MEMBER_ID = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
CALL_ID = "externalCall.0a1b2c3d4e5f60718293a4b5c6d7e8f9.1788000001"
OLD_TOKEN, NEW_TOKEN = "token-old", "token-new"

SETTINGS: dict[str, object] = {
    "auth": "oauth",
    "domain": "acme.bitrix24.ru",
    "member_id": MEMBER_ID,
    "client_endpoint": "https://acme.bitrix24.ru/rest/",
    "server_endpoint": "https://oauth.bitrix.example/rest/",
    "default_user_id": "1",
    "source_id": "ADVERTISING",
}
SECRETS = {
    "client_id": "local.1",
    "client_secret": "sesame",
    "access_token": OLD_TOKEN,
    "refresh_token": "refresh-old",
}


@dataclass(frozen=True)
class Asked:
    verb: str
    url: str
    params: dict[str, Any]
    write: bool
    files: dict[str, tuple[str, bytes]]

    @property
    def method(self) -> str:
        return urlsplit(self.url).path.rpartition("/")[2]

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc


Reply = HttpAnswer | DeliveryError | Callable[[Asked], HttpAnswer]


def reply(result: object = None, *, status: int = 200, **more: object) -> HttpAnswer:
    return answer({"result": result, "time": {}, **more}, status=status)


def answer(document: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    return HttpAnswer(status, headers or {}, json.dumps(document).encode())


def refusal(words: str, code: str = "ERROR_CORE", status: int = 400, **headers: str) -> HttpAnswer:
    return answer({"error": code, "error_description": words}, status=status, headers=headers)


def redirect(location: str, status: int = 302) -> HttpAnswer:
    return HttpAnswer(status, {"location": location}, b"")


def fixture(name: str) -> HttpAnswer:
    return HttpAnswer(200, {}, (FIXTURES / name).read_bytes())


@dataclass
class FakeHttp:
    """`replies` by method, or by "host method"; a list is used up from its front, its last one stays."""

    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        write: bool,
        read_timeout_seconds: float = 20.0,
        max_bytes: int = 8 * 1024 * 1024,
        sink: BinaryIO | None = None,
        files: Mapping[str, tuple[str, BinaryIO]] | None = None,
    ) -> HttpAnswer:
        sent = {name: (called, stream.read()) for name, (called, stream) in (files or {}).items()}
        asked = Asked(method, url, json.loads(body) if body else {}, write, sent)
        self.asked.append(asked)
        waiting = self.replies.get(f"{asked.host} {asked.method}") or self.replies[asked.method]
        now = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if isinstance(now, DeliveryError):
            raise now
        return now if isinstance(now, HttpAnswer) else now(asked)


@dataclass
class FakeTokens:
    values: list[str] = field(default_factory=lambda: [OLD_TOKEN, NEW_TOKEN])
    renewals: int = 0
    trouble: DeliveryError | None = None

    def current(self) -> AccessToken:
        return AccessToken(self.values[self.renewals], self.renewals)

    def renewed(self, stale: AccessToken) -> AccessToken:
        if self.trouble:
            raise self.trouble
        self.renewals = stale.version + 1
        return self.current()


@dataclass
class FakePortal:
    """What a test holds: the door, and all that went through it."""

    http: FakeHttp = field(default_factory=FakeHttp)
    tokens: FakeTokens = field(default_factory=FakeTokens)
    settings: dict[str, object] = field(default_factory=lambda: dict(SETTINGS))
    secrets: dict[str, str] = field(default_factory=lambda: dict(SECRETS))
    spent: list[str] = field(default_factory=list)
    remembered: dict[str, object] = field(default_factory=dict)
    file: RecordingFile | None = None

    def answers(self, **replies: Reply | list[Reply]) -> FakePortal:
        """Replies by method, dots written as "__"."""
        for name, given in replies.items():
            self.on(name.replace("__", "."), *(given if isinstance(given, list) else [given]))
        return self

    def on(self, method: str, *replies: Reply) -> FakePortal:
        self.http.replies[method] = list(replies)
        return self

    @property
    def door(self) -> Door:
        connection = ConnectionFacts(1, "bitrix24", "b24", "RU", "Europe/Moscow", "ru", self.settings, self.secrets)
        return Door(
            connection=connection,
            http=self.http,
            tokens=self.tokens,
            now=lambda: NOW,
            spend=self.spent.append,
            recording=self._recording,
            remember=self.remembered.update,
        )

    def _recording(self, key: str) -> RecordingFile:
        assert self.file is not None
        return self.file

    def params(self, method: str) -> list[dict[str, Any]]:
        return [asked.params for asked in self.http.asked if asked.method == method]

    @property
    def methods(self) -> list[str]:
        return [asked.method for asked in self.http.asked]


def by_webhook() -> FakePortal:
    portal = FakePortal()
    portal.settings = {"auth": "webhook"}
    portal.secrets = {"webhook_url": "https://acme.bitrix24.ru/rest/7/hush/"}
    return portal


def facts(**changes: object) -> CallFacts:
    usual = CallFacts(
        call_id="call-551",
        direction=Direction.INBOUND,
        client=Phone("89001234567", "+79001234567"),
        line=Phone("74950000001", "+74950000001"),
        started_at=STARTED,
        answered=True,
        talk_seconds=187,
        wait_seconds=9,
        ended_at=None,
        result=Result.ANSWERED,
        user_id="42",
        extension="104",
        creates_lead=True,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def intent(kind: IntentKind, call: CallFacts | None = None, **changes: object) -> Intent:
    return replace(Intent(kind, str(kind), call or facts(), ()), **changes)  # type: ignore[arg-type]


REGISTERED: StepResult = {
    "call_id": CALL_ID,
    "created": [{"type": "LEAD", "id": "5102"}],
    "entity_type": "LEAD",
    "entity_id": "5102",
    "user_id": "42",
}
FINISHED: StepResult = {"statistic_id": "9031", "activity_id": "40117", "entity_type": "LEAD", "entity_id": "5102"}
KNOWN_CLIENT: StepResult = {**REGISTERED, "created": [], "entity_type": "CONTACT", "entity_id": "871"}


def step(key: str, what: Intent, **done: StepResult) -> Step:
    return Step(key, what, {"register": REGISTERED, **done} if key != "register" else {}, NOW)
