"""Checks an item of a request against a table of rules, and keeps the whole batch out when one item is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .account import Account
from .asking import request_id_of
from .errors import Flaw, invalid, missing, not_supported, null, wrong_type

_LATEST_MOMENT = 4_102_444_800


@dataclass(frozen=True)
class Field:
    """What a field may hold.

    `kind`: text, int, number, bool, object, list, moment (whole unix seconds), user (id of an active user),
    responder (text or int). `nullable` lets null pass.
    """

    kind: str
    required: bool = False
    nullable: bool = False
    choices: tuple[Any, ...] = ()


Rules = Mapping[str, Field]

_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "int": (int,),
    "moment": (int,),
    "user": (int,),
    "number": (int, float),
    "bool": (bool,),
    "object": (dict,),
    "list": (list,),
    "responder": (str, int),
}
_NAMES = {"text": "string", "responder": "string|int", "list": "array", "moment": "int", "user": "int"}


def flaws_of(account: Account, item: Mapping[str, Any], rules: Rules, prefix: str = "") -> list[Flaw]:
    """What is wrong with the fields that the rules know."""
    flaws: list[Flaw] = []
    for name, rule in rules.items():
        path = f"{prefix}{name}"
        if name not in item:
            flaws += [missing(path)] if rule.required else []
        elif item[name] is None:
            flaws += [] if rule.nullable else [null(path)]
        else:
            flaws += _flaws_of_value(account, item[name], rule, path)
    return flaws


def refuse_flawed(account: Account, flaws: Mapping[str, list[Flaw]]) -> None:
    """Raises the 400 of validation errors, with an offence, when there are any."""
    found = {name: some for name, some in flaws.items() if some}
    if found:
        first = next(iter(found.values()))[0]
        account.offence("invalid_request", f"{first.code} {first.path}")
        raise invalid(found)


def checked_batch(
    account: Account, items: list[dict[str, Any]], check: Callable[[dict[str, Any]], list[Flaw]]
) -> list[dict[str, Any]]:
    """The items when all are right. Raises the 400 of validation errors."""
    refuse_flawed(account, {str(request_id_of(item, index)): check(item) for index, item in enumerate(items)})
    return items


def checked(account: Account, item: dict[str, Any], flaws: list[Flaw]) -> dict[str, Any]:
    """The item when it is right. Raises the 400 of validation errors."""
    refuse_flawed(account, {str(request_id_of(item, 0)): flaws})
    return item


def note_unknown(
    account: Account, what: str, item: Mapping[str, Any], rules: Rules, more: tuple[str, ...] = ()
) -> None:
    """Fields that nobody knows are ignored; they are worth an offence."""
    for name in sorted(set(item) - set(rules) - {"request_id", *more}):
        account.offence("unknown_field", f"{what}: {name}")


def _flaws_of_value(account: Account, value: Any, rule: Field, path: str) -> list[Flaw]:
    right = isinstance(value, _TYPES[rule.kind]) and (rule.kind == "bool" or not isinstance(value, bool))
    if not right or (rule.kind == "moment" and not 0 <= value <= _LATEST_MOMENT):
        return [wrong_type(path, _NAMES.get(rule.kind, rule.kind))]
    if rule.required and value == "":
        return [missing(path)]
    if rule.choices and value not in rule.choices:
        return [not_supported(path)]
    if rule.kind == "user" and value != 0 and not account.active_user(value):
        return [not_supported(path)]
    return []
