"""What people do on the portal: install, click a number, fill in a form (bitrix24.md §1.2–§1.4, §3.9)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from .auth import issue
from .callcrm import found_entity
from .delivery import auth_block, post
from .entities import add_entity
from .phones import stripped
from .portal import LiveCall, Portal, new_secret
from .telephony import begin, new_call_id


def admin_id(portal: Portal) -> int:
    """The administrator who installed the application."""
    return next(user.id for user in portal.users.values() if user.admin)


def click_to_call(portal: Portal, user_id: int, phone: str, line: str = "") -> str:
    """An employee clicks a number: the portal registers the call and tells the application. Gives the CALL_ID."""
    with portal.lock:
        auto_create = portal.lines.get(line, {}).get("CRM_AUTO_CREATE") == "Y"
        call = LiveCall(
            call_id=new_call_id(portal),
            app_id=portal.app.client_id,
            user_id=user_id,
            phone=stripped(phone),
            type=1,
            line=line,
            external_call_id="",
            started_at=portal.clock(),
            click_to_call=True,
        )
        begin(portal, call, {"CRM_CREATE": int(auto_create)})
        portal.cards[call.call_id] = {user_id}
        portal.happened("ONEXTERNALCALLSTART", _click_params(call, phone), user_id)
        return call.call_id


def callback_form(portal: Portal, phone: str, line: str = "", text: str = "") -> tuple[str, int]:
    """A visitor asks for a call in a CRM form; gives the (type, id) that the form was stored as."""
    with portal.lock:
        found = found_entity(portal, phone)
        if found is None:
            fields = {
                "TITLE": f"Форма обратного звонка {phone}",
                "SOURCE_ID": "CALLBACK",
                "ASSIGNED_BY_ID": admin_id(portal),
            }
            number = add_entity(portal, "LEAD", fields | {"PHONE": [{"VALUE": phone}]}, admin_id(portal))
            found = ("LEAD", number)
        params = {"PHONE_NUMBER": phone, "TEXT": text or "Обратный звонок", "VOICE": "", "LINE_NUMBER": line}
        params |= {"CRM_ENTITY_TYPE": found[0], "CRM_ENTITY_ID": str(found[1])}
        portal.happened("ONEXTERNALCALLBACKSTART", params, None)
        return found


def install(portal: Portal, handler: str, *, new_token: bool = False, finish: bool = True) -> int | None:
    """Sends ONAPPINSTALL to the handler; gives its HTTP status, None when it did not answer."""
    with portal.lock:
        app = portal.app
        app.removed = False
        if new_token:
            app.application_token = new_secret(32)
        grant = issue(portal, admin_id(portal))
        auth = auth_block(portal, grant, with_refresh=True)
        params = {"VERSION": app.version, "ACTIVE": "Y", "INSTALLED": "Y" if finish else "N", "LANGUAGE_ID": "ru"}
        app.installed = finish
    return post(portal, handler, {"event": "ONAPPINSTALL", "data": params, "ts": int(portal.clock()), "auth": auth})[0]


def uninstall(portal: Portal, handler: str, *, clean: bool = False) -> int | None:
    """Removes the application with its handlers, places, lines and tokens, and sends ONAPPUNINSTALL without tokens."""
    with portal.lock:
        portal.app.removed = True
        for owned in (portal.handlers, portal.placements, portal.grants, portal.offline):
            owned.clear()
        portal.lines.clear()
        auth = auth_block(portal, None)
    params = {"LANGUAGE_ID": "ru", "CLEAN": int(clean)}
    return post(portal, handler, {"event": "ONAPPUNINSTALL", "data": params, "ts": int(portal.clock()), "auth": auth})[
        0
    ]


def open_app(
    portal: Portal, url: str, user_id: int, placement: str = "DEFAULT", options: dict[str, Any] | None = None
) -> tuple[int | None, bytes]:
    """Opens a page of the application in the portal's frame; gives its HTTP status and body."""
    with portal.lock:
        grant = issue(portal, user_id)
        query = urlencode({"DOMAIN": portal.domain, "PROTOCOL": 0, "LANG": "ru", "APP_SID": new_secret(32)})
        body = {
            "AUTH_ID": grant.access,
            "AUTH_EXPIRES": 3600,
            "REFRESH_ID": grant.refresh,
            "SERVER_ENDPOINT": portal.server_endpoint,
            "APPLICATION_TOKEN": portal.app.application_token,
            "APPLICATION_SCOPE": ",".join(portal.app.scope),
            "member_id": portal.member_id,
            "status": "L",
            "PLACEMENT": placement,
            "PLACEMENT_OPTIONS": json.dumps(options or {}, ensure_ascii=False),
        }
    return post(portal, url, body, f"{'&' if '?' in url else '?'}{query}")


def expire_tokens(portal: Portal) -> None:
    """Ends the hour of every access token; refresh tokens stay good."""
    with portal.lock:
        for grant in portal.grants:
            grant.expires_at = min(grant.expires_at, portal.clock())


def _click_params(call: LiveCall, phone: str) -> dict[str, Any]:
    lead = next((number for kind, number in call.created if kind == "LEAD"), None)
    return {
        "PHONE_NUMBER": phone,
        "PHONE_NUMBER_INTERNATIONAL": call.phone,
        "EXTENSION": "",
        "USER_ID": str(call.user_id),
        "CALL_LIST_ID": "0",
        "LINE_NUMBER": call.line,
        "IS_MOBILE": "0",
        "CALL_ID": call.call_id,
        "CRM_ENTITY_TYPE": call.entity_type,
        "CRM_ENTITY_ID": str(call.entity_id or 0),
        "CRM_CREATED_LEAD": str(lead or ""),
        "CRM_CREATED_ENTITIES": [{"ENTITY_TYPE": kind, "ENTITY_ID": number} for kind, number in call.created],
    }
