"""How a portal says no: one exception that carries the HTTP status and the words of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RestError(Exception):
    """An answer with an `error` key.

    `extra` holds keys that some methods add beside the usual two, such as `argument` (bitrix24.md §2.3).
    """

    def __init__(self, status: int, code: str, description: str, extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code}: {description}")
        self.status = status
        self.code = code
        self.description = description
        self.extra = dict(extra or {})

    def body(self) -> dict[str, Any]:
        """The JSON map of the answer."""
        return {"error": self.code, "error_description": self.description, **self.extra}


def core(description: str) -> RestError:
    """The usual refusal of telephony and tracking methods: HTTP 400 `ERROR_CORE`."""
    return RestError(400, "ERROR_CORE", description)


def crm(description: str) -> RestError:
    """The usual refusal of the old CRM methods: HTTP 400 with an empty code (bitrix24.md §4.2)."""
    return RestError(400, "", description)


def denied(description: str = "Access denied!") -> RestError:
    """HTTP 403 `ACCESS_DENIED`."""
    return RestError(403, "ACCESS_DENIED", description)
