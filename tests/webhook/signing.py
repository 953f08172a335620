"""Requests signed as an integrator would sign them: by the `standardwebhooks` library."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from webhooks.contract import HookRequest, InboxItem, ParseContext

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
CONTEXT = ParseContext(region="RU", settings={})


def signed(
    body: bytes | dict[str, Any], *, secret: str = SECRET, at: datetime = NOW, message_id: str = "msg_1"
) -> HookRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    naive_utc = at.astimezone(UTC)
    signature = Webhook(secret).sign(message_id, naive_utc, raw.decode("utf-8"))
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
        "content-type": "application/json",
    }
    return HookRequest("POST", "", "", headers, raw, NOW)


def item(document: Any, key: str = "msg_1:0") -> InboxItem:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return InboxItem(key, "", body)
