"""A portal that moved (bitrix24.md §2.8): the old address answers with a redirect, and anybody can send one.

The access token goes to the new host only after the auth server, which we have trusted since the
installation, says for that same token that our portal lives there now (`app.info`, bitrix24.md §1.3).
"""

from __future__ import annotations

import hmac
from urllib.parse import urlencode, urljoin

from connectors.bitrix24.envelope import Envelope, mapping, opened, text
from connectors.bitrix24.hosts import host_of, may_move, origin_of
from connectors.bitrix24.settings import PortalSettings
from connectors.contract import Door
from hub.domain.errors import Paused, Unreachable
from hub.net.http import HttpAnswer

_HINT = "If the portal was renamed, enter its new address in the connection or install the application again."


def is_redirect(answer: HttpAnswer) -> bool:
    return answer.status in {301, 302, 303, 307, 308}


def proven_endpoint(door: Door, portal: PortalSettings, endpoint: str, location: str, token: str) -> str:
    """The REST address of the moved portal, proven to be ours; it is remembered with the connection.

    `endpoint` answered with a redirect to `location`. Raises `Paused` with the reason when the new
    place is not proven, `AuthExpired` when the token must be renewed before it can be asked about,
    and `Unreachable` when the auth server cannot be asked now.
    """
    target = urljoin(endpoint, location)
    if host_of(target) == host_of(endpoint):
        raise Unreachable("Bitrix24 answered with a redirect within its own address.")
    if not may_move(endpoint, target):
        raise Paused(f"The portal redirects to {host_of(target)}, which cannot be a Bitrix24 portal of ours.", _HINT)
    installed = mapping(_application(door, portal, token).get("install"))
    if not _is_ours(installed, portal, target):
        raise Paused(f"The portal redirects to {host_of(target)}, which is not proven to be the same portal.", _HINT)
    moved = f"{origin_of(target)}/rest/"
    door.remember({"domain": host_of(target), "client_endpoint": moved})
    return moved


def _application(door: Door, portal: PortalSettings, token: str) -> Envelope:
    """What the auth server says of the application that holds `token`. Its address is never logged."""
    door.spend("app.info")
    address = f"{portal.server_endpoint}app.info?{urlencode({'auth': token})}"
    answer = door.http.request("GET", address, write=False)
    if is_redirect(answer):
        raise Unreachable("The auth server answered with a redirect.")
    envelope = opened(answer, write=False, now=door.now())
    said = mapping(envelope["result"])
    client_id, ours = text(said.get("client_id")), door.connection.secrets.get("client_id", "")
    if client_id and ours and client_id != ours:
        raise Paused("The auth server knows the access token as another application's.", _HINT)
    return said


def _is_ours(installed: Envelope, portal: PortalSettings, target: str) -> bool:
    """The same member id, living at exactly the host that we were sent to."""
    member_id = text(installed.get("member_id"))
    same_portal = bool(portal.member_id) and hmac.compare_digest(member_id.encode(), portal.member_id.encode())
    lives_at = {text(installed.get("domain")).lower(), host_of(text(installed.get("client_endpoint")))}
    return same_portal and host_of(target) in lives_at
