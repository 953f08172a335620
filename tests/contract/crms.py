"""What the suite needs of each CRM: a stand-in that runs, and how a connection to it is described.

A vendor with a `crm` adds a line to `STANDS`; the suite fails for one that has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from connectors.contract import ConnectionFacts, Crm, Door, RecordingFile, Step, StepResult, StepSpec, Unsupported
from hub.domain.access import AccessToken
from hub.domain.errors import AuthRevoked
from hub.domain.events import Direction, Result
from hub.domain.intents import CallFacts, Intent, IntentKind, Why
from hub.domain.party import Source
from hub.domain.phone import Phone
from simulators.amocrm.simulator import AmoCrmSimulator
from simulators.bitrix24.simulator import Bitrix24Simulator
from tests.contract.rude import RudeHttp

Facts = Mapping[str, object]


@dataclass(frozen=True)
class Stand:
    """A running stand-in. `secrets` are canaries as well: none of them may be read in an error.

    `user_id` is an employee that the stand-in has, `hosts` where requests may go.
    """

    settings: Facts
    secrets: Mapping[str, str]
    user_id: str
    hosts: frozenset[str]


def _hosts(*addresses: str) -> frozenset[str]:
    return frozenset(urlsplit(address).netloc for address in addresses)


@contextmanager
def _bitrix24() -> Iterator[Stand]:
    with Bitrix24Simulator() as portal:
        portal.settings.limited = False
        secrets = {
            "client_id": portal.client_id,
            "client_secret": portal.client_secret,
            "access_token": portal.access_token,
            "refresh_token": portal.refresh_token,
            "application_token": portal.application_token,
        }
        settings = {
            "auth": "oauth",
            "domain": portal.domain,
            "member_id": portal.member_id,
            "client_endpoint": portal.client_endpoint,
            "server_endpoint": portal.server_endpoint,
        }
        yield Stand(settings, secrets, "1", _hosts(portal.client_endpoint, portal.server_endpoint))


@contextmanager
def _amocrm() -> Iterator[Stand]:
    with AmoCrmSimulator() as account:
        account.settings.limited = False
        secrets = {
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "redirect_uri": account.redirect_uri,
            "access_token": account.access_token,
            "refresh_token": account.refresh_token,
        }
        yield Stand({"auth": "oauth", "base_url": account.base_url}, secrets, "504", _hosts(account.base_url))


STANDS: Mapping[str, Callable[[], AbstractContextManager[Stand]]] = {"bitrix24": _bitrix24, "amocrm": _amocrm}


@dataclass
class FixedTokens:
    """One access token that is good; nobody has a newer one."""

    value: str

    def current(self) -> AccessToken:
        return AccessToken(self.value, 1)

    def renewed(self, stale: AccessToken) -> AccessToken:
        raise AuthRevoked("the access was taken back")


@dataclass
class Tried:
    """One CRM under questioning: its connection, and the results of the steps done so far.

    A connector may remember things under the connection's `number` (that it was blocked lately).
    """

    vendor: str
    crm: Crm
    stand: Stand
    file: Path
    number: int = 1
    done: dict[str, StepResult] = field(default_factory=dict)

    @property
    def facts(self) -> ConnectionFacts:
        stand = self.stand
        return ConnectionFacts(
            self.number, self.vendor, "crm", "RU", "Europe/Moscow", "ru", dict(stand.settings), dict(stand.secrets)
        )

    def http(self) -> RudeHttp:
        return RudeHttp(self.stand.hosts)

    def door(self, http: RudeHttp) -> Door:
        return Door(
            connection=self.facts,
            http=http,
            tokens=FixedTokens(self.stand.secrets["access_token"]),
            now=lambda: datetime.now(UTC),
            spend=lambda _method: None,
            recording=lambda _key: RecordingFile(self.file, "wav", self.file.stat().st_size),
            remember=lambda _changes: None,
        )

    def perform(self, key: str, intent: Intent, http: RudeHttp | None = None) -> StepResult:
        return self.crm.perform(self.step(key, intent), self.door(http or self.http()))

    def step(self, key: str, intent: Intent) -> Step:
        return Step(key, intent, dict(self.done), datetime.now(UTC))

    def story(self, call_id: str, client: Phone | None) -> list[tuple[StepSpec, Intent]]:
        """Every step that every kind of intent asks for, once, in order of rank."""
        found: dict[str, tuple[StepSpec, Intent]] = {}
        for intent in every_intent(call_facts(call_id, client, self.stand.user_id)):
            steps = self.crm.steps(intent)
            for spec in () if isinstance(steps, Unsupported) else steps:
                found.setdefault(spec.key, (spec, intent))
        return sorted(found.values(), key=lambda pair: pair[0].rank)

    def settled(self, intent: Intent) -> Intent:
        """The intent with the id of the task that was made meanwhile: nothing else is known only afterwards."""
        if intent.kind is not IntentKind.CLOSE_TASK:
            return intent
        return replace(intent, about=str(self.done["task"]["task_id"]))


def call_facts(call_id: str, client: Phone | None, user_id: str | None) -> CallFacts:
    started_at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    return CallFacts(
        call_id=call_id,
        direction=Direction.INBOUND,
        client=client,
        line=Phone("74950000001", "+74950000001"),
        started_at=started_at,
        answered=True,
        talk_seconds=60,
        wait_seconds=7,
        ended_at=started_at + timedelta(seconds=67),
        result=Result.ANSWERED,
        user_id=user_id,
        extension="101",
        creates_lead=True,
        source=Source("yandex", "cpc", "doors", evidence="a visit"),
        recording_links=("https://hub.acme.example/r/abcdefabcdef",),
    )


def every_intent(call: CallFacts) -> list[Intent]:
    """One of each kind, as a plan would have them."""
    about = {
        IntentKind.SHOW_CARD: call.user_id or "",
        IntentKind.HIDE_CARD: call.user_id or "",
        IntentKind.ATTACH_RECORDING: "17",
        IntentKind.LINK_RECORDING: "18",
        IntentKind.CLOSE_TASK: "41",
    }
    links = {
        IntentKind.ATTACH_RECORDING: "https://hub.acme.example/r/abcdefabcdef",
        IntentKind.LINK_RECORDING: "https://hub.acme.example/r/fedcbafedcba",
    }
    return [
        Intent(
            kind,
            str(kind),
            call,
            (Why("", "test", "every kind is asked for"),),
            about=about.get(kind, ""),
            title="Перезвонить",
            text="Пропущенный звонок",
            deadline=call.started_at + timedelta(hours=1),
            link=links.get(kind, ""),
        )
        for kind in IntentKind
    ]
