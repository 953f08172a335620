"""Reading a provisioning file: text to a validated document, each mistake with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path as FilePath
from typing import Any

from marshmallow import Schema, ValidationError, fields

from hub.provisioning.errors import Mistake, ProvisioningError, describe_place, flatten, suggestion
from hub.provisioning.lines import Path, field_lines, line_of
from hub.provisioning.schema import FileSchema

_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)|\(at end of document\)")
_VARIABLE_FIELDS = {"user": ("password",), "api_key": ("key",), "connection": ("hook_token",)}


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was read. `unset`: which environment variable a field asked for in vain."""

    name: str
    folder: FilePath
    raw: Mapping[str, Any] = field(repr=False)
    lines: Mapping[Path, int] = field(repr=False)
    unset: Mapping[Path, str] = field(default_factory=dict)

    def error(self, mistakes: Iterable[Mistake]) -> ProvisioningError:
        """The first mistake, by line, in words; the hint counts the others."""
        ordered = sorted(mistakes, key=lambda mistake: line_of(self.lines, mistake.path) or 0)
        first, more = ordered[0], len(ordered) - 1
        words = (
            f"needs {self.unset[first.path]}, which is not set in the environment."
            if first.path in self.unset
            else first.words
        )
        line = line_of(self.lines, first.path)
        place = f"{self.name}, line {line}" if line else self.name
        hint = "Nothing was changed." + (f" There are {more} more mistakes in this file." if more else "")
        return ProvisioningError(f"{place}: {describe_place(first.path, self.raw)} {words}", hint)


def read_source(path: FilePath, environment: Mapping[str, str]) -> tuple[Source, dict[str, Any]]:
    """The file and its document with the `…_env` fields filled in; not validated yet."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        raw = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ProvisioningError(f"{path.name} is not UTF-8 text.", "Save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise ProvisioningError(_syntax_words(path.name, text, str(error)), "Nothing was changed.") from error
    source = Source(path.name, path.parent, raw, field_lines(text))
    document, unset, mistakes = _with_variables(as_json(raw), environment)
    if mistakes:
        raise source.error(mistakes)
    return Source(source.name, source.folder, raw, source.lines, unset), document


def _syntax_words(name: str, text: str, words: str) -> str:
    found = _AT_LINE.search(words)
    line = found.group(1) if found and found.group(1) else len(text.splitlines())
    return f"{name}, line {line}: this is not TOML: {_AT_LINE.sub('', words).strip()}."


def _with_variables(
    raw: Mapping[str, Any], environment: Mapping[str, str]
) -> tuple[dict[str, Any], dict[Path, str], list[Mistake]]:
    unset: dict[Path, str] = {}
    mistakes: list[Mistake] = []

    def fill(table: Mapping[str, Any], names: Iterable[str], path: Path) -> dict[str, Any]:
        filled = dict(table)
        for name in names:
            variable = filled.pop(f"{name}_env", None)
            if variable is None:
                continue
            if name in filled or not isinstance(variable, str):
                mistakes.append(Mistake((*path, name), f"has {name}_env beside it or no variable's name in it."))
            elif environment.get(variable):
                filled[name] = environment[variable]
            else:
                unset[(*path, name)] = variable
        return filled

    document = dict(raw)
    for section, names in _VARIABLE_FIELDS.items():
        items = raw.get(section)
        if not isinstance(items, list):
            continue
        document[section] = [
            _fill_item(item, names, (section, number), fill) if isinstance(item, Mapping) else item
            for number, item in enumerate(items)
        ]
    return document, unset, mistakes


def _fill_item(item: Mapping[str, Any], names: Iterable[str], path: Path, fill: Any) -> dict[str, Any]:
    filled: dict[str, Any] = fill(item, names, path)
    secrets = filled.get("secrets")
    if isinstance(secrets, Mapping):
        asked = [name.removesuffix("_env") for name in secrets if name.endswith("_env")]
        filled["secrets"] = fill(secrets, asked, (*path, "secrets"))
    return filled


def validated(source: Source, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as the schemas read it. Raises `ProvisioningError`."""
    try:
        loaded: dict[str, Any] = FileSchema().load(document)
        return loaded
    except ValidationError as error:
        raise source.error(_with_suggestions(list(flatten(error.messages)))) from error


def _with_suggestions(mistakes: list[Mistake]) -> list[Mistake]:
    return [_with_suggestion(mistake) for mistake in mistakes]


def _with_suggestion(mistake: Mistake) -> Mistake:
    names = _names_at(mistake.path[:-1]) if mistake.words == "is not known here." else []
    return Mistake(mistake.path, mistake.words + suggestion(str(mistake.path[-1]), names)) if names else mistake


def _names_at(path: Path) -> list[str]:
    schema: Schema = FileSchema()
    for part in path:
        if isinstance(part, int):
            continue
        inner = schema.fields.get(part)
        inner = inner.inner if isinstance(inner, fields.List) else inner
        if not isinstance(inner, fields.Nested):
            return []
        schema = inner.schema
    return list(schema.fields)


def as_json(value: Any) -> Any:
    """A TOML value with its dates as text, so that it can be kept as JSON."""
    if isinstance(value, Mapping):
        return {name: as_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime | date | time) else value
