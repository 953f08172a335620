"""The web application over a seeded database, with an engine that only takes notes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from connectors.contract import Connector, Registry
from hub.config import Settings, load_settings
from hub.db.engine import Database
from hub.db.tables import RecordingRow
from hub.runtime import Runtime
from hub.web import WebServices, create_web
from tests.web.seed import NOW, PASSWORD, Seeded, add_workspace


@dataclass
class Notes:
    """What the application asked of the engine; `answer` is how many rows it says it replayed."""

    deliveries: list[tuple[list[int], int]] = field(default_factory=list)
    inbox: list[tuple[list[int], int]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    answer: int | None = None
    now: datetime = NOW

    def replay_deliveries(self, ids: Sequence[int], workspace_id: int) -> int:
        self.deliveries.append((list(ids), workspace_id))
        return len(ids) if self.answer is None else self.answer

    def replay_inbox(self, ids: Sequence[int], workspace_id: int) -> int:
        self.inbox.append((list(ids), workspace_id))
        return len(ids) if self.answer is None else self.answer

    def pass_time(self, span: timedelta) -> None:
        self.now += span


class _AnyHook:
    """Only its presence matters here."""


def _registry() -> Registry:
    from marshmallow import Schema

    hook: object = _AnyHook()
    return {
        "mango": Connector("mango", "Mango Office", Schema, Schema, hook=hook),  # type: ignore[arg-type]
        "bitrix24": Connector("bitrix24", "Bitrix24", Schema, Schema),
    }


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({}, home=tmp_path / "home")


def build(settings: Settings, database: Database, notes: Notes, runtime: Runtime | None = None) -> Flask:
    """The application as the wiring makes it, on the notes' clock."""
    settings.recordings.mkdir(parents=True, exist_ok=True)

    def recording_path(row: RecordingRow) -> Path | None:
        return settings.recordings / row.file_name if row.file_name else None

    services = WebServices(
        replay_deliveries=notes.replay_deliveries,
        replay_inbox=notes.replay_inbox,
        ready=lambda: notes.missing,
        registry=runtime.registry if runtime else _registry(),
        now=lambda: notes.now,
        recording_path=recording_path,
        runtime=runtime,
    )
    return create_web(settings, database, services)


@pytest.fixture
def app(settings: Settings, database: Database, notes: Notes) -> Flask:
    return build(settings, database, notes)


@pytest.fixture
def behind_https(settings: Settings, database: Database, notes: Notes) -> Flask:
    return build(replace(settings, public_url="https://hub.acme.example"), database, notes)


@pytest.fixture
def acme(database: Database) -> Seeded:
    return add_workspace(database)


@pytest.fixture
def stranger(acme: Seeded, database: Database) -> Seeded:
    """Another customer of the same hub."""
    return add_workspace(database, "other")


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None, "the page has no CSRF token"
    return found.group(1)


def log_in(app: Flask, seeded: Seeded, role: str = "owner") -> FlaskClient:
    """A browser that has logged in, English by its own wish."""
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    token = csrf_of(client.get("/admin/login").text)
    form = {"email": seeded.email(role), "password": PASSWORD, "csrf_token": token}
    assert client.post("/admin/login", data=form).status_code == 303
    return client


def bearer(seeded: Seeded, scope: str = "*") -> dict[str, str]:
    return {"Authorization": f"Bearer {seeded.keys[scope]}"}
