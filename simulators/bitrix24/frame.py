"""A page of the portal that shows the application in a frame, as Bitrix24 does (bitrix24.md §1.3)."""

from __future__ import annotations

import json
from html import escape
from typing import Any
from urllib.parse import urlencode

from .auth import issue
from .portal import Portal, new_secret

_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ margin: 0; font: 14px sans-serif; background: #eef2f4; color: #333 }}
header {{ background: #2f5c8f; color: #fff; padding: 12px 20px }}
iframe {{ border: 0; width: 100%; height: {height}px }}</style></head>
<body><header>{domain}</header>
<iframe name="app" title="{title}"></iframe>
<form id="open" method="post" target="app" action="{action}">{fields}</form>
<script>document.getElementById("open").submit()</script>
</body></html>"""


def frame_page(
    portal: Portal,
    url: str,
    user_id: int,
    *,
    language: str = "ru",
    height: int = 860,
    placement: tuple[str, dict[str, Any]] = ("DEFAULT", {}),
) -> str:
    """HTML that posts the fields of an opening into a frame; `placement` is a place's code and its options."""
    with portal.lock:
        grant = issue(portal, user_id)
        query = urlencode({"DOMAIN": portal.domain, "PROTOCOL": 0, "LANG": language, "APP_SID": new_secret(32)})
        given = {
            "AUTH_ID": grant.access,
            "AUTH_EXPIRES": "3600",
            "REFRESH_ID": grant.refresh,
            "SERVER_ENDPOINT": portal.server_endpoint,
            "APPLICATION_TOKEN": portal.app.application_token,
            "APPLICATION_SCOPE": ",".join(portal.app.scope),
            "member_id": portal.member_id,
            "status": "L",
            "PLACEMENT": placement[0],
            "PLACEMENT_OPTIONS": json.dumps(placement[1], ensure_ascii=False),
        }
    fields = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(given[name])}">' for name in given)
    action = f"{url}{'&' if '?' in url else '?'}{query}"
    return _PAGE.format(
        language=escape(language),
        title=escape(portal.app.name),
        height=height,
        domain=escape(portal.domain),
        action=escape(action),
        fields=fields,
    )
