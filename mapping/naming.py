"""What a document names in a CRM, and under which key its name there is kept. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mapping.model import Rules


@dataclass(frozen=True, slots=True)
class Named:
    """One thing of the CRM in one line of the rules; `room`, `place`, `name` and `field` as a `Mistake` has them."""

    key: str
    id: str
    room: str
    field: str
    place: int
    name: str


def key_of(kind: str, item_id: str, parent: str = "") -> str:
    """`kind` is pipeline, stage, source or field; of a field `parent` is its entity."""
    return f"{kind}:{parent}:{item_id}" if kind == "field" else f"{kind}:{item_id}"


def things_named(rules: Rules) -> Iterator[Named]:
    """Every pipeline, stage, source and field that the rules name, line by line."""
    for place, rule in enumerate(rules.policy, 1):
        for kind, item_id in (("pipeline", rule.pipeline), ("stage", rule.stage)):
            if item_id is not None:
                yield Named(key_of(kind, item_id), item_id, "rule", kind, place, rule.name)
    for place, source in enumerate(rules.sources, 1):
        if source.crm_source is not None:
            yield Named(
                key_of("source", source.crm_source), source.crm_source, "source", "crm_source", place, source.name
            )
    for place, one in enumerate(rules.fields, 1):
        yield Named(key_of("field", one.field, one.entity), one.field, "field", "field", place, one.name)
