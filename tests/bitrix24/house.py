"""The web application with a real database and a real way out, beside portals that keep ledgers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from flask import Flask
from werkzeug.serving import make_server

from connectors.registry import REGISTRY
from hub.config import Settings, load_settings
from hub.db.engine import Database
from hub.db.tables import Connection, ConnectionToken, Workspace
from hub.net.bucket import Bucket
from hub.net.client import HubHttp
from hub.net.ledger import UsageLedger
from hub.net.tokens import TokenService
from hub.runtime import Runtime, utc_now
from hub.web import WebServices, create_web
from simulators.bitrix24 import Bitrix24Simulator
from webhooks.contract import InboxItem


@dataclass
class House:
    """The application, what it kept in the inbox, and its database."""

    app: Flask
    database: Database
    settings: Settings
    runtime: Runtime
    kept: list[tuple[int, InboxItem]] = field(default_factory=list)

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

    def workspaces(self) -> list[Workspace]:
        with self.database.reading() as session:
            return list(session.query(Workspace).order_by(Workspace.id))

    def add_workspace(self, slug: str = "acme") -> int:
        with self.database.transaction() as session:
            row = Workspace(
                slug=slug, name=slug, timezone="Europe/Moscow", region="RU", locale="ru", hours={}, created_at=utc_now()
            )
            session.add(row)
            session.flush()
            return row.id

    def add_connection(
        self, workspace_id: int, settings: dict[str, Any], secrets: dict[str, str], name: str = "b24"
    ) -> int:
        with self.database.transaction() as session:
            row = Connection(
                workspace_id=workspace_id, name=name, vendor="bitrix24", settings=settings, secrets=secrets,
                created_at=utc_now(),
            )  # fmt: skip
            session.add(row)
            session.flush()
            return row.id


def house_for(
    database: Database,
    home: Path,
    b24: Bitrix24Simulator,
    redis_url: str,
    *,
    own_application: bool = True,
    public_url: str = "",
) -> House:
    """A hub whose own marketplace application is that of the portal."""
    environment = {"DOZVON_ALLOW_HOSTS": "127.0.0.1", "DOZVON_BITRIX24_AUTH_SERVERS": b24.auth_domain}
    environment |= {"DOZVON_PUBLIC_URL": public_url}
    if own_application:
        environment |= {
            "DOZVON_BITRIX24_CLIENT_ID": b24.client_id,
            "DOZVON_BITRIX24_CLIENT_SECRET": b24.client_secret,
        }
    settings = load_settings(environment, home=home)
    runtime = Runtime(
        settings=settings,
        database=database,
        registry=REGISTRY,
        http=HubHttp(settings.allow_hosts),
        bucket=Bucket(redis.Redis.from_url(redis_url)),
        tokens=TokenService(database),
        ledger=UsageLedger(database),
    )
    kept: list[tuple[int, InboxItem]] = []

    def keep(connection_id: int, items: Sequence[InboxItem], _received_at: datetime) -> None:
        kept.extend((connection_id, item) for item in items)

    services = WebServices(
        replay_deliveries=lambda *_: 0,
        replay_inbox=lambda *_: 0,
        ready=list,
        registry=REGISTRY,
        now=utc_now,
        recording_path=lambda _row: None,
        runtime=runtime,
        keep=keep,
    )
    return House(create_web(settings, database, services), database, settings, runtime, kept)


@contextmanager
def open_house(house: House) -> Iterator[str]:
    """The application on a free local port, for portals that post to it; yields its address."""
    import threading

    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=10)


def handlers(b24: Any) -> dict[str, str]:
    """Event to the path that it is posted to."""
    return {one["event"]: urlsplit(one["url"]).path for one in b24.state()["handlers"]}
