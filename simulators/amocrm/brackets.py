"""PHP's bracket names in queries and forms: `filter[id][]=…` to nested values, and nested values to pairs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_PART = re.compile(r"\[([^\]]*)\]")


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Nested maps; `a[]` gets the next number as its key."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        start = name.find("[")
        path = [name] if start <= 0 else [name[:start], *_PART.findall(name[start:])]
        node = root
        for step in path[:-1]:
            inner = node.setdefault(step or str(len(node)), {})
            if not isinstance(inner, dict):
                break
            node = inner
        else:
            node[path[-1] or str(len(node))] = value
    return root


def flatten(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """(name, text) pairs; all values become strings, booleans 1 and an empty text, null an empty text."""
    if isinstance(value, Mapping):
        items: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    else:
        return [(prefix, _text(value))]
    pairs: list[tuple[str, str]] = []
    for key, inner in items:
        pairs += flatten(inner, f"{prefix}[{key}]" if prefix else str(key))
    return pairs


def values_of(nested: Any) -> list[str]:
    """The texts of `filter[x]`, `filter[x][]` or a comma list."""
    if nested is None:
        return []
    texts = nested.values() if isinstance(nested, Mapping) else str(nested).split(",")
    return [str(text) for text in texts]


def _text(value: Any) -> str:
    if value is None or value is False:
        return ""
    return "1" if value is True else str(value)
