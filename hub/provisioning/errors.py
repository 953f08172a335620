"""What is wrong with a provisioning file, in words that name line and field."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.domain.errors import DozvonError
from hub.provisioning.lines import Path

_PLAIN_WORDS = {
    "Missing data for required field.": "is missing.",
    "Unknown field.": "is not known here.",
    "Not a valid string.": "must be text in quotes.",
    "Not a valid integer.": "must be a whole number.",
    "Not a valid boolean.": "must be true or false.",
    "Not a valid list.": "must be a list, in square brackets.",
    "Not a valid mapping type.": "must be a table.",
    "Not a valid email address.": "must be an e-mail address.",
    "Invalid input type.": "must be a table.",
    "Invalid type.": "must be a table.",
    "Field may not be null.": "must not be empty.",
    "Shorter than minimum length 1.": "must not be empty.",
}
_NAMED_BY = {
    "user": "email",
    "api_key": "name",
    "connection": "name",
    "employee": "name",
    "site": "key",
    "rules": "connection",
}


class ProvisioningError(DozvonError):
    """The file is wrong, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong at `path` of the document."""

    path: Path
    words: str


class WrongDocument(Exception):
    """Mistakes whose lines are not known yet; becomes a `ProvisioningError` where they are."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("; ".join(mistake.words for mistake in mistakes))
        self.mistakes = mistakes


def suggestion(name: str, known: Sequence[str]) -> str:
    """The name that was probably meant, or all that are known."""
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]}?" if close else f" Known: {', '.join(sorted(known))}."


def flatten(messages: Any, path: Path = ()) -> Iterator[Mistake]:
    """marshmallow's nested messages as single mistakes, in the order of the document's fields."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from flatten(inner, path if name == "_schema" else (*path, name))
    elif isinstance(messages, list | tuple):
        for inner in messages:
            yield from flatten(inner, path)
    else:
        words = str(messages)
        yield Mistake(path, _PLAIN_WORDS.get(words, words))


def describe_place(path: Path, document: Mapping[str, Any]) -> str:
    """A path in words: `connection "mango": settings.base_url`."""
    if not path:
        return "the file"
    section = str(path[0])
    if len(path) < 2 or not isinstance(path[1], int):
        return ".".join(str(part) for part in path)
    label = _label(section, path[1], document)
    rest = ".".join(str(part) for part in path[2:])
    return f"{label}: {rest}" if rest else label


def _label(section: str, number: int, document: Mapping[str, Any]) -> str:
    try:
        name = document[section][number][_NAMED_BY[section]]
    except (KeyError, IndexError, TypeError):
        return f"{section} {number + 1}"
    return f'{section} "{name}"'
