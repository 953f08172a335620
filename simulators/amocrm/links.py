"""Routes of links (amocrm.md §3.8)."""

from __future__ import annotations

from .account import Account, Entity
from .asking import NO_CONTENT, Answer, Asked, endpoint
from .checks import checked_batch
from .errors import Flaw, Problem, not_supported
from .linking import link_of, put_link, rendered_link
from .listing import listed
from .notes import filter_texts

_TYPES = "<any(leads,contacts,companies):kind>"
_KINDS = ("leads", "contacts", "companies")


@endpoint("GET", f"{_TYPES}/<int:number>/links")
def links_of_entity(account: Account, asked: Asked, kind: str, number: int) -> Answer:
    """What is linked to one entity, or 204."""
    return _listed(account, asked, kind, [number])


@endpoint("GET", f"{_TYPES}/links")
def links_of_type(account: Account, asked: Asked, kind: str) -> Answer:
    """What is linked to the entities of `filter[entity_id][]`, or 204."""
    return _listed(account, asked, kind, [int(text) for text in filter_texts(asked, "entity_id") if text.isdigit()])


@endpoint("POST", f"{_TYPES}/<int:number>/link")
def link_entity(account: Account, asked: Asked, kind: str, number: int) -> Answer:
    """Links one entity to others."""
    return _linked(account, kind, [{**item, "entity_id": number} for item in asked.batch()])


@endpoint("POST", f"{_TYPES}/link")
def link_entities(account: Account, asked: Asked, kind: str) -> Answer:
    """Links entities, each item naming its own."""
    return _linked(account, kind, asked.batch())


@endpoint("POST", f"{_TYPES}/<int:number>/unlink")
def unlink_entity(account: Account, asked: Asked, kind: str, number: int) -> Answer:
    """Takes links of one entity away."""
    return _unlinked(account, kind, [{**item, "entity_id": number} for item in asked.batch()])


@endpoint("POST", f"{_TYPES}/unlink")
def unlink_entities(account: Account, asked: Asked, kind: str) -> Answer:
    """Takes links away, each item naming its own entity."""
    return _unlinked(account, kind, asked.batch())


def _linked(account: Account, kind: str, items: list[Entity]) -> Answer:
    checked_batch(account, items, lambda item: _flaws(account, kind, item))
    made = []
    for item in items:
        ends = _ends(kind, item)
        if link_of(account, *ends) is not None:
            account.offence("linked_again", f"{ends[0]} and {ends[1]}")
            if account.settings.relink_fails:
                raise Problem(500, "An unknown error occurred.")
        made.append(rendered_link(put_link(account, *ends, item.get("metadata")), *ends[0]))
    return Answer({"_total_items": len(made), "_embedded": {"links": made}})


def _unlinked(account: Account, kind: str, items: list[Entity]) -> Answer:
    checked_batch(account, items, lambda item: _flaws(account, kind, item))
    for item in items:
        link = link_of(account, *_ends(kind, item))
        if link is not None:
            account.links.remove(link)
    return NO_CONTENT


def _ends(kind: str, item: Entity) -> tuple[tuple[str, int], tuple[str, int]]:
    return (kind, item["entity_id"]), (item["to_entity_type"], item["to_entity_id"])


def _flaws(account: Account, kind: str, item: Entity) -> list[Flaw]:
    flaws = [] if account.living_one(kind, item.get("entity_id")) else [not_supported("entity_id")]
    if item.get("to_entity_type") not in _KINDS:
        return [*flaws, not_supported("to_entity_type")]
    known = account.living_one(item["to_entity_type"], item.get("to_entity_id"))
    return flaws if known else [*flaws, not_supported("to_entity_id")]


def _listed(account: Account, asked: Asked, kind: str, numbers: list[int]) -> Answer:
    rows = [
        rendered_link(link, kind, number)
        for number in numbers
        for link in account.links
        if (kind, number) in (link["from"], link["to"])
    ]
    return listed(account, asked, "links", rows, lambda row: row, totals=True)
