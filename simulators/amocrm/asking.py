"""A request as the rules see it, and the table of routes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from werkzeug.routing import Map, Rule

from .account import Account, Integration, User
from .errors import Problem

MOST_WRITES = 250


@dataclass(frozen=True)
class Caller:
    """Who asks: the user whose rights count and the integration that holds the token."""

    user: User
    integration: Integration


@dataclass(frozen=True)
class Asked:
    """One request. `query` is nested by its brackets; `body` is the decoded JSON, None when there was none."""

    verb: str
    path: str
    caller: Caller
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None

    def batch(self, most: int = MOST_WRITES, status: int = 422) -> list[dict[str, Any]]:
        """The items of a batch. Raises `Problem` for anything but an array of objects, and for too many."""
        if self.body in (None, [], {}):
            raise Problem(400, "Request data can not be empty")
        if not isinstance(self.body, list) or not all(isinstance(item, dict) for item in self.body):
            raise Problem(400, "Request body should be an array of objects")
        if len(self.body) > most:
            raise Problem(status, f"Limit {most} per request")
        return self.body

    def single(self) -> dict[str, Any]:
        """The one object. Raises `Problem` for an array and for nothing."""
        if self.body in (None, [], {}):
            raise Problem(400, "Request data can not be empty")
        if not isinstance(self.body, dict):
            raise Problem(400, "Request body should be an object")
        return self.body

    def with_(self) -> set[str]:
        """The words of `with=`."""
        return set(str(self.query.get("with", "")).split(","))


@dataclass(frozen=True)
class Answer:
    """What is answered; a body of None sends none."""

    body: Any = None
    status: int = 200


NO_CONTENT = Answer(None, 204)

Handler = Callable[..., Answer]
_RULES: list[Rule] = []


def endpoint(verb: str, path: str) -> Callable[[Handler], Handler]:
    """Puts a handler `(account, asked, **parts of the path)` into the table; `path` is below `/api/v4/`."""

    def put(handler: Handler) -> Handler:
        _RULES.append(Rule(f"/{path}", methods=[verb], endpoint=handler))
        return handler

    return put


def routes() -> Map:
    """The table, once all modules with handlers are imported."""
    return Map([rule.empty() for rule in _RULES], strict_slashes=False)


def request_id_of(item: dict[str, Any], index: int) -> Any:
    """What came as `request_id`, unchanged; else the index as text."""
    return item.get("request_id", str(index))


def denied(account: Account, caller: Caller, entity_type: str, action: str) -> None:
    """Raises `Problem` 403 when the user may not do this to entities of the type."""
    if not caller.user.may(entity_type, action):
        raise Problem(403, f"Not enough rights to {action} {entity_type} of account {account.id}")
