"""The simulator as a Python value: starts portals and their auth server."""

from __future__ import annotations

import hashlib
import time as real_time
from pathlib import Path
from types import TracebackType
from typing import Self

from . import actions
from .auth import issue
from .clock import Clock
from .directories import default_statuses
from .ledger import Ledger
from .listening import Listening, reserve
from .people import users_from
from .portal import App, Grant, Portal, Settings, new_secret
from .server import auth_app, portal_app
from .simulated import People, SimulatedPortal
from .tenants import Tenants


class Bitrix24Simulator(SimulatedPortal):
    """A portal and the auth server, until `close` or the end of the `with` block; more portals by `add_portal`.

    `port`/`auth_port` 0 take free ports; `users` are `User` values or maps with Bitrix24's field names; `clock` gives
    unix seconds; `strict=False` lets webhooks use telephony and replaced refresh tokens be shown again for a minute.
    Raises `PortTaken` when a port is in use.
    """

    def __init__(
        self,
        port: int = 0,
        auth_port: int = 0,
        users: People | None = None,
        clock: Clock = real_time.time,
        *,
        strict: bool = True,
        host: str = "127.0.0.1",
        ledger_path: Path | None = None,
        seed: str | None = None,
    ) -> None:
        self._host, self._clock, self._strict = host, clock, strict
        self._shared_ledger = Ledger(ledger_path)
        self.tenants = Tenants()
        self._portal_app = portal_app(self.tenants)
        auth_socket = reserve(host, auth_port)
        self.auth_domain = f"{host}:{auth_socket.getsockname()[1]}"
        try:
            made = self._make(port, users, seed)
        except BaseException:
            auth_socket.close()
            raise
        self._others: list[SimulatedPortal] = []
        self._auth = Listening(auth_app(self.tenants), auth_socket)
        super().__init__(*made)

    def add_portal(
        self, port: int = 0, users: People | None = None, *, same_application: bool = False
    ) -> SimulatedPortal:
        """One more portal at the same auth server; `same_application` for one of the marketplace on both."""
        other = SimulatedPortal(*self._make(port, users, None))
        if same_application:
            other.portal.app.client_id, other.portal.app.client_secret = self.client_id, self.client_secret
        self._others.append(other)
        return other

    def rename(self, portal: SimulatedPortal | None = None) -> str:
        """Gives a portal a new address; the old one answers 302. Gives the new domain."""
        renamed = portal or self
        sock = reserve(self._host, 0)
        with renamed.portal.lock:
            renamed.portal.old_domains.add(renamed.portal.domain)
            renamed.portal.domain = f"{self._host}:{sock.getsockname()[1]}"
        renamed.also_listens(Listening(self._portal_app, sock))
        return renamed.domain

    def close(self) -> None:
        """Stops all portals and the auth server."""
        for other in self._others:
            other.close()
        super().close()
        self._auth.close()
        self._shared_ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make(self, port: int, users: People | None, seed: str | None) -> tuple[Portal, Listening, Grant, str]:
        sock = reserve(self._host, port)
        secret = _invented(seed, "webhook", 16)
        portal = Portal(
            domain=f"{self._host}:{sock.getsockname()[1]}",
            auth_domain=self.auth_domain,
            member_id=_invented(seed, "member", 32),
            app=App(
                client_id=f"local.{_invented(seed, 'client', 14)}.{_invented(seed, 'number', 8)}",
                client_secret=_invented(seed, "secret", 50),
                application_token=_invented(seed, "application", 32),
            ),
            users=users_from(users),
            clock=self._clock,
            ledger=self._shared_ledger,
            settings=_settings(self._strict),
            statuses=default_statuses(),
            departments=[{"ID": "1", "NAME": "Отдел продаж", "SORT": 500, "PARENT": None, "UF_HEAD": "1"}],
        )
        portal.webhooks[(actions.admin_id(portal), secret)] = portal.app.scope
        grant = issue(portal, actions.admin_id(portal))
        if seed is not None:
            grant.access, grant.refresh = _invented(seed, "access", 70), _invented(seed, "refresh", 70)
        self.tenants.add(portal)
        return portal, Listening(self._portal_app, sock), grant, secret


def _settings(strict: bool) -> Settings:
    return Settings() if strict else Settings(webhook_telephony="allow", refresh_mode="grace")


def _invented(seed: str | None, name: str, length: int) -> str:
    """A random credential, or with a seed the same one in every run, so that a provisioning file stays good."""
    if seed is None:
        return new_secret(length)
    return hashlib.shake_256(f"{seed}/{name}".encode()).hexdigest(length // 2)
