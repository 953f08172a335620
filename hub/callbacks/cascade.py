"""Who of ours is rung next. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hub.callbacks.rules import Rules


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who may be rung: `available` on shift and not absent, `busy` in a call now, `calls` today."""

    extension: str
    name: str
    available: bool = True
    busy: bool = False
    calls: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """What to ring: an employee, or a group as one."""

    extension: str
    name: str
    is_group: bool = False


def next_target(
    rules: Rules,
    operators: Sequence[Operator],
    tried: Collection[str],
    *,
    chosen: str | None = None,
    owner: str | None = None,
) -> Target | None:
    """The next one who was not tried in this round; None when all were.

    First who was asked for by name, then the client's owner, then the group or the managers. Who is off shift or
    in a call is passed over; whom the request itself names is rung by the PBX's own rules when we do not know them.
    """
    known = {operator.extension: operator for operator in operators}
    first = [extension for extension in (chosen, owner if rules.owner_first else None) if extension]
    for extension in first:
        operator = known.get(extension)
        if extension in tried or (operator is None and extension != chosen):
            continue
        if operator is None:
            return Target(extension, extension)
        if operator.available and not operator.busy:
            return Target(extension, operator.name)
    if rules.group:
        return None if rules.group in tried else Target(rules.group, rules.group, is_group=True)
    return _next_manager(rules, operators, tried)


def _next_manager(rules: Rules, operators: Sequence[Operator], tried: Collection[str]) -> Target | None:
    if len(tried) >= rules.most_managers:
        return None
    free = [one for one in operators if one.available and not one.busy and one.extension not in tried]
    if rules.managers:
        free = [one for one in free if one.extension in rules.managers]
        free.sort(key=lambda one: rules.managers.index(one.extension))
    else:
        free.sort(key=lambda one: one.calls)
    return Target(free[0].extension, free[0].name) if free else None
