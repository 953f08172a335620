"""Rules as files: TOML and JSON, in and out, and the JSON Schema that describes both."""

from __future__ import annotations

import json
import tomllib
from functools import lru_cache
from typing import Any

import tomli_w
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from hub.domain.errors import DozvonError
from mapping.schema import CrmId, RulesForm

FORMATS = ("toml", "json")
SCHEMA_ID = "https://dozvon.example/schemas/rules-1.json"
_ROOT = "Rules"


class UnreadableFile(DozvonError):
    """The text is no TOML, or no JSON."""


def format_of(name: str) -> str:
    """ "json" for a name that ends so, "toml" for every other."""
    return "json" if name.lower().endswith(".json") else "toml"


def read_text(text: str, form: str) -> dict[str, Any]:
    """The document in a text. Raises `UnreadableFile` with the line."""
    text = text.removeprefix("\ufeff")
    try:
        document = json.loads(text) if form == "json" else tomllib.loads(text)
    except ValueError as error:
        raise UnreadableFile(f"This is not {form.upper()}: {error}.", "Nothing was changed.") from error
    except RecursionError as error:
        raise UnreadableFile(f"This {form.upper()} is nested too deeply.", "Nothing was changed.") from error
    if not isinstance(document, dict):
        raise UnreadableFile("The rules must be one table.", "Nothing was changed.")
    document.pop("$schema", None)  # how an editor is told of the JSON Schema
    return document


def write_text(document: dict[str, Any], form: str) -> str:
    """The document as a file that people may edit: the same again when it is read."""
    if form == "json":
        return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
    return tomli_w.dumps(_without_null(document), multiline_strings=False)


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_null(inner) for name, inner in value.items() if inner is not None}
    return [_without_null(inner) for inner in value] if isinstance(value, list) else value


@lru_cache(maxsize=1)
def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the document, made from the same schemas that check it."""
    plugin = MarshmallowPlugin(_named)
    spec = APISpec(title="rules", version="1", openapi_version="3.1.0", plugins=[plugin])
    assert plugin.converter is not None
    plugin.converter.add_attribute_function(_number_too)  # type: ignore[no-untyped-call]
    spec.components.schema(_ROOT, schema=RulesForm)
    text = json.dumps(spec.to_dict()["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/")
    found: dict[str, Any] = json.loads(text)
    root = found.pop(_ROOT)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Dozvon rules",
        **root,
        "$defs": found,
    }


def _number_too(_converter: Any, field: Any, **_: Any) -> dict[str, Any]:
    return {"type": ["string", "integer"]} if isinstance(field, CrmId) else {}


def _named(schema: Any) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return str(kind.__name__).removesuffix("Form") or _ROOT
