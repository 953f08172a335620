"""What opens an outside system and how fast it may be asked: OAuth pairs and request budgets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What an OAuth server gave. `extra` are connection settings to keep beside it (a renamed portal's address)."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime | None
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A usable token; `version` rises with each new pair."""

    value: str = field(repr=False)
    version: int


class Tokens(Protocol):
    def current(self) -> AccessToken:
        """The stored token, refreshed first when it is known to be dead.

        Raises `AuthRevoked` when a person has to reconnect.
        """

    def renewed(self, stale: AccessToken) -> AccessToken:
        """A token newer than `stale`: one request to the auth server, however many ask at once."""


@dataclass(frozen=True, slots=True)
class QuotaRule:
    """A leaky bucket: `capacity` requests at once, refilled at `per_second`. `key` names who shares it.

    `beside` is a wider bucket that each request is taken from as well: one that several rules have in common.
    """

    key: str
    capacity: float
    per_second: float
    beside: QuotaRule | None = None
