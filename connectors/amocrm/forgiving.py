"""A write that does not fail for one field that the account does not take.

amoCRM refuses a whole entity for one unknown field, a person who was dismissed, or a choice that was
removed (amocrm.md §8). The refusal says for certain that nothing was carried out, and which field it
was: the field is left out, and the rest is sent again. What was left out is told in the result.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from connectors.amocrm.client import Account
from connectors.amocrm.errors import Fault, Refused
from connectors.contract import Json

_MAY_BE_LEFT_OUT = frozenset(
    {
        "responsible_user_id",
        "created_by",
        "call_responsible",
        "call_status",
        "custom_fields_values",
        "tags_to_add",
        "tags_to_delete",
        "source",
        "pipeline_id",
        "status_id",
        "task_type_id",
        "link",
        "created_at",
    }
)
_KEPT_WHOLE = "PHONE"
"""Without its number a contact is nobody's: then the refusal stands."""
_PEOPLE = ("responsible_user_id", "created_by", "call_responsible")
_MOST_ROUNDS = 4

LeftOut = list[Json]


def add_item(account: Account, path: str, item: Json) -> tuple[Json, LeftOut]:
    """Add one item to a collection, as an array; returns the answer and the names of what was left out."""
    return _sent(account, item, lambda body: account.write("POST", path, [body]))


def change(account: Account, path: str, fields: Json) -> tuple[Json, LeftOut]:
    """Change one entity, as an object; returns the same."""
    return _sent(account, fields, lambda body: account.write("PATCH", path, body))


def _sent(account: Account, body: Json, send: Callable[[Json], Json]) -> tuple[Json, LeftOut]:
    """A few rounds, because amoCRM may name one field at a time; the last refusal stands."""
    left_out: LeftOut = []
    for _ in range(_MOST_ROUNDS):
        try:
            return send(body), left_out
        except Refused as refusal:
            body, now = without_faults(body, refusal, account.settings.default_user_id)
            if not now:
                raise
            left_out += now
    return send(body), left_out


def without_faults(item: Json, refusal: Refused, default_user_id: str | None) -> tuple[Json, LeftOut]:
    """The item without the fields that the refusal names; nothing left out when one of them is needed. Pure.

    In place of a person whom amoCRM does not know there comes the default person, unless it was that one.
    """
    spared: Any = copy.deepcopy(item)
    left_out: LeftOut = []
    for fault in _last_first(refusal.faults):
        name = _leave_out(spared, _parts(fault), default_user_id)
        if name is None:
            return item, []
        left_out.append(name)
    return spared, left_out


def _last_first(faults: tuple[Fault, ...]) -> list[Fault]:
    """So that the index of one stays right after another was left out; each place once."""
    places = {tuple(_parts(fault)[: _depth(fault)]): fault for fault in faults}
    return [places[place] for place in sorted(places, key=lambda parts: [_rank(part) for part in parts], reverse=True)]


def _rank(part: str) -> tuple[int, str]:
    return (int(part), "") if part.isdigit() else (-1, part)


def _parts(fault: Fault) -> list[str]:
    """The path without the index of our only item, which some answers begin with."""
    parts = [part for part in fault.path.replace("[", ".").replace("]", "").split(".") if part]
    return parts[1:] if parts and parts[0].isdigit() else parts


def _depth(fault: Fault) -> int:
    """How much of the path names the thing to leave out: a field's item, or the first name that may go."""
    parts = _parts(fault)
    for place, part in enumerate(parts):
        if part in {"custom_fields_values", "tags_to_add", "tags_to_delete"} and parts[place + 1 : place + 2]:
            return place + 2
        if part in _MAY_BE_LEFT_OUT:
            return place + 1
    return len(parts)


def _leave_out(item: Any, parts: list[str], default_user_id: str | None) -> str | None:
    """Take what `parts` name out of `item`; its name, None when it is not there or must stay."""
    depth = _depth(Fault(".".join(parts), ""))
    *way, last = parts[:depth] or [""]
    if not any(part in _MAY_BE_LEFT_OUT for part in parts[:depth]):
        return None
    holder = _at(item, way)
    if isinstance(holder, dict) and last in holder:
        return _drop_name(holder, last, default_user_id)
    if isinstance(holder, list) and last.isdigit() and int(last) < len(holder):
        return _drop_item(holder, int(last))
    return None


def _at(item: Any, way: list[str]) -> Any:
    for part in way:
        if isinstance(item, dict):
            item = item.get(part)
        elif isinstance(item, list) and part.isdigit() and int(part) < len(item):
            item = item[int(part)]
        else:
            return None
    return item


def _drop_name(holder: dict[str, Any], name: str, default_user_id: str | None) -> str | None:
    value = holder.pop(name)
    if name in _PEOPLE and default_user_id and str(value) != default_user_id:
        holder[name] = int(default_user_id)
    return f"{name}={value}" if isinstance(value, int | str) else name


def _drop_item(holder: list[Any], place: int) -> str | None:
    code = holder[place].get("field_code") or holder[place].get("field_id") or holder[place].get("name")
    if code == _KEPT_WHOLE:
        return None
    del holder[place]
    return str(code)
