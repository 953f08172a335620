"""Refusals in the shapes of `amocrm.md §1.5` and `§2.3`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

OAUTH_TYPE = "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"


@dataclass(frozen=True)
class Flaw:
    """One thing wrong with one item; `path` is relative to the item, such as `custom_fields_values.0.field_id`."""

    code: str
    path: str
    detail: str

    def body(self) -> dict[str, str]:
        """The map in `errors`."""
        return {"code": self.code, "path": self.path, "detail": self.detail}


class Problem(Exception):
    """A refusal with its HTTP status; `body()` is the problem+json document."""

    def __init__(self, status: int, detail: str = "", **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.more = more

    def body(self) -> dict[str, Any]:
        """The document; keys given on top of the usual ones win."""
        usual = {
            "title": HTTPStatus(self.status).phrase,
            "type": f"https://httpstatus.es/{self.status}",
            "status": self.status,
            "detail": self.detail or HTTPStatus(self.status).phrase,
        }
        return {**usual, **self.more}


def invalid(flaws: Mapping[str, list[Flaw]]) -> Problem:
    """400 with `validation-errors`, by request id."""
    errors = [{"request_id": name, "errors": [flaw.body() for flaw in found]} for name, found in flaws.items()]
    return Problem(400, "Request validation failed", **{"validation-errors": errors})


def oauth_problem(status: int, title: str, detail: str, hint: str | None = None) -> Problem:
    """A refusal of the token endpoint."""
    hinted = {"hint": hint} if hint else {}
    return Problem(status, detail, **hinted, title=title, type=OAUTH_TYPE)


def not_supported(path: str) -> Flaw:
    """An id, code or choice that the account does not have."""
    return Flaw("NotSupportedChoice", path, "The value you selected is not a valid choice.")


def missing(path: str) -> Flaw:
    """A required field that is not there; the vendor's code is unconfirmed (amocrm.md §2.3)."""
    return Flaw("FieldMissing", path, "This field is missing.")


def wrong_type(path: str, wanted: str) -> Flaw:
    """A value of another type."""
    return Flaw("InvalidType", path, f"This value should be of type {wanted}.")


def null(path: str) -> Flaw:
    """A null where none may be."""
    return Flaw("NotNullable", path, "This value should not be null.")
