"""Methods that need no scope: about the application, the server and the methods themselves."""

from __future__ import annotations

from typing import Any

from .clock import iso
from .methods import METHODS, Caller, Params, rest_method
from .portal import ALL_SCOPES, Portal
from .values import flag, text


@rest_method("app.info")
def app_info(portal: Portal, caller: Caller, _params: Params) -> dict[str, Any]:
    """The portal's own shape; a webhook is told only scope and licence (bitrix24.md §1.3)."""
    if not caller.is_app:
        return {"SCOPE": list(caller.scope), "LICENSE": "ru_pro100"}
    app = portal.app
    return {
        "ID": app.id,
        "CODE": app.client_id,
        "VERSION": app.version,
        "STATUS": "L",
        "INSTALLED": app.installed,
        "PAYMENT_EXPIRED": "N",
        "DAYS": None,
        "LANGUAGE_ID": "ru",
        "LICENSE": "ru_pro100",
        "LICENSE_TYPE": "pro100",
        "LICENSE_FAMILY": "pro",
    }


@rest_method("server.time")
def server_time(portal: Portal, _caller: Caller, _params: Params) -> str:
    """Now, in the portal's zone."""
    return iso(portal.clock())


@rest_method("scope")
def scope(_portal: Portal, caller: Caller, params: Params) -> list[str]:
    """What this client may, or with `full` everything that exists."""
    everything = flag(params.get("full"), default=False)
    return list(ALL_SCOPES) if everything else list(caller.scope)


@rest_method("method.get")
def method_get(_portal: Portal, caller: Caller, params: Params) -> dict[str, bool]:
    """Whether a method exists, and whether this client may call it."""
    method = METHODS.get(text(params.get("name")).lower())
    available = method is not None and (not method.scopes or bool(set(method.scopes) & set(caller.scope)))
    return {"isExisting": method is not None, "isAvailable": available}


@rest_method("methods")
def methods(_portal: Portal, caller: Caller, _params: Params) -> list[str]:
    """All methods that this client may call."""
    found = (one for one in METHODS.values() if not one.scopes or set(one.scopes) & set(caller.scope))
    return sorted(one.name for one in found)


@rest_method("feature.get")
def feature_get(_portal: Portal, _caller: Caller, _params: Params) -> dict[str, str]:
    """Extended features of the plan."""
    return {"value": "Y"}
