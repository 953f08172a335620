"""What the pages and the API are handed: nothing in `hub.web` makes these by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from flask import current_app, request

from connectors.contract import Registry
from hub.config import Settings
from hub.db.engine import Database
from hub.db.tables import RecordingRow
from hub.runtime import Runtime
from hub.tracking.live.visitors import Visitors
from webhooks.contract import InboxItem

_EXTENSION = "dozvon"


@dataclass(frozen=True, slots=True)
class WebServices:
    """What the wiring supplies.

    `replay_deliveries` and `replay_inbox` take row ids and the workspace, put the rows back to work
    and return how many were; rows that cannot be replayed are left alone. `ready` returns a sentence
    for each thing that is missing; none means ready. `recording_path` is None when the file is gone.
    `visitors` serves the tracker; None where there is no Redis to serve it from.
    """

    replay_deliveries: Callable[[Sequence[int], int], int]
    replay_inbox: Callable[[Sequence[int], int], int]
    ready: Callable[[], list[str]]
    registry: Registry
    now: Callable[[], datetime]
    recording_path: Callable[[RecordingRow], Path | None]
    runtime: Runtime | None = None
    """The way out, for pages that must ask another system while somebody waits."""
    keep: Callable[[int, Sequence[InboxItem], datetime], None] | None = None
    """Keep admitted items of a connection in the inbox and ring; raises `InboxUnavailable`."""
    visitors: Visitors | None = None


@dataclass(frozen=True, slots=True)
class Web:
    """Everything that a view needs."""

    settings: Settings
    database: Database
    services: WebServices

    @property
    def public_url(self) -> str:
        """What addresses for outsiders start with, without a slash at the end."""
        return self.settings.public_url or request.host_url.rstrip("/")

    def vendor_title(self, vendor: str) -> str:
        connector = self.services.registry.get(vendor)
        return connector.title if connector else vendor


def install(extensions: dict[str, object], web: Web) -> None:
    extensions[_EXTENSION] = web


def web() -> Web:
    """The parts of the application that answers this request."""
    return cast("Web", current_app.extensions[_EXTENSION])
