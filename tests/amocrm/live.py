"""A connection to the strict stand-in, over real sockets, for what a connector reads in bulk."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from connectors.amocrm.memory import Memory
from connectors.contract import ConnectionFacts, Door, RecordingFile
from hub.domain.access import AccessToken
from hub.net.client import HubHttp
from simulators.amocrm import SimulatedAccount


@dataclass
class LiveTokens:
    """The account's own newest pair, or a `chosen` token; `renewals` counts how often a newer one was wanted."""

    account: SimulatedAccount
    chosen: str = ""
    renewals: int = 0

    def current(self) -> AccessToken:
        return AccessToken(self.chosen or self.account.access_token, 1)

    def renewed(self, stale: AccessToken) -> AccessToken:
        self.renewals += 1
        return self.current()


@dataclass
class Live:
    """One connection: its settings, and how many requests it spent."""

    account: SimulatedAccount
    tokens: LiveTokens
    settings: dict[str, object]
    memory: Memory = field(default_factory=Memory)
    spent: list[str] = field(default_factory=list)
    http: HubHttp = field(default_factory=lambda: HubHttp(("127.0.0.1",)))

    @property
    def door(self) -> Door:
        secrets = {"client_id": self.account.client_id, "client_secret": self.account.client_secret}
        facts = ConnectionFacts(1, "amocrm", "amo", "RU", "Europe/Moscow", "en", self.settings, secrets)
        return Door(
            connection=facts,
            http=self.http,
            tokens=self.tokens,
            now=lambda: datetime.now(UTC),
            spend=self.spent.append,
            recording=_no_file,
            remember=self.settings.update,
        )


def live(account: SimulatedAccount) -> Live:
    account.settings.limited = False
    return Live(account, LiveTokens(account), {"auth": "oauth", "base_url": account.base_url})


def _no_file(key: str) -> RecordingFile:
    raise AssertionError("amoCRM is sent links, not files")
