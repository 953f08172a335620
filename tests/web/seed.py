"""Fills the tables as the engine would, so that pages and API have something to show."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from hub.db.engine import Database
from hub.db.tables import (
    ApiKey,
    CallEventRow,
    CallRow,
    Connection,
    DriftRow,
    EmployeeRow,
    RecordingRow,
    User,
    Workspace,
)
from hub.db.work import DeliveryAttempt, DeliveryRow, InboxRow, QuotaUse
from hub.domain.call import Call, Closing, Leg, Outcome
from hub.domain.codec import to_document
from hub.domain.events import CallEvent, Direction, EventKind, Place, Result
from hub.domain.intents import Why
from hub.domain.phone import Phone

NOW = datetime(2026, 5, 14, 12, 30, tzinfo=UTC)
PASSWORD = "correct horse battery"
ROLES = ("owner", "admin", "marketer", "agent", "auditor")
EVERY_SCOPE = (
    "callbacks:write",
    "calls:read",
    "deliveries:read",
    "deliveries:write",
    "connections:read",
    "inbox:read",
    "inbox:write",
    "metrics:read",
    "reports:read",
    "routing:read",
    "routing:write",
    "rules:read",
    "rules:write",
)
CLIENT = Phone("79001234567", "+79001234567")
LINE = Phone("+74950000001", "+74950000001")


@lru_cache(maxsize=1)
def password_hash() -> str:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@dataclass(frozen=True)
class Seeded:
    """What a test needs to know of a seeded workspace; keys by scope, "*" has all of them."""

    workspace_id: int
    slug: str
    pbx_id: int
    crm_id: int
    keys: dict[str, str]
    user_ids: dict[str, int]

    def email(self, role: str) -> str:
        return f"{role}@{self.slug}.example"


def add_workspace(database: Database, slug: str = "acme", *, hook_token: str | None = None) -> Seeded:
    """A workspace with a user of each role, keys, a PBX, a CRM and two employees (the agent is the first); no calls."""
    with database.transaction() as session:
        workspace = Workspace(
            slug=slug, name=f"ООО «{slug.title()}»", timezone="Europe/Moscow", region="RU", locale="ru", hours={},
            created_at=NOW,
        )  # fmt: skip
        session.add(workspace)
        session.flush()
        users = {role: _user(session, workspace, role, f"{role}@{slug}.example") for role in ROLES}
        keys = {scope: _key(session, workspace, scope, [scope]) for scope in EVERY_SCOPE}
        keys["*"] = _key(session, workspace, "all", list(EVERY_SCOPE))
        pbx = add_connection(session, workspace.id, "mango", "mango", hook_token or f"hook-token-of-{slug}-0000")
        crm = add_connection(session, workspace.id, "b24", "bitrix24", None)
        for name, extension in (("Анна Белова", "101"), ("Борис Волков", "102")):
            row = EmployeeRow(workspace_id=workspace.id, name=name, extensions={"*": extension}, users={"b24": "7"})
            session.add(row)
            session.flush()
            if extension == "101":
                session.get_one(User, users["agent"].id).employee_id = row.id
        return Seeded(workspace.id, slug, pbx.id, crm.id, keys, {role: user.id for role, user in users.items()})


def _user(session: Session, workspace: Workspace, role: str, email: str) -> User:
    user = User(
        workspace_id=workspace.id, email=email, password_hash=password_hash(), role=role, locale=None,
        session_version=1, created_at=NOW,
    )  # fmt: skip
    session.add(user)
    session.flush()
    return user


def _key(session: Session, workspace: Workspace, name: str, scopes: list[str]) -> str:
    key = "dz_" + hashlib.sha256(f"{workspace.slug} {name}".encode()).hexdigest()[:32]
    digest = hashlib.sha256(key.encode()).hexdigest()
    session.add(
        ApiKey(
            workspace_id=workspace.id, name=name, key_hash=digest, prefix=key[:8], scopes=scopes, created_at=NOW
        )
    )  # fmt: skip
    return key


def add_connection(session: Session, workspace_id: int, name: str, vendor: str, hook_token: str | None) -> Connection:
    connection = Connection(
        workspace_id=workspace_id, name=name, vendor=vendor, settings={}, secrets={"secret": "never shown"},
        previous_secrets=None, hook_token=hook_token, created_at=NOW, state_since=None, failing_since=None,
        breaker_until=None, last_event_at=NOW - timedelta(minutes=3), last_success_at=NOW - timedelta(minutes=2),
        hook_token_hash=hashlib.sha256(hook_token.encode()).hexdigest() if hook_token else None,
    )  # fmt: skip
    session.add(connection)
    session.flush()
    return connection


def facts(key: str, *, started_at: datetime, outcome: Outcome, client: Phone | None = CLIENT) -> Call:
    """A call that rang 102, then 101 who, when it was answered, talked for 95 seconds."""
    answered = outcome is Outcome.ANSWERED
    answered_at = started_at + timedelta(seconds=14) if answered else None
    ended_at = started_at + timedelta(seconds=109 if answered else 25)
    legs = (
        Leg("l0", Place.MENU, None, "main menu", started_at, None, None, started_at + timedelta(seconds=3),
            Result.MOVED),
        Leg("l1", Place.EMPLOYEE, "102", None, started_at + timedelta(seconds=3), None, None,
            started_at + timedelta(seconds=8), Result.BUSY),
        Leg("l2", Place.EMPLOYEE, "101", None, started_at + timedelta(seconds=8), answered_at, answered_at, ended_at,
            Result.ANSWERED if answered else Result.NO_ANSWER),
    )  # fmt: skip
    return Call(
        key=key, direction=Direction.INBOUND, client=client, line=LINE, outcome=outcome, closing=Closing.STATED,
        answered_by="101" if answered else None, first_rung="102", group=None, rung=("102", "101"), ringing=(),
        legs=legs, started_at=started_at, answered_at=answered_at, ended_at=ended_at,
        wait_seconds=14 if answered else 25, talk_seconds=95 if answered else 0, recordings=(),
        missed_reason=None if answered else Result.NO_ANSWER,
    )  # fmt: skip


def add_call(
    database: Database,
    seeded: Seeded,
    *,
    started_at: datetime = NOW - timedelta(hours=1),
    outcome: Outcome = Outcome.ANSWERED,
    client: Phone | None = CLIENT,
    source: str | None = None,
) -> int:
    """One call with its row, two webhooks and what they stated. Returns its id."""
    with database.transaction() as session:
        known = session.query(CallRow).count()
        call = facts(f"call-{known}", started_at=started_at, outcome=outcome, client=client)
        row = _call_row(seeded, call, f"{seeded.slug}-{known:08d}", source)
        session.add(row)
        session.flush()
        for number, kind in enumerate((EventKind.APPEARED, EventKind.SUMMARY)):
            _add_event(session, seeded, row, call, number, kind)
        return row.id


def _call_row(seeded: Seeded, call: Call, uid: str, source: str | None) -> CallRow:
    why = to_document(Why(field="user", rule="talked_last", fact="101 talked with the client last"))
    return CallRow(
        uid=uid, workspace_id=seeded.workspace_id, connection_id=seeded.pbx_id, call_key=call.key, direction="inbound",
        client_e164=call.client.e164 if call.client else None, client_raw=call.client.raw if call.client else None,
        line="+74950000001", outcome=call.outcome.value, closing=call.closing.value, answered_by=call.answered_by,
        first_rung=call.first_rung, started_at=call.started_at, answered_at=call.answered_at, ended_at=call.ended_at,
        wait_seconds=call.wait_seconds, talk_seconds=call.talk_seconds,
        missed_reason=call.missed_reason.value if call.missed_reason else None, source=source,
        medium="offline" if source else None, campaign=None, facts=to_document(call), first_at=call.started_at,
        last_at=call.started_at, last_received_at=call.started_at,
        plan_trace=[
            {"kind": "log_call", "key": "log", "why": [why]},
            {"kind": "add_note", "key": "note", "unsupported": "this CRM keeps no notes", "why": [why]},
        ],
    )  # fmt: skip


def _add_event(session: Session, seeded: Seeded, row: CallRow, call: Call, number: int, kind: EventKind) -> None:
    at = call.started_at + timedelta(seconds=number * 100)
    inbox = InboxRow(
        connection_id=seeded.pbx_id, dedupe_key=f"{row.uid}-{number}", topic="events/call", body=b"{}", received_at=at,
        state="processed", due_at=at, call_id=row.id, closed_at=at,
    )  # fmt: skip
    session.add(inbox)
    session.flush()
    event = CallEvent(kind=kind, call_key=call.key, event_key=str(number), at=at, extension="101" if number else None)
    session.add(
        CallEventRow(
            call_id=row.id, event_key=str(number), inbox_id=inbox.id, at=at, received_at=at, document=to_document(event)
        )
    )


def add_delivery(
    database: Database, seeded: Seeded, call_id: int, *, state: str = "done", words: str = "", kind: str = "log_call"
) -> int:
    """One delivery of the call with one attempt. Returns its id."""
    with database.transaction() as session:
        known = session.query(DeliveryRow).count()
        why = to_document(Why(field="", rule="inbound", fact="somebody called"))
        row = DeliveryRow(
            workspace_id=seeded.workspace_id, connection_id=seeded.crm_id, call_id=call_id, step_key=f"step-{known}",
            intent_kind=kind, intent={}, why=[why], lane="calls", rank=1, needs=[], repeatable=False, serial_key=None,
            state=state, attempts=1, due_at=NOW, expires_at=NOW + timedelta(days=14), first_sent_at=NOW,
            last_error=words, created_at=NOW, closed_at=None, result={"CALL_ID": "x.1"} if state == "done" else {},
        )  # fmt: skip
        session.add(row)
        session.flush()
        outcome = "done" if state == "done" else "rejected"
        session.add(DeliveryAttempt(delivery_id=row.id, at=NOW, outcome=outcome, words=words, took_ms=120))
        return row.id


def add_item(
    database: Database, seeded: Seeded, *, state: str = "quarantined", body: bytes = b"<oops>", reason: str = "not JSON"
) -> int:
    """One item of the inbox. Returns its id."""
    with database.transaction() as session:
        known = session.query(InboxRow).count()
        row = InboxRow(
            connection_id=seeded.pbx_id, dedupe_key=f"item-{known}", topic="events/call", body=body, received_at=NOW,
            state=state, reason=reason, due_at=NOW, call_id=None, closed_at=None,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def add_recording(
    database: Database, seeded: Seeded, call_id: int, *, state: str = "stored", token: str = "r" * 32
) -> str:
    """One recording of the call. Returns its token."""
    with database.transaction() as session:
        session.add(
            RecordingRow(
                workspace_id=seeded.workspace_id, call_id=call_id, connection_id=seeded.pbx_id,
                recording_key=f"key-{token}", token=token, extension="101", state=state, reason="", next_attempt_at=NOW,
                lease_until=None, file_name=f"{token}.mp3", content_type="audio/mpeg", size_bytes=10, created_at=NOW,
                stored_at=NOW,
            )
        )  # fmt: skip
    return token


def add_trouble(database: Database, seeded: Seeded) -> None:
    """A CRM that needs a person, words that nobody knows, and a used quota."""
    with database.transaction() as session:
        crm = session.get_one(Connection, seeded.crm_id)
        crm.state, crm.state_since = "needs_reconnect", NOW
        crm.state_reason, crm.state_mend = "The access was withdrawn.", "Open the portal and install the app again."
        crm.last_error = "401 invalid_grant"
        session.add(DriftRow(connection_id=seeded.pbx_id, kind="field", name="new_field", seen=12, last_seen_at=NOW))
        for hours in range(12):
            for lane, number in (("calls", 40 + 7 * (hours % 5)), ("urgent", 12 + hours), ("bulk", 5)):
                session.add(
                    QuotaUse(
                        connection_id=seeded.crm_id, hour=(NOW - timedelta(hours=hours)).replace(minute=0), lane=lane,
                        purpose="log_call", requests=number, throttled=hours % 2,
                    )
                )  # fmt: skip


def add_busy_day(database: Database, seeded: Seeded) -> list[int]:
    """A day of calls, deliveries in every state, a recording and quarantine. Returns the calls' ids."""
    ids = [
        add_call(
            database,
            seeded,
            started_at=NOW - timedelta(minutes=17 * number),
            outcome=Outcome.MISSED if number % 4 == 1 else Outcome.ANSWERED,
            client=Phone(f"7900123{4500 + number}", f"+7900123{4500 + number}"),
            source="billboard" if number % 3 == 0 else None,
        )
        for number in range(28)
    ]
    for number, state in enumerate(("done", "dead", "waiting", "blocked", "expired", "pending")):
        words = "ERROR_CORE: the field UF_CRM_1 does not exist" if state in {"dead", "waiting", "blocked"} else ""
        add_delivery(
            database, seeded, ids[number // 3], state=state, words=words, kind="log_call" if number else "show_card"
        )
    add_recording(database, seeded, ids[0])
    add_item(database, seeded, body='{"from": "<script>alert(1)</script>", "имя": "Ы"}'.encode())
    add_item(database, seeded, reason="the field call_id is missing")
    return ids
