"""The ledger of a stand-in: everything that was said, in order, for people and for assertions."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Entry = Mapping[str, Any]


class Ledger:
    """Append-only list of JSON objects, kept in memory and, when `path` is given, as JSON lines in that file.

    Each entry has `n` (1, 2, 3 …), `at` (RFC 3339, UTC, the real clock), `kind`, and the facts written with it.
    The file is appended to, so that two runs on one file leave both behind.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries: list[Entry] = []
        self._news = threading.Condition()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def write(self, kind: str, **facts: Any) -> Entry:
        """Keep one entry; `facts` must be JSON values. Returns the entry."""
        with self._news:
            entry = {"n": len(self._entries) + 1, "at": datetime.now(UTC).isoformat(), "kind": kind, **facts}
            self._entries.append(entry)
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._news.notify_all()
        return entry

    def entries(self, kind: str | None = None, **facts: Any) -> list[Entry]:
        """Entries of `kind` (all kinds without it) whose facts equal the given ones, oldest first."""
        with self._news:
            return [entry for entry in self._entries if _fits(entry, kind, facts)]

    def offences(self, code: str | None = None) -> list[Entry]:
        """What the other side did against the protocol; `code` picks one sort of offence."""
        return self.entries("offence") if code is None else self.entries("offence", code=code)

    def wait_for(self, kind: str, *, count: int = 1, within_seconds: float = 10.0, **facts: Any) -> list[Entry]:
        """The entries that fit, as soon as there are `count` of them. Raises `TimeoutError` when they do not come."""

        def there() -> bool:
            return sum(_fits(entry, kind, facts) for entry in self._entries) >= count

        with self._news:
            if not self._news.wait_for(there, timeout=within_seconds):
                raise TimeoutError(
                    f"the ledger has fewer than {count} entries {kind!r} {facts} after {within_seconds} s"
                )
        return self.entries(kind, **facts)


def _fits(entry: Entry, kind: str | None, facts: Mapping[str, Any]) -> bool:
    return (kind is None or entry["kind"] == kind) and all(entry.get(name) == value for name, value in facts.items())
