"""Sources of an integration (amocrm.md §4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from .account import Account, Entity
from .asking import NO_CONTENT, Answer, Asked, Caller, endpoint, request_id_of
from .brackets import values_of
from .checks import Field, Rules, checked_batch, flaws_of
from .errors import Flaw, Problem, not_supported
from .listing import listed

_RULES: Rules = {
    "name": Field("text", required=True),
    "external_id": Field("text", required=True),
    "pipeline_id": Field("int"),
    "default": Field("bool"),
    "origin_code": Field("text", nullable=True),
    "services": Field("list"),
}
_MOST = 100


@endpoint("GET", "sources")
def sources(account: Account, asked: Asked) -> Answer:
    """The integration's own sources, or 204."""
    rows = own(account, asked.caller)
    wanted = asked.query.get("filter")
    if isinstance(wanted, Mapping) and "external_id" in wanted:
        rows = [row for row in rows if row["external_id"] in values_of(wanted["external_id"])]
    return listed(account, asked, "sources", rows, _rendered, totals=True)


@endpoint("GET", "sources/<int:number>")
def source(account: Account, asked: Asked, number: int) -> Answer:
    """One source of the integration."""
    return Answer(_rendered(_mine(account, asked.caller, number)))


@endpoint("POST", "sources")
def add_sources(account: Account, asked: Asked) -> Answer:
    """Makes sources; an `external_id` that is there already is refused."""
    items = checked_batch(account, asked.batch(), partial(_flaws, account, asked.caller))
    if len(own(account, asked.caller)) + len(items) > _MOST:
        raise Problem(400, f"At most {_MOST} sources per integration")
    made = []
    for index, item in enumerate(items):
        row = _made(account, asked.caller, item)
        made.append({**_rendered(row), "request_id": request_id_of(item, index)})
    return Answer({"_total_items": len(made), "_embedded": {"sources": made}})


@endpoint("PATCH", "sources/<int:number>")
def change_source(account: Account, asked: Asked, number: int) -> Answer:
    """Changes one source."""
    row = _mine(account, asked.caller, number)
    _apply(account, asked.caller, row, asked.single())
    return Answer(_rendered(row))


@endpoint("PATCH", "sources")
def change_sources(account: Account, asked: Asked) -> Answer:
    """Changes sources by the `id` of each item."""
    rows = [_mine(account, asked.caller, item.get("id")) for item in asked.batch()]
    for row, item in zip(rows, asked.batch(), strict=True):
        _apply(account, asked.caller, row, item)
    return Answer({"_total_items": len(rows), "_embedded": {"sources": [_rendered(row) for row in rows]}})


@endpoint("DELETE", "sources/<int:number>")
def remove_source(account: Account, asked: Asked, number: int) -> Answer:
    """Removes one source."""
    _mine(account, asked.caller, number)["is_removed"] = True
    return NO_CONTENT


@endpoint("DELETE", "sources")
def remove_sources(account: Account, asked: Asked) -> Answer:
    """Removes the sources named by an array of `{id}`."""
    for row in [_mine(account, asked.caller, item.get("id")) for item in asked.batch()]:
        row["is_removed"] = True
    return NO_CONTENT


def own(account: Account, caller: Caller) -> list[Entity]:
    """What this integration may see."""
    mine = caller.integration.client_id
    return [row for row in account.sources.values() if row["client_id"] == mine and not row["is_removed"]]


def flaws_of_source(account: Account, item: Entity) -> list[Flaw]:
    """`_embedded.source` needs a known `external_id`."""
    source = (item.get("_embedded") or {}).get("source")
    if source is None:
        return []
    known = {row["external_id"] for row in account.sources.values() if not row["is_removed"]}
    is_known = isinstance(source, dict) and source.get("external_id") in known
    return [] if is_known else [not_supported("_embedded.source.external_id")]


def source_of(account: Account, caller: Caller, item: Entity) -> int | None:
    """The id of the source that a new lead names."""
    wanted = ((item.get("_embedded") or {}).get("source") or {}).get("external_id")
    return next((row["id"] for row in own(account, caller) if row["external_id"] == wanted), None)


def _flaws(account: Account, caller: Caller, item: Entity) -> list[Flaw]:
    flaws = flaws_of(account, item, _RULES)
    if item.get("pipeline_id") is not None and item["pipeline_id"] not in account.pipelines:
        flaws.append(not_supported("pipeline_id"))
    if any(row["external_id"] == item.get("external_id") for row in own(account, caller)):
        flaws.append(Flaw("NotUnique", "external_id", "A source with this external_id exists."))
    return flaws


def _made(account: Account, caller: Caller, item: Entity) -> Entity:
    mine = caller.integration.client_id
    # A removed source that comes back may keep its id (amocrm.md §4.1).
    for row in account.sources.values():
        if row["client_id"] == mine and row["external_id"] == item["external_id"]:
            row["is_removed"] = False
            break
    else:
        row = {"id": account.next_id("sources"), "client_id": mine, "is_removed": False, "default": False}
        row |= {"pipeline_id": account.main_pipeline()["id"], "origin_code": None, "services": []}
        account.sources[row["id"]] = row
    _apply(account, caller, row, item)
    return row


def _apply(account: Account, caller: Caller, row: Entity, item: Entity) -> None:
    if item.get("default"):
        for other in own(account, caller):
            other["default"] = False
    row |= {name: item[name] for name in _RULES if name in item}


def _mine(account: Account, caller: Caller, number: object) -> Entity:
    for row in own(account, caller):
        if row["id"] == number:
            return row
    raise Problem(404, "Source not found")


def _rendered(row: Entity) -> Entity:
    return {key: value for key, value in row.items() if key not in ("client_id", "is_removed")}
