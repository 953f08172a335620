"""Every sender of the registry before one hub: real door, real stores, real planning, nothing delivered."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from connectors.contract import Registry
from connectors.registry import REGISTRY
from hub.callbacks.forms import take_form
from hub.calls.intake import drain_inbox
from hub.calls.record import CallChange
from hub.config import load_settings
from hub.db.engine import Database
from hub.db.tables import Connection, EmployeeRow, Workspace
from hub.db.work import InboxRow, InboxState
from hub.delivery.access import heed_access
from hub.delivery.dials import meet_dials, note_wish
from hub.delivery.outbox import plan_deliveries
from hub.domain.notices import AccessChanged, CallbackWanted, DialRequested, Notice
from hub.net.bucket import Bucket
from hub.net.http import Http
from hub.net.ledger import UsageLedger
from hub.net.tokens import TokenService
from hub.runtime import Runtime
from tests.contract.senders import RECEIVED_AT, SENDERS, Sample
from webhooks.inbox import Inbox
from webhooks.receiver import Receiver, hash_token

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Hub:
    """A hub with one connection for each vendor of `registry`; its workers are called by hand."""

    database: Database
    runtime: Runtime
    receiver: Receiver
    connections: dict[str, int]

    def post(self, vendor: str, sample: Sample) -> int:
        """Send a sample, signed, through the door; returns the status."""
        request = SENDERS[vendor].sign(sample, SENDERS[vendor].secrets)
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
        return self.send(vendor, request.topic, request.body, **headers)

    def send(self, vendor: str, topic: str, body: bytes, **environ: Any) -> int:
        statuses: list[int] = []

        def start_response(status: str, _headers: object, _exc_info: object = None) -> Callable[[bytes], object]:
            statuses.append(int(status.split(maxsplit=1)[0]))
            return lambda _more: None

        everything = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": f"/hooks/{token_of(vendor)}/{topic}",
            "QUERY_STRING": "",
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/octet-stream",
            "wsgi.input": io.BytesIO(body),
            **environ,
        }
        b"".join(self.receiver(everything, start_response))
        return statuses[0]

    def drain(self) -> None:
        """Process all that waits, as often as it takes until a failing row is given up."""
        for _ in range(4):
            drain_inbox(self.runtime, self._on_change, self._on_notice)
            with self.database.transaction() as session:
                session.execute(
                    update(InboxRow).where(InboxRow.state == InboxState.RECEIVED).values(due_at=LONG_AGO)
                )  # fmt: skip

    def _on_change(self, session: Session, change: CallChange) -> None:
        meet_dials(session, self.runtime, change)
        plan_deliveries(session, self.runtime, change)

    def _on_notice(self, session: Session, connection_id: int, notice: Notice) -> bool:
        """As a worker minds them."""
        match notice:
            case CallbackWanted():
                take_form(session, self.runtime, connection_id, notice)
            case DialRequested():
                note_wish(session, connection_id, notice)
            case AccessChanged():
                heed_access(session, connection_id, notice)
            case _:
                return False
        return True

    def states(self) -> Counter[str]:
        with self.database.reading() as session:
            return Counter(map(str, session.scalars(select(InboxRow.state))))

    def poisoned(self) -> list[tuple[str, bytes]]:
        """Rows on which the hub itself failed, with what it failed of: none is the aim."""
        with self.database.reading() as session:
            rows = session.scalars(select(InboxRow).where(InboxRow.reason.like("the hub failed%")))
            return [(row.reason, row.body) for row in rows]


def token_of(vendor: str) -> str:
    return f"token-of-{vendor}-".ljust(32, "0")


def make_hub(database: Database, inbox: Inbox, home: Path, registry: Registry = REGISTRY) -> Hub:
    """A workspace with a connection to every vendor, and Anna (extension 101)."""
    runtime = Runtime(
        settings=load_settings({}, home=home),
        database=database,
        registry=registry,
        http=cast("Http", None),
        bucket=Bucket(None),
        tokens=TokenService(database),
        ledger=UsageLedger(database),
        random=random.Random(1),
    )
    with database.transaction() as session:
        connections = _connections(session, list(registry))
    receiver = Receiver(database, inbox, registry, now=lambda: RECEIVED_AT, ring=lambda: None)
    return Hub(database, runtime, receiver, connections)


def _connections(session: Session, vendors: Sequence[str]) -> dict[str, int]:
    workspace = Workspace(
        slug="acme", name="Acme", timezone="Europe/Moscow", region="RU", locale="ru", created_at=RECEIVED_AT
    )
    session.add(workspace)
    session.flush()
    rows = {}
    for vendor in vendors:
        sender = SENDERS.get(vendor)
        rows[vendor] = Connection(
            workspace_id=workspace.id, name=vendor, vendor=vendor, created_at=RECEIVED_AT,
            settings=dict(sender.parse_settings) if sender else {}, secrets=dict(sender.secrets) if sender else {},
            hook_token_hash=hash_token(token_of(vendor)),
        )  # fmt: skip
        session.add(rows[vendor])
    users = dict.fromkeys(vendors, "7")
    session.add(EmployeeRow(workspace_id=workspace.id, name="Anna", extensions={"*": "101"}, users=users))
    session.flush()
    return {vendor: row.id for vendor, row in rows.items()}
