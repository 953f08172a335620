"""Reading single values out of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import RestError


def integer(value: Any, default: int = 0) -> int:
    """A whole number from an int or its text; `default` for an absent or empty value.

    Raises `RestError` 400 code `100`, the portal's refusal of a wrong type.
    """
    if value is None or value == "":
        return default
    try:
        return int(value)
    except (TypeError, ValueError):
        raise RestError(400, "100", f"Could not read {value!r} as a whole number") from None


def flag(value: Any, *, default: bool) -> bool:
    """`Y/N`, `1/0`, true and false, in any of their spellings."""
    if value is None or value == "":
        return default
    return str(value).lower() in {"1", "y", "true"}


def text(value: Any) -> str:
    """A string without surrounding spaces; empty for an absent value or one that is not a scalar."""
    return str(value).strip() if value is not None and not isinstance(value, Mapping | list) else ""


def integers(value: Any) -> list[int]:
    """One number or a list of them."""
    if value is None or value == "":
        return []
    return [integer(one) for one in (value if isinstance(value, list) else [value])]


def mapping(value: Any) -> Mapping[str, Any]:
    """The map itself, or an empty one: PHP sends `[]` for an empty map."""
    return value if isinstance(value, Mapping) else {}
