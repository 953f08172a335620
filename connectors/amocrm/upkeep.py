"""Keeping an account in step with us: it must post its changes to our address, and to no former one (amocrm.md §5.1).

An address that has answered badly too often is switched off by amoCRM in silence (§5.3): it is looked
at every time, and registered anew.
"""

from __future__ import annotations

from connectors.amocrm.client import Account
from connectors.amocrm.envelope import Envelope, embedded, identifier, mapping, text
from connectors.amocrm.errors import Refused
from connectors.amocrm.events import WATCHED
from connectors.amocrm.memory import Memory
from connectors.contract import Door, Surroundings
from hub.domain.errors import Paused

_NO_ADDRESS = "The hub has no public address, so amoCRM posts no changes; they are read once a day."
_NOT_ALLOWED = "amoCRM posts no changes here: {words}. They are read once a day."


def keep_up(door: Door, surroundings: Surroundings, memory: Memory | None = None) -> str:
    """Register our address for changes. A line for people; raises the delivery errors.

    A plan without webhooks, and a user who may not manage them, leave the account without: no reason to stop.
    """
    account = Account(door, memory)
    learn_account(account)
    address = surroundings.hook_url
    if not address:
        return _NO_ADDRESS
    try:
        return register(account, address, surroundings.public_url)
    except Paused as refusal:
        learn_account(account)  # an account that is not paid for answers this with the same refusal
        return _NOT_ALLOWED.format(words=refusal.message)
    except Refused as refusal:
        return _NOT_ALLOWED.format(words=refusal.message)


def learn_account(account: Account) -> None:
    """Note the account's id, by which events are known to be of this account."""
    found = mapping(account.read("account"))
    account_id = identifier(found.get("id"))
    if account_id and str(account.door.connection.settings.get("account_id") or "") != account_id:
        account.door.remember({"account_id": account_id})


def register(account: Account, address: str, public_url: str) -> str:
    """Our address, with exactly what we watch. What POST does to one that is there is not certain, so it goes first."""
    known = embedded(account.as_admin("GET", "webhooks"), "webhooks")
    for row in known:
        if _is_former(row, address, public_url):
            _remove(account, text(row.get("destination")))
    mine = [row for row in known if row.get("destination") == address]
    if mine and all(_is_good(row) for row in mine):
        return f"amoCRM posts {len(WATCHED)} kinds of changes here."
    if mine:
        _remove(account, address)
    account.as_admin("POST", "webhooks", {"destination": address, "settings": list(WATCHED)})
    was_off = any(row.get("disabled") is True for row in mine)
    return "amoCRM had switched our address off; it is on again." if was_off else "Our address is registered."


def _is_good(row: Envelope) -> bool:
    settings = row.get("settings")
    asked = {str(one) for one in settings} if isinstance(settings, list) else set()
    return row.get("disabled") is not True and asked >= set(WATCHED)


def _is_former(row: Envelope, address: str, public_url: str) -> bool:
    """An address of this hub that answered badly until it was switched off: nobody here knows its token any more."""
    destination = text(row.get("destination"))
    is_ours = bool(public_url) and destination.startswith(f"{public_url}/hooks/") and destination != address
    return is_ours and row.get("disabled") is True


def _remove(account: Account, address: str) -> None:
    try:
        account.as_admin("DELETE", "webhooks", {"destination": address})
    except Refused as refusal:
        if refusal.status != 404:
            raise
