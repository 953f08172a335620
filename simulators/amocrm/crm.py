"""Routes of leads, contacts and companies (amocrm.md §3.7, §4.3)."""

from __future__ import annotations

from functools import partial

from .account import Account, Entity
from .asking import NO_CONTENT, Answer, Asked, denied, endpoint, request_id_of
from .checks import checked, checked_batch, note_unknown
from .entities import RULES, announce, change, create, embed, flaws_of_entity, flaws_of_references, rendered
from .errors import Flaw, Problem, not_supported
from .listing import listed
from .searching import found
from .sources import flaws_of_source, source_of

_TYPES = "<any(leads,contacts,companies):kind>"


@endpoint("GET", _TYPES)
def entities(account: Account, asked: Asked, kind: str) -> Answer:
    """A page of entities, or 204."""
    denied(account, asked.caller, kind, "view")
    rows = found(account, asked, kind)
    return listed(account, asked, kind, rows, lambda row: rendered(account, kind, row, asked.with_()))


@endpoint("GET", f"{_TYPES}/<int:number>")
def entity(account: Account, asked: Asked, kind: str, number: int) -> Answer:
    """One entity; what is not there is a 204, or a 404 if the account is set so."""
    denied(account, asked.caller, kind, "view")
    row = account.living_one(kind, number)
    return Answer(rendered(account, kind, row, asked.with_())) if row else nothing(account)


@endpoint("POST", _TYPES)
def add_entities(account: Account, asked: Asked, kind: str) -> Answer:
    """Makes entities from an array; one wrong item keeps all out."""
    denied(account, asked.caller, kind, "add")
    items = checked_batch(account, too_many_guarded(account, asked.batch()), partial(_flaws_of_new, account, kind))
    made = []
    for index, item in enumerate(items):
        note_unknown(account, kind, item, RULES[kind], ("custom_fields_values",))
        row = create(account, kind, item, asked.caller)
        if kind == "leads":
            embed(account, row, item)
            row["source_id"] = source_of(account, asked.caller, item)
        announce(account, kind, row)
        links = account.href(f"{kind}/{row['id']}")
        made.append({"id": row["id"], "request_id": request_id_of(item, index), "_links": links})
    return Answer({"_links": account.href(kind), "_embedded": {kind: made}})


@endpoint("PATCH", _TYPES)
def change_entities(account: Account, asked: Asked, kind: str) -> Answer:
    """Changes entities by the `id` of each item."""
    denied(account, asked.caller, kind, "edit")
    items = checked_batch(account, too_many_guarded(account, asked.batch()), partial(_flaws_of_changed, account, kind))
    changed = [_changed(account, asked, kind, item, request_id_of(item, index)) for index, item in enumerate(items)]
    return Answer({"_links": account.href(kind), "_embedded": {kind: changed}})


@endpoint("PATCH", f"{_TYPES}/<int:number>")
def change_entity(account: Account, asked: Asked, kind: str, number: int) -> Answer:
    """Changes one entity by an object."""
    denied(account, asked.caller, kind, "edit")
    item = {**asked.single(), "id": number}
    if account.living_one(kind, number) is None:
        return nothing(account) if account.settings.missing_status != 404 else _refuse_missing()
    checked(account, item, _flaws_of_changed(account, kind, item))
    return Answer(_changed(account, asked, kind, item, None))


def nothing(account: Account) -> Answer:
    """The answer for a single thing that is not there."""
    return _refuse_missing() if account.settings.missing_status == 404 else NO_CONTENT


def too_many_guarded(account: Account, items: list[Entity]) -> list[Entity]:
    """Raises `Problem` 504 above the number that the account can write in time, when that is set."""
    most = account.settings.most_writes_before_timeout
    if most and len(items) > most:
        raise Problem(504, "Too many entities in one request")
    return items


def _refuse_missing() -> Answer:
    raise Problem(404, "Entity not found")


def _flaws_of_new(account: Account, kind: str, item: Entity) -> list[Flaw]:
    flaws = flaws_of_entity(account, kind, item)
    return flaws or (flaws_of_references(account, item) + flaws_of_source(account, item) if kind == "leads" else [])


def _flaws_of_changed(account: Account, kind: str, item: Entity) -> list[Flaw]:
    flaws = flaws_of_entity(account, kind, item)
    if account.living_one(kind, item.get("id")) is None:
        flaws.append(not_supported("id"))
    if "source" in (item.get("_embedded") or {}):
        account.offence("source_after_creation", f"{kind} {item.get('id')}: a source can be set only on creation")
    return flaws


def _changed(account: Account, asked: Asked, kind: str, item: Entity, request_id: object) -> Entity:
    note_unknown(account, kind, item, RULES[kind], ("custom_fields_values", "id"))
    row = account.entities[kind][item["id"]]
    change(account, kind, row, item, asked.caller)
    shown: Entity = {"id": row["id"], "updated_at": row["updated_at"], "_links": account.href(f"{kind}/{row['id']}")}
    return shown | ({} if request_id is None else {"request_id": request_id})
