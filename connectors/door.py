"""The door that a connector works through: everything it may reach the world with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from hub.domain.access import Tokens
from hub.net.http import Http

Json = object
StepResult = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """A workspace's link to one outside system, as its folder sees it. `secrets` is never logged."""

    id: int
    vendor: str
    name: str
    region: str
    timezone: str
    locale: str
    settings: Mapping[str, Json]
    secrets: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A kept recording: `extension` of the file name is "mp3" or "wav"."""

    path: Path
    extension: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Door:
    """Everything a connector may reach the world with; made anew for each piece of work.

    `spend(method)` takes one request from the connection's quota and must be called before each
    request to the vendor; it raises `Throttled` when the budget of this lane is used up.
    `remember(changes)` keeps changed connection settings (a renamed portal).
    """

    connection: ConnectionFacts
    http: Http
    tokens: Tokens
    now: Callable[[], datetime]
    spend: Callable[[str], None]
    recording: Callable[[str], RecordingFile]
    remember: Callable[[Mapping[str, Json]], None]
