"""One decorator for every operation of the API: key, scope, values in, values out, documentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn

from flask import Blueprint, Response, current_app, jsonify, request
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser

from hub.web.api.keys import Caller, api_caller
from hub.web.limits import Brake
from hub.web.paging import parse_id
from hub.web.problems import problem
from hub.web.services import web

_REQUESTS_PER_MINUTE = 6000
_BRAKE = "dozvon-api-brake"


@dataclass(frozen=True, slots=True)
class Operation:
    """One documented operation; `query`, `body` and `returns` are marshmallow schemas, `status` that of success."""

    method: str
    rule: str
    name: str
    scope: str
    summary: str
    query: type[Schema] | None
    body: type[Schema] | None
    returns: type[Schema] | None
    status: int
    errors: tuple[int, ...]


OPERATIONS: list[Operation] = []


class _Parser(FlaskParser):
    def handle_error(self, error: ValidationError, *_rest: Any, **_options: Any) -> NoReturn:
        raise problem(422, errors=_flat(error.messages))


_parser = _Parser()


def _flat(messages: Any) -> list[tuple[str, str]]:
    by_field: dict[str, Any] = messages if isinstance(messages, dict) else {"": messages}
    for place in ("query", "json"):
        inside = by_field.get(place)
        by_field = inside if isinstance(inside, dict) else by_field
    return [(str(name), " ".join(str(line) for line in lines)) for name, lines in by_field.items()]


def endpoint(
    blueprint: Blueprint,
    method: str,
    rule: str,
    *,
    scope: str,
    summary: str,
    query: type[Schema] | None = None,
    body: type[Schema] | None = None,
    returns: type[Schema] | None = None,
    status: int = 200,
    errors: tuple[int, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function an operation: it gets the `Caller`, its path ids as numbers, its query and its body by name.

    What it returns goes through `returns`; a `Response` goes out as it is.
    """

    def register(view: Callable[..., Any]) -> Callable[..., Any]:
        operation = Operation(method, rule, view.__name__, scope, summary, query, body, returns, status, errors)
        OPERATIONS.append(operation)

        def answer(**path: str) -> Response:
            caller = _caller(scope)
            arguments = dict(_parser.parse(query, request, location="query", unknown="raise")) if query else {}
            _refuse_strange_body()
            if body:
                arguments |= _parser.parse(body, request, location="json", unknown="exclude")
            result = view(caller, *(_path_id(text) for text in path.values()), **arguments)
            if isinstance(result, Response):
                return result
            response = jsonify(returns().dump(result) if returns else result)
            response.status_code = status
            return response

        blueprint.add_url_rule(rule, view.__name__, answer, methods=[method])
        return view

    return register


def _path_id(text: str) -> int:
    row_id = parse_id(text)
    if row_id is None:
        raise problem(404)
    return row_id


def _refuse_strange_body() -> None:
    """A body must be JSON, so that nobody's form posts by accident."""
    if not request.content_length:
        return
    if not request.is_json:
        raise problem(415)
    if request.get_json(silent=True) is None:
        raise problem(400, "The body is not JSON.")


def _caller(scope: str) -> Caller:
    caller = api_caller()
    if caller is None:
        raise problem(401, headers={"WWW-Authenticate": 'Bearer realm="dozvon"'})
    brake: Brake = current_app.extensions[_BRAKE]
    wait_seconds = brake.wait_seconds(str(caller.key_id))
    if wait_seconds:
        raise problem(429, headers={"Retry-After": str(wait_seconds)})
    brake.count(str(caller.key_id))
    if scope not in caller.scopes:
        raise problem(403, f"This needs the scope “{scope}”.")
    return caller


def make_brake() -> tuple[str, Brake]:
    """The name under which the application keeps the brake, and a fresh one."""
    return _BRAKE, Brake(_REQUESTS_PER_MINUTE, timedelta(minutes=1), web().services.now)
