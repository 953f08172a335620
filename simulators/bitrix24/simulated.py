"""One running portal as tests see it: credentials, what it holds, what people do on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import actions
from .auth import issue_code
from .callcard import CALL_CARD, card_handlers, card_options
from .delivery import EventQueue
from .entities import add_entity
from .faults import Faults
from .ledger import Ledger
from .listening import Listening
from .portal import Grant, Portal, Settings, User
from .state import finished_calls, ledger_report, state_of, tasks

People = list[User | Mapping[str, Any]]


class SimulatedPortal:
    """One portal with its credentials; everything a test asks for is here."""

    def __init__(self, portal: Portal, listening: Listening, grant: Grant, webhook_secret: str) -> None:
        self.portal = portal
        self.events = EventQueue(portal)
        self._listening = [listening]
        self._grant = grant
        self._webhook_secret = webhook_secret

    @property
    def domain(self) -> str:
        """Host and port."""
        return self.portal.domain

    @property
    def base_url(self) -> str:
        """`http://<domain>`: the page for people."""
        return self.portal.base_url

    @property
    def client_endpoint(self) -> str:
        """The prefix of REST calls."""
        return self.portal.client_endpoint

    @property
    def server_endpoint(self) -> str:
        """The auth server's REST prefix."""
        return self.portal.server_endpoint

    @property
    def member_id(self) -> str:
        """The id that never changes."""
        return self.portal.member_id

    @property
    def client_id(self) -> str:
        """The application's id."""
        return self.portal.app.client_id

    @property
    def client_secret(self) -> str:
        """The application's secret."""
        return self.portal.app.client_secret

    @property
    def application_token(self) -> str:
        """What every event carries."""
        return self.portal.app.application_token

    @property
    def access_token(self) -> str:
        """The newest access token of the installer's chain."""
        return self._newest().access

    @property
    def refresh_token(self) -> str:
        """The newest refresh token of the installer's chain."""
        return self._newest().refresh

    @property
    def expires_at(self) -> int:
        """When that access token ends, unix seconds."""
        return int(self._newest().expires_at)

    @property
    def webhook_url(self) -> str:
        """The inbound webhook of the administrator, with a slash at the end."""
        return f"{self.client_endpoint}{actions.admin_id(self.portal)}/{self._webhook_secret}/"

    @property
    def ledger(self) -> Ledger:
        """Every request and every broken rule."""
        return self.portal.ledger

    @property
    def faults(self) -> Faults:
        """Planned rudeness."""
        return self.portal.faults

    @property
    def settings(self) -> Settings:
        """The switches."""
        return self.portal.settings

    def leads(self) -> list[dict[str, Any]]:
        """All leads, oldest first."""
        with self.portal.lock:
            return [dict(one) for one in self.portal.crm["LEAD"].values()]

    def calls(self) -> list[dict[str, Any]]:
        """All finished calls, oldest first; `RECORD` is the attached recording or None."""
        with self.portal.lock:
            return finished_calls(self.portal)

    def tasks(self) -> list[dict[str, Any]]:
        """All to-dos, oldest first."""
        with self.portal.lock:
            return tasks(self.portal)

    def cards(self) -> dict[str, set[int]]:
        """Who sees a card, by CALL_ID of live calls."""
        with self.portal.lock:
            return {call_id: set(users) for call_id, users in self.portal.cards.items() if users}

    def state(self) -> dict[str, Any]:
        """What `/_sim/state` gives."""
        return state_of(self.portal)

    def report(self) -> dict[str, Any]:
        """What `/_sim/ledger` gives."""
        return ledger_report(self.portal, self.ledger)

    def add_entity(self, kind: str, fields: Mapping[str, Any]) -> int:
        """Puts a LEAD, CONTACT, COMPANY or DEAL into the CRM by hand."""
        with self.portal.lock:
            return add_entity(self.portal, kind, {"ASSIGNED_BY_ID": 1, **fields}, actions.admin_id(self.portal))

    def expire_tokens(self) -> None:
        """Ends the hour of every access token."""
        actions.expire_tokens(self.portal)

    def authorization_code(self, user_id: int | None = None) -> str:
        """A code as the consent step would give it."""
        with self.portal.lock:
            return issue_code(self.portal, user_id or actions.admin_id(self.portal))

    def click_to_call(self, user_id: int, phone: str, line: str = "") -> str:
        """An employee clicks a number; gives the CALL_ID that the portal registered."""
        return actions.click_to_call(self.portal, user_id, phone, line)

    def callback_form(self, phone: str, line: str = "", text: str = "") -> tuple[str, int]:
        """A visitor asks for a call."""
        return actions.callback_form(self.portal, phone, line, text)

    def install(self, handler: str, *, new_token: bool = False, finish: bool = True) -> int | None:
        """Sends ONAPPINSTALL; gives the handler's status."""
        return actions.install(self.portal, handler, new_token=new_token, finish=finish)

    def uninstall(self, handler: str, *, clean: bool = False) -> int | None:
        """Removes the application; gives the handler's status."""
        return actions.uninstall(self.portal, handler, clean=clean)

    def open_app(
        self, url: str, user_id: int | None = None, placement: str = "DEFAULT", options: dict[str, Any] | None = None
    ) -> tuple[int | None, bytes]:
        """Opens a page of the application in the portal's frame."""
        return actions.open_app(self.portal, url, user_id or actions.admin_id(self.portal), placement, options)

    def open_card(self, call_id: str, user_id: int | None = None) -> list[tuple[int | None, bytes]]:
        """Opens every application's place on the card of a live call."""
        with self.portal.lock:
            options, handlers = card_options(self.portal, call_id), card_handlers(self.portal)
        return [self.open_app(url, user_id, CALL_CARD, options) for url in handlers]

    def settle(self, timeout_seconds: float = 10.0) -> bool:
        """Waits until all events were posted."""
        return self.events.settle(timeout_seconds)

    def provisioning(self, name: str = "b24", *, auth: str = "oauth") -> str:
        """A `[[connection]]` block for the provisioning file, with these invented credentials."""
        settings = {"auth": auth, "domain": self.domain, "member_id": self.member_id}
        settings |= {"client_endpoint": self.client_endpoint, "server_endpoint": self.server_endpoint}
        if auth == "webhook":
            return _toml(name, {"auth": auth}, {"webhook_url": self.webhook_url})
        tokens: dict[str, str | int] = {"access_token": self.access_token, "refresh_token": self.refresh_token}
        tokens |= {"expires_at": self.expires_at, "application_token": self.application_token}
        return _toml(name, settings, {"client_id": self.client_id, "client_secret": self.client_secret, **tokens})

    def also_listens(self, listening: Listening) -> None:
        """One more address leads here: after a rename."""
        self._listening.append(listening)

    def close(self) -> None:
        """Stops listening and posting."""
        self.events.close()
        for listening in self._listening:
            listening.close()

    def _newest(self) -> Grant:
        grant = self._grant
        while grant.successor is not None:
            grant = grant.successor
        return grant


def _toml(name: str, settings: Mapping[str, str], credentials: Mapping[str, str | int]) -> str:
    lines = ["[[connection]]", f"name = {json.dumps(name)}", 'vendor = "bitrix24"', "[connection.settings]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    lines += ["[connection.secrets]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in credentials.items()]
    return "\n".join(lines) + "\n"
