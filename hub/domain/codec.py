"""Values to JSON documents and back: how calls, events and intents are stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from cattrs import Converter

T = TypeVar("T")


def _converter() -> Converter:
    converter = Converter(omit_if_default=True)
    converter.register_unstructure_hook(datetime, lambda moment: moment.astimezone(UTC).isoformat())
    converter.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    return converter


_CONVERTER = _converter()


def to_document(value: object) -> Any:
    """A dataclass of the domain as plain JSON values; fields at their default are left out."""
    return _CONVERTER.unstructure(value)


def from_document(document: Any, kind: type[T]) -> T:
    """The value that `to_document` was given. Raises when the document is not one of `kind`."""
    return _CONVERTER.structure(document, kind)
