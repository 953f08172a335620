"""A connection to the account in memory, and a call's steps run as the outbox runs them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

from connectors.amocrm.crm import AmocrmCrm
from connectors.amocrm.memory import Memory
from connectors.contract import ConnectionFacts, Door, RecordingFile, Step, StepResult, StepSpec
from hub.domain.access import AccessToken
from hub.domain.errors import DeliveryError
from hub.domain.events import Direction, Result
from hub.domain.intents import CallFacts, Intent, IntentKind
from hub.domain.party import Source
from hub.domain.phone import Phone
from hub.net.http import Http
from tests.amocrm.account import FakeAccount

NOW = datetime(2026, 9, 1, 9, 10, tzinfo=UTC)
STARTED = datetime(2026, 9, 1, 9, 0, 1, tzinfo=UTC)
ENDED = datetime(2026, 9, 1, 9, 4, tzinfo=UTC)
CLIENT = Phone("89001234567", "+79001234567")
LINE = Phone("74950000001", "+74950000001")
LINK = "https://hub.example/r/3f9c"
YANDEX = Source("yandex", "cpc", "doors", evidence="a visit")
BASE = "https://acme.amocrm.ru"
API = "/api/v4"


@dataclass
class FakeTokens:
    values: list[str] = field(default_factory=lambda: ["old", "new"])
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
class Hub:
    """One connection, the results of one call's steps, and what the account holds."""

    account: FakeAccount = field(default_factory=FakeAccount)
    tokens: FakeTokens = field(default_factory=FakeTokens)
    settings: dict[str, object] = field(default_factory=lambda: {"auth": "oauth", "base_url": BASE})
    secrets: dict[str, str] = field(default_factory=lambda: {"client_id": "abc", "client_secret": "sesame"})
    memory: Memory = field(default_factory=Memory)
    spent: list[str] = field(default_factory=list)
    done: dict[str, StepResult] = field(default_factory=dict)
    now: datetime = NOW

    @property
    def crm(self) -> AmocrmCrm:
        return AmocrmCrm(self.memory)

    @property
    def door(self) -> Door:
        facts = ConnectionFacts(1, "amocrm", "amo", "RU", "Europe/Moscow", "en", self.settings, self.secrets)
        return Door(
            connection=facts,
            http=cast("Http", self.account),
            tokens=self.tokens,
            now=lambda: self.now,
            spend=self.spent.append,
            recording=_no_file,
            remember=self.settings.update,
        )

    def step(self, key: str, intent: Intent) -> Step:
        return Step(key, intent, dict(self.done), NOW)

    def perform(self, key: str, intent: Intent) -> StepResult:
        self.done[key] = self.crm.perform(self.step(key, intent), self.door)
        return self.done[key]

    def look_up(self, key: str, intent: Intent) -> object:
        return self.crm.look_up(self.step(key, intent), self.door)

    def show(self, *intents: Intent) -> dict[str, StepResult]:
        """Bring the intents about: each step once, in order of rank."""
        specs: dict[str, tuple[StepSpec, Intent]] = {}
        for intent in intents:
            steps = self.crm.steps(intent)
            assert not hasattr(steps, "reason"), steps
            for spec in steps:
                specs.setdefault(spec.key, (spec, intent))
        for spec, intent in sorted(specs.values(), key=lambda pair: pair[0].rank):
            assert all(need in self.done for need in spec.needs), spec
            self.perform(spec.key, intent)
        return self.done

    def another_call(self) -> Hub:
        return replace(self, done={})


def _no_file(key: str) -> RecordingFile:
    raise AssertionError("amoCRM is sent links, not files")


def call(**changes: object) -> CallFacts:
    usual = CallFacts(
        call_id="call-551",
        direction=Direction.INBOUND,
        client=CLIENT,
        line=LINE,
        started_at=STARTED,
        answered=True,
        talk_seconds=187,
        wait_seconds=9,
        ended_at=ENDED,
        result=Result.ANSWERED,
        user_id="5",
        extension="101",
        creates_lead=True,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def missed(**changes: object) -> CallFacts:
    return call(**{"answered": False, "talk_seconds": 0, "result": Result.NO_ANSWER, **changes})


def outbound(**changes: object) -> CallFacts:
    return call(**{"direction": Direction.OUTBOUND, "creates_lead": False, **changes})


def intent(kind: IntentKind, facts: CallFacts | None = None, **changes: object) -> Intent:
    return replace(Intent(kind, str(kind), facts or call(), ()), **changes)  # type: ignore[arg-type]


def log(facts: CallFacts | None = None) -> Intent:
    return intent(IntentKind.LOG_CALL, facts)


def lead(facts: CallFacts | None = None) -> Intent:
    return intent(IntentKind.ENSURE_LEAD, facts)


def source(facts: CallFacts) -> Intent:
    return intent(IntentKind.SET_SOURCE, facts)


def task(facts: CallFacts) -> Intent:
    return intent(IntentKind.ADD_TASK, facts, key="task", title="Call back: +7 900 123-45-67", text="Missed call.")


def record(facts: CallFacts, link: str = LINK, about: str = "1") -> Intent:
    return intent(IntentKind.ATTACH_RECORDING, facts, key=f"recording:{about}", about=about, link=link)
