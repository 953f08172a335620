"""The web application with a real database and a real way out, beside accounts that keep ledgers."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import urllib3
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from connectors.registry import REGISTRY
from hub.config import load_settings
from hub.db.engine import Database
from hub.db.tables import AuditRow, Connection, ConnectionToken, User, Workspace
from hub.net.bucket import Bucket
from hub.net.client import HubHttp
from hub.net.ledger import UsageLedger
from hub.net.tokens import TokenService
from hub.runtime import Runtime, utc_now
from hub.web import WebServices, create_web
from simulators.amocrm import SimulatedAccount
from webhooks.contract import InboxItem

PASSWORD = "correct horse battery"
PUBLIC_URL = "http://hub.acme.example"
CALLBACK = f"{PUBLIC_URL}/amocrm/callback"


@dataclass
class House:
    """The application, its database, and a clock that a test can move."""

    app: Flask
    database: Database
    clock: list[timedelta] = field(default_factory=lambda: [timedelta()])
    kept: list[tuple[int, InboxItem]] = field(default_factory=list)
    """What the pages put into the inbox, by connection."""

    def wait(self, span: timedelta) -> None:
        self.clock[0] += span

    def add_workspace(self, slug: str = "acme", role: str = "owner") -> int:
        """A workspace with one person, `<role>@<slug>.example`."""
        now = utc_now()
        with self.database.transaction() as session:
            row = Workspace(
                slug=slug, name=slug, timezone="Europe/Moscow", region="RU", locale="ru", hours={}, created_at=now
            )
            session.add(row)
            session.flush()
            person = User(
                workspace_id=row.id, email=f"{role}@{slug}.example", password_hash=_password_hash(),
                role=role, locale="en", created_at=now,
            )  # fmt: skip
            session.add(person)
            return row.id

    def add_connection(
        self,
        workspace_id: int,
        account: SimulatedAccount,
        *,
        with_pair: bool = False,
        name: str = "amo",
        **changes: Any,
    ) -> int:
        """A connection with the keys of the account's integration, and its pair if wanted."""
        keys = {"client_id": account.client_id, "client_secret": account.client_secret, "redirect_uri": CALLBACK}
        settings = {"auth": "oauth", "base_url": account.base_url, **changes}
        with self.database.transaction() as session:
            row = Connection(
                workspace_id=workspace_id, name=name, vendor="amocrm", settings=settings, secrets=keys,
                created_at=utc_now(),
            )  # fmt: skip
            session.add(row)
            session.flush()
            if with_pair:
                pair = {"access": account.access_token, "refresh": account.refresh_token}
                session.add(ConnectionToken(connection_id=row.id, pair=pair, expires_at=None))
            return row.id

    def connections(self) -> list[Connection]:
        with self.database.reading() as session:
            return list(session.query(Connection).order_by(Connection.id))

    def connection(self) -> Connection:
        (one,) = self.connections()
        return one

    def tokens(self, connection_id: int) -> dict[str, str] | None:
        with self.database.reading() as session:
            row = session.get(ConnectionToken, connection_id)
            return dict(row.pair) if row else None

    def workspaces(self) -> list[str]:
        with self.database.reading() as session:
            return [row.slug for row in session.query(Workspace).order_by(Workspace.id)]

    def audit(self, action: str) -> int:
        with self.database.reading() as session:
            return session.query(AuditRow).filter_by(action=action).count()

    def browser(self, email: str | None = "owner@acme.example") -> FlaskClient:
        """A browser, logged in as somebody; with None as nobody."""
        client = self.app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
        if email is not None:
            form = {"email": email, "password": PASSWORD, "csrf_token": csrf_of(client.get("/admin/login").text)}
            assert client.post("/admin/login", data=form).status_code == 303
        return client


@cache
def _password_hash() -> str:
    return PasswordHasher().hash(PASSWORD)


def house_for(database: Database, home: Path, **more: str) -> House:
    environment = {"DOZVON_ALLOW_HOSTS": "127.0.0.1", "DOZVON_PUBLIC_URL": PUBLIC_URL, **more}
    settings = load_settings(environment, home=home)
    clock = [timedelta()]

    def now() -> datetime:
        return utc_now() + clock[0]

    runtime = Runtime(
        settings=settings,
        database=database,
        registry=REGISTRY,
        http=HubHttp(settings.allow_hosts),
        bucket=Bucket(None),
        tokens=TokenService(database),
        ledger=UsageLedger(database),
    )
    kept: list[tuple[int, InboxItem]] = []
    services = WebServices(
        replay_deliveries=lambda *_: 0,
        replay_inbox=lambda *_: 0,
        ready=list,
        registry=REGISTRY,
        now=now,
        recording_path=lambda _row: None,
        runtime=runtime,
        keep=lambda connection_id, items, _at: kept.extend((connection_id, item) for item in items),
    )
    return House(create_web(settings, database, services), database, clock, kept)


@contextmanager
def open_house(house: House) -> Iterator[str]:
    """The application on a free local port, for servers that call it; yields its address."""
    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join(timeout=5)


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None, "the page has no CSRF token"
    return found[1]


def button_state(page: str) -> str:
    """The state on the install button."""
    found = re.search(r'data-state="([^"]+)"', page)
    assert found is not None, "the page has no button"
    return found[1]


def consent_of(client: FlaskClient, name: str = "amo") -> str:
    """Where the hub sends the browser to log in to a connection's account."""
    answer = client.get("/amocrm/install", query_string={"connection": name})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def agreed(consent: str, *, deny: bool = False, user_id: int | None = None) -> dict[str, str]:
    """What the account's consent page sends the browser back with."""
    more = ("&deny=1" if deny else "") + (f"&user_id={user_id}" if user_id else "")
    answer = urllib3.request("GET", consent + more, redirect=False, timeout=5.0)
    location = answer.headers["Location"]
    assert location.startswith(CALLBACK)
    return dict(parse_qsl(urlsplit(location).query))


def come_back(client: FlaskClient, given: dict[str, str]) -> TestResponse:
    return client.get("/amocrm/callback", query_string=given)


def prepared(house: House, account: SimulatedAccount, workspace: str = "acme", **more: object) -> int:
    return house.add_connection(house.workspaces().index(workspace) + 1, account, **more)  # type: ignore[arg-type]
