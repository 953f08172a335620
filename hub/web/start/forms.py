"""What the wizard asks for a connection: made of the connector's own schemas, so that a new one brings its form.

A field is asked when its schema labels it. It stands in front when it is required or marked `needed`, else
under "More". A schema's `auth` that knows another way than OAuth is set to that way: OAuth has doors of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, fields
from marshmallow.validate import OneOf

from connectors.contract import Connector

_OAUTH = "oauth"


@dataclass(frozen=True, slots=True)
class Asked:
    """One field of the form; `part` is "settings" or "secrets", `default` what is used when it stays empty.

    `keeps` says what of an address counts: "origin" (people copy the whole line of their browser), "address", or "".
    """

    part: str
    name: str
    label: str
    hint: str
    in_front: bool
    is_list: bool
    default: str
    keeps: str = ""

    @property
    def key(self) -> str:
        """The field's name in the page."""
        return f"{self.part}.{self.name}"


def asked_of(connector: Connector) -> list[Asked]:
    """The fields that are in front first, each group in the schema's own order."""
    found = [
        _asked(part, name, field)
        for part, schema in (("secrets", connector.secrets), ("settings", connector.settings))
        for name, field in schema().fields.items()
        if field.metadata.get("label")
    ]
    return sorted(found, key=lambda one: (not one.in_front, one.part != "settings"))


def _asked(part: str, name: str, field: fields.Field[Any]) -> Asked:
    default = field.load_default
    return Asked(
        part=part,
        name=name,
        label=str(field.metadata["label"]),
        hint=str(field.metadata.get("help", "")),
        in_front=bool(field.required or field.metadata.get("needed")),
        is_list=isinstance(field, fields.List),
        default=str(default) if isinstance(default, str | int) else "",
        keeps=str(field.metadata.get("keeps", "")),
    )


def read_form(connector: Connector, form: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings and secrets as the provisioning file would have them; what was left empty is left out."""
    given: dict[str, dict[str, Any]] = {"settings": _fixed(connector.settings), "secrets": {}}
    for one in asked_of(connector):
        text = form.get(one.key, "").strip()
        if text:
            given[one.part][one.name] = [part.strip() for part in text.split(",")] if one.is_list else _kept(one, text)
    return given["settings"], given["secrets"]


def _kept(one: Asked, text: str) -> str:
    if not one.keeps:
        return text
    address = text if "://" in text else f"https://{text}"
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if one.keeps == "origin" and parts.netloc else address


def _fixed(schema: type[Schema]) -> dict[str, Any]:
    way = schema().fields.get("auth")
    rule = way.validators[0] if way is not None and way.validators else None
    ways = [one for one in rule.choices if one != _OAUTH] if isinstance(rule, OneOf) else []
    return {"auth": ways[0]} if ways else {}
