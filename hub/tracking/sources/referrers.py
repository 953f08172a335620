"""Which kind of site a referrer is: the CC0 list with our additions, matched by host (analytics.md §6.2)."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

# Where one host is listed twice: the earlier medium wins.
_ORDER = ("cpc", "ai", "organic", "email", "social", "messenger", "maps")
_DEVICE_PREFIXES = ("www.", "m.", "l.", "lm.")
_COUNTRY_END = re.compile(r"^(.+?)\.(?:com?\.[a-z]{2}|[a-z]{2,3})$")
_COUNTRY_START = re.compile(r"^[a-z]{2,3}\.(.+)$")


@dataclass(frozen=True, slots=True)
class Referrer:
    """A site we know: what to call it, what medium it is, and which parameters hold a search term."""

    source: str
    medium: str
    term: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    path: str
    source: str
    medium: str
    params: tuple[str, ...]


def known_referrer(url: str) -> Referrer | None:
    """The best match for a referrer's URL (`https://…` or `android-app://…`); None for any other site."""
    parts = split_url(url)
    host = host_of(url)
    if parts is None or host is None:
        return None
    for spellings in _candidates(host):
        listed = [entry for spelling in spellings for entry in _listed().get(spelling, ())]
        fitting = [entry for entry in listed if _path_fits(entry.path, parts.path)]
        if fitting:
            entry = min(fitting, key=lambda e: (-len(e.path), _ORDER.index(e.medium)))
            return Referrer(entry.source, entry.medium, _term(parts.query, entry.params))
    return None


def split_url(url: str) -> Any:
    """The parts of a URL, None when it is none."""
    try:
        return urlsplit(url.strip())
    except ValueError:
        return None


def host_of(url: str) -> str | None:
    """The host in lower case, without port and final dot."""
    parts = split_url(url if "//" in url else f"//{url}")
    try:
        host = parts.hostname if parts else None
    except ValueError:
        return None
    return host.rstrip(".").lower() if host else None


def _candidates(host: str) -> Iterator[list[str]]:
    """The spellings under which a host may be listed, then those of its parents: the first that is listed counts."""
    yield _spellings(host)
    for prefix in _DEVICE_PREFIXES:
        if host.startswith(prefix):
            yield _spellings(host.removeprefix(prefix))
    parent = host.partition(".")[2]
    while "." in parent:
        yield _spellings(parent)
        parent = parent.partition(".")[2]


def _spellings(host: str) -> list[str]:
    """The host itself, and with {} for the country behind or before it."""
    end, start = _COUNTRY_END.match(host), _COUNTRY_START.match(host)
    return [host, *([f"{end[1]}.{{}}"] if end else []), *([f"{{}}.{start[1]}"] if start else [])]


def _path_fits(listed: str, path: str) -> bool:
    return not listed or path == listed or path.startswith(f"{listed.rstrip('/')}/")


def _term(query: str, params: tuple[str, ...]) -> str | None:
    given = {name.lower(): value.strip() for name, value in parse_qsl(query)}
    return next((given[param] for param in params if given.get(param)), None)


@cache
def _listed() -> dict[str, tuple[_Entry, ...]]:
    """Entries by host, as listed."""
    ours, theirs = _read("additions.json"), _read("referrers.json")
    found: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in ours["referrers"]:
        _add(found, entry, entry["source"])
    overruled = {host for entry in ours["referrers"] for host in entry["hosts"]}.union(ours["left_out"])
    listed: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in theirs["referrers"]:
        hosts = [host for host in entry["hosts"] if host not in overruled]
        _add(listed, {**entry, "hosts": hosts}, ours["names"].get(entry["source"], entry["source"]))
    for host, entries in listed.items():
        found[host] += entries
    return {host: tuple(entries) for host, entries in found.items()}


def _add(found: defaultdict[str, list[_Entry]], entry: dict[str, Any], source: str) -> None:
    for listed in entry["hosts"]:
        host, slash, path = listed.partition("/")
        found[host.removeprefix("www.")].append(
            _Entry(slash + path, source, entry["medium"], tuple(entry.get("params", ())))
        )


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(__file__).with_name(name).read_text("utf-8"))
    return content


def sources_of(medium: str) -> frozenset[str]:
    """The names of all sites that are known by this medium."""
    return frozenset(entry.source for entries in _listed().values() for entry in entries if entry.medium == medium)
