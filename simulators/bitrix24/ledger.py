"""The ledger: what was asked, what was answered, and which rules of the protocol were broken."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_SECRET_NAMES = {"auth", "access_token", "refresh_token", "client_secret", "application_token", "token", "code"}
_LONG = 400


@dataclass(frozen=True)
class Exchange:
    """One HTTP request to the portal (`side` rest), to the auth server (auth) or to a handler (event).

    `params` are masked; `at` is unix seconds of the portal's clock; `status` None means no answer was sent;
    `executed` says whether the method ran to its end; `in_batch` marks a command inside a batch.
    """

    at: float
    tenant: str
    side: str
    http_method: str
    method: str
    params: Mapping[str, Any]
    status: int | None
    error: str | None
    source: str
    executed: bool = False
    in_batch: bool = False
    result: Any = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Offence:
    """A broken rule."""

    at: float
    tenant: str
    code: str
    detail: str


class Ledger:
    """Grows only; may be read at any time from any thread. With a `path` each entry is also a JSON line there."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._exchanges: list[Exchange] = []
        self._offences: list[Offence] = []
        self._file = path.open("a", encoding="utf-8") if path else None

    def write(self, exchange: Exchange) -> None:
        """Adds a request."""
        with self._lock:
            self._exchanges.append(exchange)
            self._store("request", asdict(exchange))

    def offend(self, tenant: str, code: str, detail: str, at: float) -> None:
        """Adds a broken rule."""
        offence = Offence(at, tenant, code, detail)
        with self._lock:
            self._offences.append(offence)
            self._store("offence", asdict(offence))

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None

    def requests(self, method: str | None = None, *, tenant: str | None = None, side: str = "rest") -> list[Exchange]:
        """What was asked, oldest first; `method` in any case. Commands inside a batch are entries of their own."""
        with self._lock:
            found = list(self._exchanges)
        return [
            one
            for one in found
            if one.side == side
            and (method is None or one.method.lower() == method.lower())
            and (tenant is None or one.tenant == tenant)
        ]

    def count(self, method: str, *, executed: bool | None = None) -> int:
        """How often a method was asked, or with `executed` how often it ran (or did not)."""
        return sum(1 for one in self.requests(method) if executed is None or one.executed is executed)

    def offences(self, code: str | None = None) -> list[Offence]:
        """The broken rules, oldest first."""
        with self._lock:
            return [one for one in self._offences if code is None or one.code == code]

    @property
    def refreshes(self) -> list[Exchange]:
        """Refreshes at the auth server, refused ones too."""
        return [one for one in self.requests(side="auth") if one.params.get("grant_type") == "refresh_token"]

    @property
    def deliveries(self) -> list[Exchange]:
        """Events that were posted to handlers."""
        return self.requests(side="event")

    def registers(self) -> Counter[str]:
        """Executed registers for each EXTERNAL_CALL_ID, and for each CALL_ID that was given out."""
        return self._tally("telephony.externalCall.register", ("EXTERNAL_CALL_ID",))

    def finishes(self) -> Counter[str]:
        """Executed finishes for each CALL_ID and each EXTERNAL_CALL_ID."""
        return self._tally("telephony.externalCall.finish", ())

    def requests_per_second(self, tenant: str) -> Counter[int]:
        """HTTP requests in each second of the portal's clock."""
        return Counter(int(one.at) for one in self.requests(tenant=tenant) if not one.in_batch)

    def _tally(self, method: str, names: tuple[str, ...]) -> Counter[str]:
        counted: Counter[str] = Counter()
        for one in self.requests(method):
            if not one.executed or not isinstance(one.result, Mapping):
                continue
            keys = {str(one.result.get(name) or "") for name in ("CALL_ID", "EXTERNAL_CALL_ID")}
            keys |= {str(one.params.get(name) or "") for name in names}
            counted.update(keys - {""})
        return counted

    def _store(self, kind: str, entry: dict[str, Any]) -> None:
        if self._file:
            self._file.write(json.dumps({"kind": kind, **entry}, ensure_ascii=False, default=str) + "\n")
            self._file.flush()


def masked(value: Any, name: str = "") -> Any:
    """A copy without secrets and without the bulk of files."""
    if isinstance(value, Mapping):
        return {key: masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner) for inner in value]
    if name.lower() in _SECRET_NAMES and value:
        return f"…{str(value)[-4:]}"
    if isinstance(value, str) and len(value) > _LONG:
        return f"{value[:40]}… ({len(value)} characters)"
    return value
