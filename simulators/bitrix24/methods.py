"""The table of REST methods: each module adds its own with the `rest_method` decorator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .portal import Portal, User

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Caller:
    """Who calls: an application with a token, or an inbound webhook; everything runs as `user`."""

    user: User
    app_id: str
    is_app: bool
    scope: tuple[str, ...]
    token: str


@dataclass(frozen=True)
class Listing:
    """A page of rows; `total` and `next_start` stand beside `result` in the envelope."""

    rows: Any
    total: int | None = None
    next_start: int | None = None


Run = Callable[[Portal, Caller, Params], Any]


@dataclass(frozen=True)
class RestMethod:
    """One method.

    `scopes`: any one of them suffices, none means basic. `app_only`: refused to webhooks. `telephony_switch`: the
    refusal can be switched off. `documented`: its parameter names are read in any case, these are the right ones.
    `locks_itself`: it takes the portal's lock only for as long as it changes something.
    """

    name: str
    run: Run
    scopes: tuple[str, ...] = ()
    app_only: bool = False
    telephony_switch: bool = False
    documented: tuple[str, ...] = ()
    locks_itself: bool = False


METHODS: dict[str, RestMethod] = {}


def rest_method(
    name: str,
    *scopes: str,
    app_only: bool = False,
    telephony_switch: bool = False,
    documented: str = "",
    locks_itself: bool = False,
) -> Callable[[Run], Run]:
    """Puts a function into the table under the method's documented name."""

    def register(run: Run) -> Run:
        names = tuple(documented.split())
        METHODS[name.lower()] = RestMethod(
            name, run, scopes, app_only or telephony_switch, telephony_switch, names, locks_itself
        )
        return run

    return register


def known_names(portal: Portal, method: RestMethod, params: Params) -> Params:
    """The parameters under their documented names; another case is read, but it is an offence."""
    if not method.documented:
        return params
    spelled = {name.upper(): name for name in method.documented}
    renamed: dict[str, Any] = {}
    for key, value in params.items():
        name = spelled.get(key.upper(), key)
        if name != key:
            portal.offence("parameter_case", f"{method.name}: {key} is documented as {name}")
        renamed[name] = value
    return renamed
