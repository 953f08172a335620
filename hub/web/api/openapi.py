"""The API's description: OpenAPI 3.1, made from the operations themselves."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from hub.web.api import fields
from hub.web.api.door import OPERATIONS, Operation
from hub.web.api.scopes import SCOPES
from hub.web.problems import PROBLEM_TYPE, PROBLEMS

_ALWAYS = (401, 403, 405, 429, 500, 503)
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What went wrong, and what to do."},
        "reason": {"type": "string", "description": "A word for programs, where there are several reasons."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


@lru_cache(maxsize=1)
def api_description() -> dict[str, Any]:
    """The whole document; it depends on nothing but the code."""
    plugin = MarshmallowPlugin()
    spec = APISpec(
        title="Dozvon API",
        version="1",
        openapi_version="3.1.0",
        plugins=[plugin],
        info={"description": _introduction()},
        servers=[{"url": "/api/v1"}],
        security=[{"key": []}],
    )
    converter = plugin.converter
    assert converter is not None
    for kind, form in ((fields.Instant, "date-time"), (fields.CursorField, None), (fields.RowId, None)):
        converter.map_to_openapi_type(kind, "string", form)  # type: ignore[no-untyped-call]
    spec.components.security_scheme("key", {"type": "http", "scheme": "bearer", "description": "A key: `dz_…`"})
    spec.components.schema("Problem", _PROBLEM)
    for operation in OPERATIONS:
        path = re.sub(r"<(\w+)>", r"{\1}", operation.rule)
        spec.path(path, operations={operation.method.lower(): _describe(operation)})
    return spec.to_dict()


def _introduction() -> str:
    scopes = "\n".join(f"- `{name}`: {words}" for name, words in SCOPES.items())
    return (
        "Ids are strings of digits, moments RFC 3339 in UTC. Lists answer `items` and `next`; pass `next` on as "
        f"`cursor` until it is null.\n\nScopes of a key:\n\n{scopes}"
    )


def _describe(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"in": "path", "name": name, "required": True, "schema": {"type": "string", "pattern": "^[0-9]+$"}}
        for name in re.findall(r"<(\w+)>", operation.rule)
    ]
    if operation.query is not None:
        parameters.append({"in": "query", "schema": operation.query})
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Scope: `{operation.scope}`.",
        "tags": [operation.scope.partition(":")[0]],
        "parameters": parameters,
        "responses": {str(operation.status): _success(operation), **_failures(operation)},
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": operation.body}}}
    return described


def _success(operation: Operation) -> dict[str, Any]:
    if operation.returns is None:
        return {"description": "The file", "content": {"text/csv": {"schema": {"type": "string"}}}}
    return {
        "description": "Accepted" if operation.status == 202 else "Here it is",
        "content": {"application/json": {"schema": operation.returns}},
    }


def _failures(operation: Operation) -> dict[str, Any]:
    statuses = {*_ALWAYS, *operation.errors, *((422,) if operation.query or operation.body else ()), 400, 415}
    problem: dict[str, Any] = {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(status): {"description": PROBLEMS[status][1], "content": problem} for status in sorted(statuses)}
