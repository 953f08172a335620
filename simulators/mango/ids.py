"""Ids as Mango makes them: opaque, base64 with its odd characters, never used twice (mango.md §1.5)."""

from __future__ import annotations

import base64
import itertools
import secrets
import threading

from simulators.mango.office import PRODUCT_ID


class Ids:
    """One source of ids for one run; the random start keeps two runs on one hub apart."""

    def __init__(self) -> None:
        self._numbers = itertools.count(secrets.randbelow(10**12) + 10**12)
        self._lock = threading.Lock()

    def entry(self) -> str:
        return _as_text(str(self._next()))

    def leg(self) -> str:
        return _as_text(f"1:{PRODUCT_ID}:547:{self._next()}:1")

    def recording(self) -> str:
        return _as_text(f"1:{PRODUCT_ID}:{self._next()}:0")

    def _next(self) -> int:
        with self._lock:
            return next(self._numbers)


def _as_text(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
