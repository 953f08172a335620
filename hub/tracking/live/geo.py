"""Where an IP address is, by a file of the operator's choice; none is shipped (analytics.md §8)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import maxminddb
import structlog

log = structlog.get_logger()

FILE_NAME = "geo.mmdb"
"""The file in `DOZVON_HOME`: any city or region database in MaxMind's format."""


class Geo:
    """Names of an address's place, the region first; nothing without a file, or for an address it does not know."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: maxminddb.Reader | None = None
        self._opened = False
        self._lock = threading.Lock()

    def names(self, address: str) -> tuple[str, ...]:
        """Subdivision, city and country in Russian and English, and the subdivision's code like RU-MOW."""
        reader = self._open()
        if reader is None:
            return ()
        try:
            record: Any = reader.get(address)
        except ValueError:
            return ()
        return tuple(dict.fromkeys(_names(record))) if isinstance(record, Mapping) else ()

    def _open(self) -> maxminddb.Reader | None:
        with self._lock:
            if not self._opened:
                self._opened = True
                self._reader = self._read()
        return self._reader

    def _read(self) -> maxminddb.Reader | None:
        if not self._path.is_file():
            return None
        try:
            return maxminddb.open_database(self._path)
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            log.warning("geo_file_unreadable", file=self._path.name, reason=str(error))
            return None


def _names(record: Mapping[str, Any]) -> Iterator[str]:
    """Subdivisions first: they are what people call a region; the city and the country after them."""
    country = record.get("country") or {}
    for place in record.get("subdivisions") or []:
        yield from _spellings(place)
        if place.get("iso_code") and country.get("iso_code"):
            yield f"{country['iso_code']}-{place['iso_code']}"
    yield from _spellings(record.get("city") or {})
    yield from _spellings(country)


def _spellings(place: Mapping[str, Any]) -> Iterator[str]:
    names = place.get("names") or {}
    yield from (names[language] for language in ("ru", "en") if names.get(language))
