"""One running account as tests see it: credentials, what it holds, what people do in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from simulators.common.ledger import Entry, Ledger

from . import people, state
from .account import Account, Entity, Grant, Integration, World
from .consent import admin_id
from .delivery import Postman
from .faults import Faults
from .fields import add_field
from .linking import put_link
from .oauth import issue, issue_code, issue_long_lived
from .settings import Settings
from .traffic import refreshes, report


class SimulatedAccount:
    """One account with the integration that was made for it."""

    def __init__(self, world: World, account: Account, integration: Integration, grant: Grant) -> None:
        self.world = world
        self.account = account
        self.integration = integration
        self.postman = Postman(account)
        self._grant = grant

    @property
    def base_url(self) -> str:
        """The address of the account, which is the connection's `base_url`."""
        return self.account.base_url

    @property
    def client_id(self) -> str:
        """The integration's id."""
        return self.integration.client_id

    @property
    def client_secret(self) -> str:
        """The integration's secret."""
        return self.integration.client_secret

    @property
    def redirect_uri(self) -> str:
        """The registered address."""
        return self.integration.redirect_uri

    @property
    def access_token(self) -> str:
        """The newest access token of the first chain."""
        return self._newest().access

    @property
    def refresh_token(self) -> str:
        """The newest refresh token of the first chain."""
        return self._newest().refresh

    @property
    def expires_at(self) -> int:
        """When that access token ends, unix seconds."""
        return int(self._newest().expires_at)

    @property
    def ledger(self) -> Ledger:
        """Every request, delivery and offence of all accounts; see `offences` for this one's."""
        return self.account.ledger

    @property
    def faults(self) -> Faults:
        """Planned rudeness."""
        return self.account.faults

    @property
    def settings(self) -> Settings:
        """The switches."""
        return self.account.settings

    def leads(self) -> list[Entity]:
        """All leads as the API gives them, oldest first."""
        return self._read(state.leads)

    def contacts(self) -> list[Entity]:
        """All contacts, oldest first."""
        return self._read(state.contacts)

    def companies(self) -> list[Entity]:
        """All companies, oldest first."""
        return self._read(state.companies)

    def unsorted(self) -> list[Entity]:
        """All incoming leads with their `state`, oldest first."""
        return self._read(state.unsorted)

    def calls(self) -> list[Entity]:
        """All calls, however they were logged, oldest first."""
        return self._read(state.calls)

    def tasks(self) -> list[Entity]:
        """All tasks, oldest first."""
        return self._read(state.tasks)

    def notes(self) -> list[Entity]:
        """All notes, calls too, oldest first."""
        return self._read(state.notes)

    def cards(self) -> list[Entity]:
        """Cards shown at ring time: phone, users, and the entity that was found."""
        return self._read(lambda account: list(account.cards))

    def webhooks(self) -> list[Entity]:
        """Registered webhooks."""
        return self._read(lambda account: [dict(row) for row in account.webhooks.values()])

    def state(self) -> dict[str, Any]:
        """What `/_sim/state` gives."""
        return state.state_of(self.account)

    def report(self) -> dict[str, Any]:
        """What `/_sim/ledger` gives."""
        return report(self.account)

    def requests(self, verb: str | None = None, path: str | None = None) -> list[Entry]:
        """Requests to this account; `path` is below `/api/v4/`."""
        wanted = {name: value for name, value in (("verb", verb), ("path", path)) if value is not None}
        return self.ledger.entries("request", account=self.account.subdomain, **wanted)

    def offences(self, code: str | None = None) -> list[Entry]:
        """What the client should not have done."""
        return [one for one in self.ledger.offences(code) if one["account"] == self.account.subdomain]

    def refreshes(self) -> list[Entry]:
        """Refreshes that were asked for, refused ones too."""
        return refreshes(self.ledger, self.account.subdomain)

    def add_contact(self, phone: str, name: str = "", responsible_user_id: int | None = None, **fields: Any) -> int:
        """Puts a contact with a number into the account by hand."""
        number = {"field_code": "PHONE", "values": [{"value": phone, "enum_code": "WORK"}]}
        owner = responsible_user_id or admin_id(self.account)
        body = {"name": name or phone, "responsible_user_id": owner, "custom_fields_values": [number], **fields}
        return people.add_entity(self.account, "contacts", body)

    def add_entity(self, entity_type: str, fields: Mapping[str, Any]) -> int:
        """Puts a lead, contact or company into the account by hand."""
        return people.add_entity(self.account, entity_type, fields)

    def change_entity(self, entity_type: str, number: int, fields: Mapping[str, Any]) -> None:
        """Edits a card by hand."""
        people.change_entity(self.account, entity_type, number, fields)

    def delete_entity(self, entity_type: str, number: int) -> None:
        """Deletes a card by hand."""
        people.delete_entity(self.account, entity_type, number)

    def link(self, lead_id: int, contact_id: int) -> None:
        """Links a lead and a contact by hand."""
        with self.account.lock:
            put_link(self.account, ("leads", lead_id), ("contacts", contact_id), {"is_main": True})

    def add_field(self, entity_type: str, name: str, code: str | None, kind: str, **more: Any) -> int:
        """Adds a custom field definition; gives its id."""
        with self.account.lock:
            return int(add_field(self.account, entity_type, name, code, kind, **more)["id"])

    def accept(self, uid: str, user_id: int | None = None) -> None:
        """Somebody accepts an incoming lead."""
        people.accept(self.account, uid, user_id)

    def decline(self, uid: str) -> None:
        """Somebody declines an incoming lead."""
        people.decline(self.account, uid)

    def fire(self, user_id: int) -> None:
        """A person leaves."""
        people.fire(self.account, user_id)

    def expire_tokens(self) -> None:
        """Ends the day of every access token."""
        people.expire_tokens(self.world, self.account)

    def authorization_code(self, user_id: int | None = None) -> str:
        """A code as the consent step would give it."""
        return issue_code(self.world, self.account, self.client_id, user_id or admin_id(self.account))

    def token_of(self, user_id: int) -> str:
        """An access token that speaks for this user."""
        with self.world.lock:
            return issue(self.world, self.account, self.client_id, user_id).access

    def long_lived_token(self, user_id: int | None = None, days: int = 365) -> str:
        """A token without a refresh token."""
        with self.world.lock:
            return issue_long_lived(
                self.world, self.account, self.client_id, user_id or admin_id(self.account), days
            ).access

    def widget_token(self, user_id: int, audience: str) -> str:
        """A one-time token as the widget sends it."""
        return people.widget_token(self.world, self.account, user_id, audience, self.client_id)

    def install_from_widget(self) -> int | None:
        """Sends the code server to server; gives the status of `redirect_uri`."""
        return people.install_from_widget(self.world, self.account, self.client_id)

    def press_button(self, secrets_uri: str, state: str, redirect_uri: str = "") -> tuple[Integration, str | None]:
        """Makes an external integration; gives it and where the browser is sent, None when that was refused."""
        return people.press_button(self.world, self.account, redirect_uri or self.redirect_uri, secrets_uri, state)

    def disconnect(self, *, forged: bool = False) -> int | None:
        """Disables the integration and tells its hook; gives the hook's status."""
        return people.disconnect(self.world, self.account, self.client_id, forged=forged)

    def settle(self, timeout_seconds: float = 10.0) -> bool:
        """Waits until all webhooks that are due were posted."""
        return self.postman.settle(timeout_seconds)

    def provisioning(self, name: str = "amo", *, auth: str = "oauth") -> str:
        """A `[[connection]]` block for the provisioning file, with these invented credentials."""
        settings = {"auth": auth, "base_url": self.base_url}
        if auth == "long_lived":
            return _toml(name, settings, {"access_token": self.long_lived_token()})
        client = {"client_id": self.client_id, "client_secret": self.client_secret, "redirect_uri": self.redirect_uri}
        tokens: dict[str, str | int] = {"access_token": self.access_token, "refresh_token": self.refresh_token}
        return _toml(name, settings, {**client, **tokens, "expires_at": self.expires_at})

    def _read(self, what: Any) -> list[Entity]:
        with self.account.lock:
            rows: list[Entity] = what(self.account)
            return rows

    def _newest(self) -> Grant:
        grant = self._grant
        while grant.successor is not None:
            grant = grant.successor
        return grant


def _toml(name: str, settings: Mapping[str, str], credentials: Mapping[str, str | int]) -> str:
    lines = ["[[connection]]", f"name = {json.dumps(name)}", 'vendor = "amocrm"', "[connection.settings]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    lines += ["[connection.secrets]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in credentials.items()]
    return "\n".join(lines) + "\n"
