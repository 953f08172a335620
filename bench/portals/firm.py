"""One firm of the bench: its portal, its webhook PBX, and what its telephones do."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks import Webhook

from simulators.bitrix24.ledger import Exchange
from simulators.bitrix24.simulated import SimulatedPortal

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
Event = dict[str, Any]


@dataclass(frozen=True)
class Firm:
    number: int
    portal: SimulatedPortal
    hub: str

    @property
    def token(self) -> str:
        return f"{self.number}" * 24

    def client(self, number: int) -> str:
        return f"+7900{self.number:03d}{number:04d}"

    def is_mine(self, phone: str) -> bool:
        return phone.startswith(f"+7900{self.number:03d}")

    def full(self, register: Exchange) -> str:
        """The client of a registration, whose number the ledger masks; the calls of the portal know it."""
        assert isinstance(register.result, dict)
        call_id = register.result["CALL_ID"]
        live = self.portal.portal.live.get(call_id)
        if live is not None:
            return live.phone
        return next(
            (str(row["PHONE_NUMBER"]) for row in self.portal.portal.statistics if row["CALL_ID"] == call_id), ""
        )

    def rings(self, number: int) -> Event:
        return self._event("appeared", number, datetime.now(UTC), extension="101")

    def finished_call(self, number: int) -> list[Event]:
        ended = datetime.now(UTC)
        began = ended - timedelta(minutes=1)
        moments = {"started_at": began.isoformat(), "answered_at": began.isoformat(), "ended_at": ended.isoformat()}
        return [self._event("summary", number, ended, extension="101", talk_seconds=60, result="answered", **moments)]

    def _event(self, kind: str, number: int, at: datetime, **more: Any) -> Event:
        return {
            "call_id": f"{self.number}-{number}",
            "event": kind,
            "at": at.isoformat(),
            "direction": "inbound",
            "client": self.client(number),
            "line": f"+7495000000{self.number}",
            **more,
        }

    def send(self, events: Sequence[Event]) -> None:
        """Post them, signed as docs/webhook-connector.md says."""
        body, message_id, now = json.dumps({"events": list(events)}), uuid.uuid4().hex, datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(message_id, now, body),
        }
        request = urllib.request.Request(f"{self.hub}/hooks/{self.token}", body.encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200


def workspace(firm: Firm) -> str:
    """The provisioning file of a firm: the portal, the PBX, and Anna on extension 101."""
    return f"""
[workspace]
slug = "firm-{firm.number}"
name = "Firm {firm.number}"
timezone = "Europe/Moscow"
region = "RU"
locale = "ru"

[[employee]]
name = "Анна"
extension = "101"
users = {{ b24 = "7" }}

[[connection]]
name = "pbx"
vendor = "webhook"
hook_token = "{firm.token}"
[connection.settings]
recording_hosts = []
[connection.secrets]
signing_secret = "{SECRET}"
{firm.portal.provisioning("b24")}
"""
