"""How a workspace calls back: every choice with its default (callback-practice.md §7)."""

from __future__ import annotations

from dataclasses import dataclass, field

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` requests by one `scope` within `seconds`.

    `scope` is "number", "visitor" (distinct numbers), "ip", "site" or "workspace".
    """

    scope: str
    most: int
    seconds: int


DEFAULT_LIMITS = (
    Limit("number", 2, 15 * _MINUTE),
    Limit("number", 5, _DAY),
    Limit("visitor", 3, _HOUR),
    Limit("visitor", 4, _DAY),
    Limit("ip", 5, _HOUR),
    Limit("ip", 15, _DAY),
    Limit("site", 60, _HOUR),
    Limit("site", 300, _DAY),
    Limit("workspace", 1000, _DAY),
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The document of a workspace.

    `group` is a group's extension: it is rung as one. Without it the `managers` (extensions) are rung one after
    the other in this order; with none named, everybody on shift, who had the fewest calls today first. The
    visitor's owner goes before all of them when `owner_first`. `operator_retries` and `client_retries` are the
    seconds until a new round after nobody of ours, or not the visitor, picked up; when they are used up the
    request has failed. `key_press` asks the operator to confirm by a key, where the PBX can.

    `countries` (ISO 3166) may be rung; none means the workspace's own. `call_cost` is what one ringing is
    reckoned at, `day_cap` what a day may cost, in minor units of `currency`; 0 is no cap. More than
    `alarm_per_hour` numbers of one destination within an hour raise the alarm. `line` is shown to the visitor.
    """

    client_first: bool = False
    group: str = ""
    managers: tuple[str, ...] = ()
    owner_first: bool = True
    key_press: bool = False
    most_managers: int = 5
    operator_retries: tuple[int, ...] = (60, 300)
    client_retries: tuple[int, ...] = (120, 900)
    line: str = ""
    countries: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = field(default=DEFAULT_LIMITS)
    currency: str = "RUB"
    call_cost: int = 1000
    day_cap: int = 500_000
    alarm_per_hour: int = 60
    visitor_from: str = "09:00"
    visitor_until: str = "21:00"
