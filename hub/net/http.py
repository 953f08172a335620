"""The one outbound HTTP client: time-outs, no surprise destinations, nothing secret in its logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Header names are lower-case. `body` is empty when the answer went into a sink."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False, default=b"")


class Http(Protocol):
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
        """One request, sent once: no retry, no redirect followed, no cookie, no proxy.

        `write` says that the request changes something over there: what went wrong after the first
        byte was sent is then `OutcomeUnknown`, else `Unreachable`. What went wrong before is
        `Unreachable` for both. A destination that is not allowed (private, metadata, plain http
        outside `DOZVON_ALLOW_HOSTS`) is `Rejected`. A 200 body goes to `sink` when one is given;
        an answer of more than `max_bytes`, decoded, is
        `Rejected` (`OutcomeUnknown` for a write, which was carried out as far as we know). `files`, by
        field name (file name, file opened for reading), are sent as a multipart form instead of `body`.
        """
