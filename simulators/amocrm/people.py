"""What people do in the account: install, disable, sort incoming leads, edit cards (amocrm.md §1.3–§1.9)."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from typing import Any

import urllib3

from . import oauth
from .account import SINGULAR, Account, Entity, Integration, World, new_secret
from .asking import Caller
from .bodies import deleted_body
from .consent import admin_id, granted_query, with_query
from .entities import announce, change, create, first_normal_status, flaws_of_entity
from .log import logged
from .sorting import accepted, declined

_USER_AGENT = "amoService-oAuth-Code-Sender/1.0"


def first_client(account: Account) -> str:
    """An integration that is installed."""
    return min(account.installed)


def expire_tokens(world: World, account: Account) -> None:
    """Ends the day of every access token."""
    oauth.expire(world, account)


def fire(account: Account, user_id: int) -> None:
    """A person leaves: nothing can be given to them any more. Raises `KeyError` for nobody."""
    with account.lock:
        oauth.fire(account, user_id)


def widget_token(world: World, account: Account, user_id: int, audience: str, client_id: str = "") -> str:
    """A one-time token as the widget sends it. Raises `KeyError` for nobody."""
    integration = world.integrations[client_id or first_client(account)]
    return oauth.widget_token(account, integration, account.users[user_id], audience)


def install_from_widget(world: World, account: Account, client_id: str) -> int | None:
    """Installs by the marketplace: the code comes server to server, with `from_widget` and without `state`."""
    granted = granted_query(world, account, client_id, admin_id(account))
    return _get(with_query(world.integrations[client_id].redirect_uri, {**granted, "from_widget": "1"}))[0]


def press_button(
    world: World, account: Account, redirect_uri: str, secrets_uri: str, state: str, name: str = "Dozvon"
) -> tuple[Integration, str | None]:
    """The button makes an integration in the account and posts its secrets; gives it and where the browser goes.

    Anything but 200 from `secrets_uri` ends the flow: the second value is None (amocrm.md §1.4).
    """
    integration = Integration(str(uuid.uuid4()), new_secret(64), redirect_uri, kind="external", name=name)
    with world.lock:
        world.integrations[integration.client_id] = integration
    given = {"client_id": integration.client_id, "client_secret": integration.client_secret, "state": state}
    answer = urllib3.request("POST", secrets_uri, json=given, timeout=5.0, retries=False)
    if answer.status != 200:
        account.offence("secrets_uri_refused", f"creation error (Code {answer.status})")
        return integration, None
    granted = granted_query(world, account, integration.client_id, admin_id(account))
    return integration, with_query(redirect_uri, {**granted, "state": state})


def disconnect(world: World, account: Account, client_id: str, *, forged: bool = False) -> int | None:
    """Disables the integration: all its tokens die, and its hook is told by a signed GET. Gives the hook's status.

    A `forged` one has a wrong signature and disables nothing.
    """
    integration = world.integrations[client_id]
    if not forged:
        oauth.revoke_all(world, account, client_id)
    secret = "forged" if forged else integration.client_secret
    message = f"{client_id}|{account.id}".encode()
    signature = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    query = {"client_uuid": client_id, "account_id": str(account.id), "signature": signature}
    if not integration.disconnect_url:
        return None
    return _get(with_query(integration.disconnect_url, query))[0]


def add_entity(account: Account, entity_type: str, fields: Mapping[str, Any]) -> int:
    """Somebody adds a card by hand. Raises `ValueError` for fields that the account does not take."""
    _check(account, entity_type, fields)
    with account.lock:
        row = create(account, entity_type, dict(fields), _somebody(account))
        announce(account, entity_type, row)
        return int(row["id"])


def change_entity(account: Account, entity_type: str, number: int, fields: Mapping[str, Any]) -> None:
    """Somebody edits a card. Raises `ValueError` for wrong fields, `KeyError` when it is not there."""
    _check(account, entity_type, fields)
    with account.lock:
        change(account, entity_type, account.entities[entity_type][number], dict(fields), _somebody(account))


def delete_entity(account: Account, entity_type: str, number: int) -> None:
    """Somebody deletes a card. Raises `KeyError` when it is not there."""
    with account.lock:
        row = account.entities[entity_type][number]
        row |= {"is_deleted": True, "updated_at": account.now()}
        logged(account, f"{SINGULAR[entity_type]}_deleted", entity_type, number)
        account.happened(f"delete_{SINGULAR[entity_type]}", deleted_body(entity_type, row))


def accept(account: Account, uid: str, user_id: int | None = None) -> Entity:
    """Somebody accepts an incoming lead. Raises `KeyError` for an unknown one."""
    with account.lock:
        row = account.unsorted[uid]
        status = first_normal_status(account.pipelines[row["pipeline_id"]]["statuses"])
        return accepted(account, row, None, status, user_id)


def decline(account: Account, uid: str) -> Entity:
    """Somebody declines an incoming lead. Raises `KeyError` for an unknown one."""
    with account.lock:
        return declined(account, account.unsorted[uid])


def _somebody(account: Account) -> Caller:
    return Caller(account.users[admin_id(account)], Integration("", "", ""))


def _check(account: Account, entity_type: str, fields: Mapping[str, Any]) -> None:
    if entity_type not in SINGULAR:
        raise ValueError(f"{entity_type!r} is not one of {', '.join(SINGULAR)}")
    flaws = flaws_of_entity(account, entity_type, dict(fields))
    if flaws:
        raise ValueError(f"{flaws[0].path}: {flaws[0].detail}")


def _get(url: str) -> tuple[int | None, bytes]:
    try:
        answer = urllib3.request(
            "GET", url, headers={"User-Agent": _USER_AGENT}, timeout=10.0, retries=False, redirect=False
        )
    except (urllib3.exceptions.HTTPError, ValueError):
        return None, b""
    return answer.status, answer.data
