"""PHP's bracket names in forms and queries: `fields[PHONE][0][VALUE]=…` to nested values and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_PART = re.compile(r"\[([^\]]*)\]")


def nest(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Builds nested maps and lists; `a[]` appends, and keys 0..n-1 in order make a list."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        _put(root, _path(name), value)
    return {key: _listed(value) for key, value in root.items()}


def flatten(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """The opposite: nested values as (name, text) pairs in PHP's notation."""
    if isinstance(value, Mapping):
        items: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    else:
        return [(prefix, "" if value is None else str(value))]
    pairs: list[tuple[str, str]] = []
    for key, inner in items:
        pairs += flatten(inner, f"{prefix}[{key}]" if prefix else str(key))
    return pairs


def _path(name: str) -> list[str]:
    start = name.find("[")
    if start <= 0:
        return [name]
    return [name[:start], *_PART.findall(name[start:])]


def _put(root: dict[str, Any], path: list[str], value: Any) -> None:
    node = root
    for step in path[:-1]:
        key = step or str(len(node))
        inner = node.get(key)
        if not isinstance(inner, dict):
            inner = node[key] = {}
        node = inner
    node[path[-1] or str(len(node))] = value


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(item) for key, item in value.items()}
    if inner and list(inner) == [str(index) for index in range(len(inner))]:
        return list(inner.values())
    return inner
