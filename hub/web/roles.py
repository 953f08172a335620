"""Who may do what on the pages. One decorator enforces it, one table says it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from hub.web.people import current_person

View = TypeVar("View", bound=Callable[..., Any])


class Right(StrEnum):
    CALLS = "calls"
    OVERVIEW = "overview"
    DELIVERIES = "deliveries"
    CONNECTIONS = "connections"
    QUARANTINE = "quarantine"
    HOOK_ADDRESS = "hook_address"  # it opens the door for a PBX: as good as a password
    REPLAY = "replay"
    CONNECT = "connect"
    SITES = "sites"
    SITES_EDIT = "sites_edit"
    ROUTING = "routing"
    ROUTING_EDIT = "routing_edit"
    CALLBACKS = "callbacks"
    CALLBACKS_EDIT = "callbacks_edit"
    RULES = "rules"
    RULES_EDIT = "rules_edit"
    WORKSPACE = "workspace"  # users, keys, audit log, settings
    WORKSPACE_EDIT = "workspace_edit"
    EVERY_CALL = "every_call"  # without it, only the calls of the employee whom the user is
    DESK = "desk"
    ACCOUNT = "account"  # one's own


_READING = frozenset(
    {
        Right.CALLS,
        Right.OVERVIEW,
        Right.DELIVERIES,
        Right.CONNECTIONS,
        Right.QUARANTINE,
        Right.SITES,
        Right.ROUTING,
        Right.CALLBACKS,
        Right.RULES,
        Right.EVERY_CALL,
        Right.ACCOUNT,
    }
)
RIGHTS: dict[str, frozenset[Right]] = {
    "owner": frozenset(Right),
    "admin": frozenset(Right),
    "marketer": _READING,
    "auditor": _READING | {Right.WORKSPACE},
    "agent": frozenset({Right.CALLS, Right.DESK, Right.ACCOUNT}),
}


def may(right: str) -> bool:
    """Whether who is logged in has `right`; nobody has any."""
    person = current_person()
    return person is not None and Right(right) in RIGHTS.get(person.role, frozenset())


def _to_log_in(address: str) -> Response:
    """A part of a page that htmx asks for cannot hold the log-in: the whole page goes there."""
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": url_for("pages.login")})
    return redirect(address)


def needs(right: Right) -> Callable[[View], View]:
    """Let a view answer only people with `right`: strangers are sent to the log-in, others get 403."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if current_person() is None:
                wanted = request.full_path.rstrip("?") if request.method in {"GET", "HEAD"} else None
                return _to_log_in(url_for("pages.login", next=wanted))
            if not may(right):
                abort(403)
            return view(*args, **kwargs)

        guarded.needed_right = right  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return guard
