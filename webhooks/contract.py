"""What every sender's folder answers about an incoming request: is it really theirs, and what does it state?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from hub.domain.events import CallEvent
from hub.domain.notices import Notice


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One request at `/hooks/<token>[/<topic…>]`.

    `topic` has no slash at either end and none doubled ("events/call"); `query` is the raw query
    string; header names are lower-case; `body` is exactly what was sent.
    """

    method: str
    topic: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """What the sender wants to hear."""

    status: int = 200
    body: bytes = b'{"ok":true}'
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class InboxItem:
    """One thing to keep. `dedupe_key` is equal for a repeated delivery of the same thing, and only then."""

    dedupe_key: str
    topic: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Admitted:
    """The request is genuine. No items: a connection check, of which nothing is kept."""

    items: tuple[InboxItem, ...]
    answer: HookAnswer = field(default_factory=HookAnswer)


@dataclass(frozen=True, slots=True)
class ParseContext:
    """What parsing may depend on: `region` reads phones without a country code."""

    region: str
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Drift:
    """A word or field that this version does not know: counted, never fatal. `kind` "field" or "word"."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Stated:
    """The events of one item, in the order stated; never empty."""

    events: tuple[CallEvent, ...]
    drift: tuple[Drift, ...] = ()


@dataclass(frozen=True, slots=True)
class News:
    """Statements that are not about a call's course; never empty."""

    notices: tuple[Notice, ...]
    drift: tuple[Drift, ...] = ()


@dataclass(frozen=True, slots=True)
class Ignored:
    """Understood, and nothing about a call. `reason` is read by people."""

    reason: str
    drift: tuple[Drift, ...] = ()


@dataclass(frozen=True, slots=True)
class Malformed:
    """Genuine, but not understood: quarantined with this reason, replayable after a fix."""

    reason: str
    drift: tuple[Drift, ...] = ()


Parsed = Stated | News | Ignored | Malformed


class Hook(Protocol):
    """Both functions are pure; neither raises anything but `BadSignature`."""

    def admit(self, request: HookRequest, secrets: Sequence[Mapping[str, str]]) -> Admitted:
        """Verify raw bytes, in constant time, against each set of secrets (the newest first).

        Raises `BadSignature` when no set fits, a signature is missing, or `secrets` is empty.
        """

    def parse(self, item: InboxItem, context: ParseContext) -> Parsed:
        """What a kept item states."""
