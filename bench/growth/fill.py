"""Tables as they are after months: rows that are done, by COPY, and a few that are due."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
from sqlalchemy.engine import make_url

from hub.db.keyring import keyring
from hub.domain.codec import to_document
from hub.domain.events import Direction
from hub.domain.intents import CallFacts, Intent, IntentKind, Why
from hub.domain.phone import Phone

CONNECTIONS = 20
"""CRM connections that share the outbox; one PBX connection fills the inbox."""
DUE = 2000
"""Rows of each table that wait to be worked on, however large the table is."""
_ROWS_PER_CALL = 4
_OLD = datetime(2026, 1, 1, tzinfo=UTC)
_AHEAD = datetime(2100, 1, 1, tzinfo=UTC)
_DUE_AT = datetime(2026, 2, 1, tzinfo=UTC)
_BODY = json.dumps({"entry_id": "x" * 40, "call_id": "y" * 40, "call_state": "Connected", "from": {"number": "7900"}})

_INBOX = (
    "COPY inbox (connection_id, dedupe_key, topic, body, received_at, state, reason, attempts, due_at, closed_at)"
    " FROM STDIN"
)
_CALLS = (
    "COPY calls (uid, workspace_id, connection_id, call_key, outcome, closing, started_at, wait_seconds, talk_seconds,"
    " facts, first_at, last_at, last_received_at, plan_trace, direction) FROM STDIN"
)
_DELIVERIES = (
    "COPY deliveries (workspace_id, connection_id, call_id, step_key, generation, intent_kind, intent, why, lane, rank,"
    " needs, repeatable, resend_is_safe, state, attempts, lease, due_at, expires_at, result, last_error, created_at,"
    " closed_at) FROM STDIN"
)


@dataclass
class Filled:
    """A database that is filled step by step; connection 1 is the PBX, 2 … are the CRMs."""

    url: str
    rows: int = 0
    calls: int = 0

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        address = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(address, autocommit=True)

    def seed(self) -> None:
        """A workspace, a PBX and the CRMs."""
        with self.connect() as connection:
            connection.execute(
                "INSERT INTO workspaces (id, slug, name, timezone, region, locale, hours, created_at)"
                " VALUES (1, 'bench', 'Bench', 'UTC', 'RU', 'en', '{}', now())"
            )
            for number in range(1, CONNECTIONS + 2):
                connection.execute(
                    "INSERT INTO connections (id, workspace_id, name, vendor, settings, secrets, state, state_reason,"
                    " state_mend, failures_in_row, throttled_in_row, last_error, created_at)"
                    " VALUES (%s, 1, %s, %s, '{}', %s, 'active', '', '', 0, 0, '', now())",
                    (number, f"c{number}", "mango" if number == 1 else "bitrix24", keyring().encrypt(b"{}")),
                )

    def grow_to(self, rows: int) -> None:
        """`rows` rows that are done in each table, and `DUE` that are not."""
        with self.connect() as connection:
            self._settle(connection)
            self._add(connection, rows - self.rows, due=False)
            self._add(connection, DUE, due=True)
            for table in ("inbox", "deliveries", "calls"):
                connection.execute(f"VACUUM ANALYZE {table}".encode())
            connection.execute("CHECKPOINT")
        self.rows = rows

    def _settle(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        connection.execute("UPDATE inbox SET state = 'processed' WHERE state = 'received'")
        connection.execute("UPDATE deliveries SET state = 'done' WHERE state <> 'done'")

    def _add(self, connection: psycopg.Connection[tuple[object, ...]], count: int, *, due: bool) -> None:
        first_call = self.calls + 1
        per_call = 1 if due else _ROWS_PER_CALL
        calls = -(-count // per_call)
        with connection.cursor() as cursor:
            with cursor.copy(_INBOX.encode()) as copy:
                for row in _inbox_rows(first_call, count, due=due):
                    copy.write_row(row)
            with cursor.copy(_CALLS.encode()) as copy:
                for row in _call_rows(first_call, calls):
                    copy.write_row(row)
            ids = cursor.execute("SELECT max(id) FROM calls").fetchone()
            assert ids is not None
            last_id = int(str(ids[0]))
            with cursor.copy(_DELIVERIES.encode()) as copy:
                for row in _delivery_rows(last_id - calls + 1, count, per_call, due=due):
                    copy.write_row(row)
        self.calls += calls


def _inbox_rows(first: int, count: int, *, due: bool) -> Iterator[tuple[object, ...]]:
    state, closed_at = ("received", None) if due else ("processed", _OLD)
    body = _BODY.encode()
    for number in range(count):
        at = _DUE_AT if due else _OLD + timedelta(seconds=number)
        yield (1, f"{first}:{number}:{due}", "events/call", body, at, state, "", 0, at, closed_at)


def _call_rows(first: int, count: int) -> Iterator[tuple[object, ...]]:
    for number in range(first, first + count):
        at = _OLD + timedelta(seconds=number)
        yield (
            f"call-{number}", 1, 1, f"k{number}", "answered", "stated", at, 5, 60, "{}", at, at, at, "[]", "inbound",
        )  # fmt: skip


def _delivery_rows(first_call: int, count: int, per_call: int, *, due: bool) -> Iterator[tuple[object, ...]]:
    state, closed_at = ("pending", None) if due else ("done", _OLD)
    intent, why = json.dumps(to_document(_intent())), "[]"
    for number in range(count):
        call_id, step = first_call + number // per_call, number % per_call
        crm = 2 + call_id % CONNECTIONS
        lane = "bulk" if step == per_call - 1 and not due else "calls"
        yield (
            1, crm, call_id, f"step{step}", 0, "log_call", intent, why, lane, 10 * step, "[]", False, False, state, 0,
            0, _DUE_AT, _AHEAD, "{}", "", _OLD, closed_at,
        )  # fmt: skip


def _intent() -> Intent:
    facts = CallFacts(
        call_id="call-1",
        direction=Direction.INBOUND,
        client=Phone("79001234567", "+79001234567"),
        line=Phone("74950000001", "+74950000001"),
        started_at=_OLD,
        answered=True,
        talk_seconds=60,
        wait_seconds=5,
        ended_at=_OLD,
        result=None,
        user_id="7",
        extension="101",
    )
    return Intent(IntentKind.LOG_CALL, "log", facts, (Why("user_id", "talked_last", "Anna (101)"),))
