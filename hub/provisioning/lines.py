"""Where in a TOML text each field stands: the parser of the standard library does not tell."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]


def field_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of each table, key and inline value of `text`, which must be valid TOML.

    A path like ("connection", 1, "settings", "base_url") leads there; arrays of tables are counted
    from 0. What stands inside a value has the line on which its key begins.
    """
    lines: dict[Path, int] = {}
    sizes: dict[Path, int] = {}
    table: Path = ()
    for line, header, content in _statements(text):
        if header:
            table = _enter(header, content, sizes)
            lines.setdefault(table, line)
            lines.setdefault(table[:1], line)
        else:
            for path in _paths(content, table):
                lines.setdefault(path, line)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(line, "[" or "[[" or "", content): each header or key, joined with the lines its value runs on."""
    pending = ""
    begun_at = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        begun_at = begun_at if pending else number
        pending += line + "\n"
        try:
            content = tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue  # the value goes on in the next line
        head = pending.lstrip()
        yield begun_at, "[[" if head.startswith("[[") else "[" if head.startswith("[") else "", content
        pending = ""


def _enter(header: str, content: dict[str, Any], sizes: dict[Path, int]) -> Path:
    names: list[str] = []
    inner: Any = content
    while inner:
        name, inner = next(iter(inner.items()))
        names.append(name)
        inner = inner[0] if isinstance(inner, list) else inner
    path: Path = ()
    for depth, name in enumerate(names):
        path = (*path, name)
        if header == "[[" and depth == len(names) - 1:
            sizes[path] = sizes.get(path, 0) + 1
        if path in sizes:
            path = (*path, sizes[path] - 1)
    return path


def _paths(value: Any, path: Path) -> Iterator[Path]:
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in items:
        yield (*path, name)
        yield from _paths(inner, (*path, name))


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """The line of `path`, of its `_env` variant, or of the nearest table around it."""
    while path:
        variant = (*path[:-1], f"{path[-1]}_env")
        for candidate in (path, variant):
            if candidate in lines:
                return lines[candidate]
        path = path[:-1]
    return None
