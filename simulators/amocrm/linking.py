"""Who belongs to whom: leads, contacts and companies (amocrm.md §3.8)."""

from __future__ import annotations

from typing import Any

from .account import LOST, WON, Account, Entity


def linked(account: Account, entity_type: str, entity_id: int, to_type: str) -> list[Entity]:
    """Living entities of `to_type` at the other end, in the order of linking."""
    found = []
    for link in account.links:
        other = _other_end(link, entity_type, entity_id)
        if other and other[0] == to_type:
            entity = account.living_one(to_type, other[1])
            found += [entity] if entity else []
    return found


def link_of(account: Account, one: tuple[str, int], other: tuple[str, int]) -> Entity | None:
    """The link between two entities, whichever way it was made."""
    return next((link for link in account.links if {link["from"], link["to"]} == {one, other}), None)


def put_link(account: Account, one: tuple[str, int], other: tuple[str, int], metadata: Any = None) -> Entity:
    """Links two entities; a link that is there gets the metadata."""
    link = link_of(account, one, other)
    if link is None:
        link = {"from": one, "to": other, "metadata": None}
        account.links.append(link)
    link["metadata"] = metadata or link["metadata"]
    return link


def rendered_link(link: Entity, entity_type: str, entity_id: int) -> Entity:
    """A link as seen from one of its ends."""
    to_type, to_id = _other_end(link, entity_type, entity_id) or link["to"]
    return {
        "entity_id": entity_id,
        "entity_type": entity_type,
        "to_entity_id": to_id,
        "to_entity_type": to_type,
        "metadata": link["metadata"],
    }


def active_leads(account: Account, entity_type: str, entity_id: int) -> list[Entity]:
    """Leads of a contact or company that are neither won nor lost."""
    found = linked(account, entity_type, entity_id, "leads")
    return [lead for lead in found if lead["status_id"] not in (WON, LOST)]


def main_contact_id(account: Account, lead_id: int) -> int | None:
    """The lead's main contact: marked so, or the first."""
    contacts = linked(account, "leads", lead_id, "contacts")
    marked = [one for one in contacts if _is_main(account, lead_id, one["id"])]
    return next((one["id"] for one in [*marked, *contacts]), None)


def _is_main(account: Account, lead_id: int, contact_id: int) -> bool:
    link = link_of(account, ("leads", lead_id), ("contacts", contact_id))
    return bool(link and (link["metadata"] or {}).get("is_main"))


def _other_end(link: Entity, entity_type: str, entity_id: int) -> tuple[str, int] | None:
    ends: tuple[tuple[str, int], tuple[str, int]] = (link["from"], link["to"])
    if (entity_type, entity_id) not in ends:
        return None
    return ends[1] if ends[0] == (entity_type, entity_id) else ends[0]
