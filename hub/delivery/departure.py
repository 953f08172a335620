"""Whether a write has left the hub: what failed before that was certainly not carried out.

A telephone must not ring twice and a lead must not be made twice, so what may have been carried out is never sent
again blindly. But a fault of our own while a write is still being put together is no such doubt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from connectors.contract import Door
from hub.net.http import Http, HttpAnswer


@dataclass
class Departure:
    """Watches one piece of work; `has_left` once a request that changes something was handed to the HTTP client."""

    has_left: bool = False

    def watched(self, door: Door) -> Door:
        """`door`, for that work."""
        return replace(door, http=_Watched(door.http, self))


@dataclass(frozen=True, slots=True)
class _Watched:
    """Another's `Http`."""

    http: Http
    departure: Departure

    def request(self, *arguments: Any, write: bool, **options: Any) -> HttpAnswer:
        self.departure.has_left = self.departure.has_left or write
        return self.http.request(*arguments, write=write, **options)
