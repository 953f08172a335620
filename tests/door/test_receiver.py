"""The door, on both stores: what is kept, what is refused, and that refusals look alike."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select, update

from connectors.registry import REGISTRY
from hub.db.engine import Database
from hub.db.tables import Connection, Workspace
from hub.db.work import InboxRow
from webhooks.inbox import open_inbox
from webhooks.receiver import BODY_CAP_BYTES, Receiver, hash_token

KEY, SALT, TOKEN = "demoapikey000000000000000000abcd", "demoapisalt00000000000000000wxyz", "T" * 24
NOW = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
EVENT = {
    "entry_id": "E1", "call_id": "L1", "timestamp": 1788253200, "seq": 1, "call_state": "Appeared",
    "location": "abonent", "from": {"number": "79001234567"}, "to": {"extension": "101", "number": "sip:a@b.example"},
}  # fmt: skip


@dataclass
class Door:
    receiver: Receiver
    database: Database
    rung: list[int]

    def post(self, path: str, body: bytes, *, method: str = "POST", **environ: Any) -> tuple[str, bytes]:
        said: list[str] = []

        def start_response(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
            said.append(status)
            return lambda more: None

        everything = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "wsgi.input": io.BytesIO(body),
            **environ,
        }
        answer = self.receiver(everything, start_response)
        return said[0], b"".join(answer)

    def kept(self) -> list[InboxRow]:
        with self.database.reading() as session:
            return list(session.scalars(select(InboxRow).order_by(InboxRow.id)))


@pytest.fixture
def door(database: Database, database_url: str) -> Iterator[Door]:
    with database.transaction() as session:
        workspace = Workspace(
            slug="acme", name="Acme", timezone="Europe/Moscow", region="RU", locale="en", created_at=NOW
        )
        session.add(workspace)
        session.flush()
        session.add(
            Connection(
                workspace_id=workspace.id,
                name="mango",
                vendor="mango",
                settings={},
                created_at=NOW,
                secrets={"api_key": KEY, "api_salt": SALT},
                hook_token_hash=hash_token(TOKEN),
            )
        )
    inbox = open_inbox(database_url)
    rung: list[int] = []
    receiver = Receiver(database, inbox, REGISTRY, now=lambda: NOW, ring=lambda: rung.append(1))
    yield Door(receiver, database, rung)
    inbox.close()


def signed(event: object = EVENT, *, key: str = KEY, salt: str = SALT) -> bytes:
    text = json.dumps(event)
    sign = hashlib.sha256((key + text + salt).encode()).hexdigest()
    return urlencode({"vpbx_api_key": key, "sign": sign, "json": text}).encode()


def test_signed_event_is_kept_as_it_came_and_the_bell_rings(door: Door) -> None:
    assert door.post(f"/hooks/{TOKEN}/events/call", signed())[0] == "200 OK"
    (row,) = door.kept()
    assert (row.topic, json.loads(row.body), row.received_at, row.state) == ("events/call", EVENT, NOW, "received")
    assert door.rung == [1]


def test_same_event_again_is_the_same_row(door: Door) -> None:
    for _ in range(3):
        assert door.post(f"/hooks/{TOKEN}//events//call/", signed())[0] == "200 OK"
    assert len(door.kept()) == 1


def test_unknown_token_and_bad_signature_get_the_same_answer_byte_for_byte(door: Door) -> None:
    path = f"/hooks/{TOKEN}/events/call"
    answers = {
        door.post(f"/hooks/{'U' * 24}/events/call", signed()),
        door.post("/hooks/", signed()),
        door.post(path, signed(salt="wrong")),
        door.post(path, signed(key="wrong")),
        door.post(path, signed().replace(b"79001234567", b"79001234568")),
        door.post(path, b"json=%7B%7D"),
        door.post(path, b"\xff\xfe"),
        door.post(path, signed(), method="GET"),
    }
    assert answers == {("404 Not Found", b'{"error":"not found"}')}
    assert door.kept() == []
    assert door.rung == []


def test_connection_check_is_answered_and_leaves_nothing(door: Door) -> None:
    assert door.post(f"/hooks/{TOKEN}/ping", b"")[0] == "200 OK"
    assert door.kept() == []


def test_signed_but_unknown_topic_is_kept(door: Door) -> None:
    assert door.post(f"/hooks/{TOKEN}/events/of/tomorrow", signed({"new": 1}))[0] == "200 OK"
    assert [row.topic for row in door.kept()] == ["events/of/tomorrow"]


def test_body_over_the_cap_is_refused_for_every_token_alike(door: Door) -> None:
    body = b"x" * (BODY_CAP_BYTES + 1)
    for token in (TOKEN, "U" * 24):
        for announced in (str(len(body)), ""):
            assert door.post(f"/hooks/{token}/events/call", body, CONTENT_LENGTH=announced)[0][:3] == "413"
    assert door.kept() == []


def test_both_secrets_work_while_they_are_rotated_and_then_only_the_new(door: Door) -> None:
    with door.database.transaction() as session:
        session.execute(
            update(Connection).values(
                secrets={"api_key": KEY, "api_salt": "new"}, previous_secrets={"api_key": KEY, "api_salt": SALT}
            )
        )
    path = f"/hooks/{TOKEN}/events/call"
    assert door.post(path, signed())[0] == "200 OK"
    assert door.post(path, signed({**EVENT, "seq": 2}, salt="new"))[0] == "200 OK"
    with door.database.transaction() as session:
        session.execute(update(Connection).values(previous_secrets=None))
    door.receiver._senders.clear()  # two seconds later
    assert door.post(path, signed({**EVENT, "seq": 3}))[0] == "404 Not Found"
    assert len(door.kept()) == 2


def test_thousand_repeats_from_fifty_threads_are_one_row(door: Door) -> None:
    statuses: list[str] = []

    def repeat() -> None:
        statuses.extend(door.post(f"/hooks/{TOKEN}/events/call", signed())[0] for _ in range(20))

    threads = [threading.Thread(target=repeat) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == ["200 OK"] * 1000
    assert len(door.kept()) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_webhook_waits_for_a_worker_that_holds_sqlite(door: Door) -> None:
    file = door.database.engine.url.database
    assert file is not None
    worker = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    worker.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, lambda: worker.execute("COMMIT"))
    release.start()
    assert door.post(f"/hooks/{TOKEN}/events/call", signed())[0] == "200 OK"
    release.join()
    worker.close()
    assert len(door.kept()) == 1


def test_database_that_is_gone_means_503_and_nothing_half_written(door: Door) -> None:
    with door.database.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE inbox RENAME TO inbox_away")
    status, body = door.post(f"/hooks/{TOKEN}/events/call", signed())
    assert (status[:3], b"send again" in body) == ("503", True)
    assert door.rung == []
