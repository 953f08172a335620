"""Tags of entities (amocrm.md §3.10)."""

from __future__ import annotations

from typing import Any

from .account import Account, Entity
from .errors import Flaw, not_supported, wrong_type


def flaws_of_tags(account: Account, entity_type: str, raw: Any, path: str) -> list[Flaw]:
    """Tags are maps with a `name` or a known `id`."""
    if raw is None:
        return []
    if not isinstance(raw, list):
        return [wrong_type(path, "array")]
    flaws: list[Flaw] = []
    for index, tag in enumerate(raw):
        if not isinstance(tag, dict):
            flaws.append(wrong_type(f"{path}.{index}", "object"))
        elif "id" in tag and tag["id"] not in account.tags[entity_type]:
            flaws.append(not_supported(f"{path}.{index}.id"))
        elif "id" not in tag and not isinstance(tag.get("name"), str):
            flaws.append(wrong_type(f"{path}.{index}.name", "string"))
    return flaws


def tag_named(account: Account, entity_type: str, name: str, color: str | None = None) -> Entity:
    """The tag of this name, made when it is not there."""
    for tag in account.tags[entity_type].values():
        if tag["name"] == name:
            return tag
    tag = {"id": account.next_id("tags"), "name": name, "color": color}
    account.tags[entity_type][tag["id"]] = tag
    return tag


def apply_tags(account: Account, entity_type: str, entity: Entity, item: Entity) -> None:
    """`_embedded.tags` replaces the set; `tags_to_add` and `tags_to_delete` change it."""
    embedded = item.get("_embedded") or {}
    if "tags" in embedded:
        entity["tags"] = _ids(account, entity_type, embedded["tags"])
    gone = set(_ids(account, entity_type, item.get("tags_to_delete")))
    kept = [tag for tag in entity["tags"] if tag not in gone]
    entity["tags"] = list(dict.fromkeys(kept + _ids(account, entity_type, item.get("tags_to_add"))))


def rendered_tags(account: Account, entity_type: str, entity: Entity) -> list[Entity]:
    """Tags as read."""
    return [dict(account.tags[entity_type][tag]) for tag in entity["tags"]]


def _ids(account: Account, entity_type: str, raw: list[Entity] | None) -> list[int]:
    return [tag["id"] if "id" in tag else tag_named(account, entity_type, tag["name"])["id"] for tag in raw or []]
