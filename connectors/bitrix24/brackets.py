"""Parameters as a query with PHP's brackets, the way a command inside a `batch` is written (bitrix24.md §2.5). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from connectors.contract import Json


def query(params: Mapping[str, Json]) -> str:
    """`{"fields": {"PHONE": ["+7"]}}` as "fields%5BPHONE%5D%5B0%5D=%2B7"; an empty list or map is left out."""
    pairs = (pair for name, value in params.items() for pair in _pairs(name, value))
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)


def _pairs(name: str, value: Json) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _pairs(f"{name}[{key}]", inner)
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from _pairs(f"{name}[{place}]", inner)
    else:
        yield name, _word(value)


def _word(value: Json) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return "" if value is None else str(value)
