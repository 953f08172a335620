"""Whether a webhook or an application was given the rights that the hub needs."""

from __future__ import annotations

from connectors.bitrix24.client import Portal
from hub.domain.errors import Paused, Rejected

_RIGHTS = {"telephony": ("telephony",), "crm": ("crm",), "user_basic": ("user_basic", "user", "user_brief")}
"""What we need, and by which of a portal's rights we would get it (bitrix24.md §1.9)."""


def require_rights(portal: Portal) -> None:
    """Raises `Paused` naming the rights that were not ticked; a portal that does not list them is asked no more."""
    try:
        listed = portal.call("scope", {}, write=False)
    except Rejected:
        return
    has = {str(one) for one in listed} if isinstance(listed, list) else None
    missing = [] if has is None else [name for name, ways in _RIGHTS.items() if not has & set(ways)]
    if missing:
        words = f"The rights {', '.join(missing)} are missing."
        hint = "Give them to the webhook or the application in Bitrix24, then check once more."
        raise Paused(words, hint).because("rights_missing", rights=", ".join(missing))
