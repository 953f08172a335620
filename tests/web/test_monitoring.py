"""Liveness, readiness, figures for Prometheus, and who may see those."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from hub.config import Settings
from hub.db.engine import Database
from tests.web.conftest import Notes, bearer, build
from tests.web.seed import Seeded, add_call, add_delivery, add_item, add_recording

FAR = {"REMOTE_ADDR": "198.51.100.7"}


def _figures(text: str) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels.get("state", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_liveness_asks_nobody(app: Flask) -> None:
    assert app.test_client().get("/healthz").status_code == 200


def test_readiness_lists_what_is_missing(app: Flask, notes: Notes) -> None:
    client = app.test_client()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (200, "ready\n")
    notes.missing = ["Redis does not answer.", "Migrations are missing."]
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "Redis does not answer.\nMigrations are missing.\n")


def test_inbox_figures_add_up(app: Flask, database: Database, acme: Seeded, stranger: Seeded) -> None:
    for state, number in (("received", 3), ("processed", 2), ("ignored", 1), ("quarantined", 4)):
        for _ in range(number):
            add_item(database, acme, state=state)
    add_item(database, stranger, state="ignored")
    figures = _figures(app.test_client().get("/metrics").text)
    inbox = {state: figures["dozvon_inbox", state] for state in ("processed", "ignored", "quarantined", "waiting")}
    assert inbox == {"processed": 2, "ignored": 2, "quarantined": 4, "waiting": 3}
    assert figures["dozvon_inbox", "received"] == sum(inbox.values()) == 11


def test_outbox_shows_every_state_even_when_empty(app: Flask, database: Database, acme: Seeded) -> None:
    call_id = add_call(database, acme)
    add_delivery(database, acme, call_id, state="dead")
    add_recording(database, acme, call_id, state="wanted")
    figures = _figures(app.test_client().get("/metrics").text)
    assert figures["dozvon_outbox", "dead"] == 1
    assert figures["dozvon_outbox", "pending"] == figures["dozvon_outbox", "superseded"] == 0
    assert figures["dozvon_recordings", "wanted"] == 1
    assert figures["dozvon_connections", "active"] == 2


def test_from_afar_a_key_with_its_scope_sees_its_own_workspace(
    app: Flask, database: Database, acme: Seeded, stranger: Seeded
) -> None:
    add_item(database, acme)
    add_item(database, stranger)
    client = app.test_client()
    assert client.get("/metrics", environ_base=FAR).status_code == 401
    assert client.get("/metrics", environ_base=FAR, headers=bearer(acme, "calls:read")).status_code == 403
    answer = client.get("/metrics", environ_base=FAR, headers=bearer(acme, "metrics:read"))
    assert _figures(answer.text)["dozvon_inbox", "received"] == 1


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded", "status"),
    [
        (0, "127.0.0.1", None, 200),
        (0, "127.5.5.5", None, 200),
        (0, "::1", None, 200),
        (0, "::ffff:127.0.0.1", None, 200),
        (0, "198.51.100.7", None, 401),
        (0, "198.51.100.7", "127.0.0.1", 401),
        (0, "127.0.0.1", "198.51.100.7", 401),  # a proxy that nobody declared
        (0, "127.0.0.1", "127.0.0.1", 401),
        (1, "127.0.0.1", "198.51.100.7", 401),
        (1, "127.0.0.1", "127.0.0.1, 198.51.100.7", 401),
        (1, "127.0.0.1", "198.51.100.7, 127.0.0.1", 200),
        (1, "127.0.0.1", None, 200),
        (1, "198.51.100.7", "127.0.0.1", 401),  # who pretends to be the proxy is not on this machine
        (0, "", None, 401),
    ],
)
def test_only_real_loopback_sees_figures_without_a_key(
    settings: Settings, database: Database, notes: Notes, proxies: int, peer: str, forwarded: str | None, status: int
) -> None:
    app = build(replace(settings, trusted_proxies=proxies), database, notes)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    answer = app.test_client().get("/metrics", environ_base={"REMOTE_ADDR": peer}, headers=headers)
    assert answer.status_code == status
