"""A workspace with a PBX that only takes notes, and a clock that stands still until it is moved."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select

from connectors.contract import Connector, Door, FirmLine
from hub.callbacks.heeding import heed_call
from hub.callbacks.pump import handle, take_due
from hub.callbacks.request import Ask, Refused, Taken
from hub.callbacks.rules import Rules
from hub.callbacks.store import steps_of
from hub.callbacks.taking import take_request
from hub.calls.record import record_events
from hub.config import load_settings
from hub.db.callbacks import CallbackRow, CallbackRules
from hub.db.engine import Database
from hub.db.routing import CommandRow, CommandState
from hub.db.tables import Connection, EmployeeRow, Workspace
from hub.domain.codec import to_document
from hub.domain.errors import OverBudget
from hub.domain.events import CallEvent, Direction, EventKind, Place, Result
from hub.domain.phone import Phone
from hub.net.bucket import Bucket
from hub.net.http import Http
from hub.net.ledger import UsageLedger
from hub.net.tokens import TokenService
from hub.routing.sending import claim, send_in_order
from hub.runtime import Runtime
from tests.delivery.world import NoSchema

MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # 15:00 in Moscow
CLIENT = "+79001234567"
LINE = Phone("+74950000001", "+74950000001")


@dataclass
class NotingPbx:
    """`PbxCommands`, `PbxHistory` and `PbxLines`: what it was told, and what its lists show. `raises` once each.

    `listed` None: the PBX answers no question about its lines.
    """

    told: list[tuple[str, str, str]] = field(default_factory=list)
    raises: list[Exception] = field(default_factory=list)
    calls: list[CallEvent] = field(default_factory=list)
    listed: list[Phone] | None = field(default_factory=lambda: [LINE])

    def _note(self, kind: str, command_id: str, whom: str) -> None:
        if self.raises:
            raise self.raises.pop(0)
        self.told.append((kind, command_id, whom))

    def callback(self, door: Door, *, command_id: str, extension: str, **_rest: Any) -> None:
        self._note("callback", command_id, extension)

    def confirmed_callback(self, door: Door, *, command_id: str, extension: str, **_rest: Any) -> None:
        self._note("confirmed_callback", command_id, extension)

    def callback_group(self, door: Door, *, command_id: str, group: str, line: Phone, **_rest: Any) -> None:
        self._note("callback_group", command_id, f"{group} from {line.e164}")

    def lines(self, door: Door) -> Sequence[FirmLine]:
        if self.listed is None:
            raise OverBudget("The request budget is used up for the moment.")
        return [FirmLine(line) for line in self.listed]

    def hangup(self, door: Door, *, command_id: str, leg_key: str) -> None:
        self._note("hangup", command_id, leg_key)

    def pace(self, *_: object) -> None:
        return None

    def history(self, door: Door, since: datetime, until: datetime) -> Sequence[CallEvent]:
        return [event for event in self.calls if since <= event.at <= until]

    @property
    def rung(self) -> list[str]:
        return [whom for kind, _, whom in self.told if kind != "hangup"]


@dataclass
class World:
    database: Database
    runtime: Runtime
    pbx: NotingPbx
    workspace_id: int
    pbx_id: int
    clock: list[datetime]

    def pass_time(self, **span: float) -> None:
        self.clock[0] += timedelta(**span)

    def set_rules(self, rules: Rules, *, stopped: bool = False) -> None:
        with self.database.transaction() as session:
            session.merge(
                CallbackRules(
                    workspace_id=self.workspace_id, document=to_document(rules), stopped=stopped, stopped_because="test"
                )
            )

    def set_hours(self, hours: dict[str, Any]) -> None:
        with self.database.transaction() as session:
            session.get_one(Workspace, self.workspace_id).hours = hours

    def ask(self, phone: str = CLIENT, **more: Any) -> Taken | Refused:
        with self.database.transaction() as session:
            return take_request(
                session, self.runtime, Ask(self.workspace_id, phone, more.pop("asked_by", "key:test"), **more)
            )

    def row(self, phone: str = CLIENT) -> CallbackRow:
        with self.database.reading() as session:
            return session.scalars(
                select(CallbackRow).where(CallbackRow.e164 == phone).order_by(CallbackRow.id.desc()).limit(1)
            ).one()

    def story(self, phone: str = CLIENT) -> list[str]:
        row = self.row(phone)
        with self.database.reading() as session:
            return [step.words for step in steps_of(session, row.id)]

    def work(self) -> None:
        """Everything that is due now: requests, then the commands they ordered."""
        for _ in range(20):
            taken = take_due(self.runtime)
            for one in taken:
                handle(self.runtime, one)
            commands = claim(self.runtime)
            if commands:
                send_in_order(self.runtime, commands)
            if not taken and not commands:
                return

    def command(self) -> CommandRow:
        with self.database.reading() as session:
            return session.scalars(select(CommandRow).order_by(CommandRow.id.desc()).limit(1)).one()

    def set_command(self, state: CommandState) -> None:
        with self.database.transaction() as session:
            row = session.scalars(select(CommandRow).order_by(CommandRow.id.desc()).limit(1)).one()
            row.state, row.last_error = state, "on purpose"

    def hear(self, *events: CallEvent) -> None:
        """The PBX tells of a call; requests heed it."""
        with self.database.transaction() as session:
            stated = [(event, self.clock[0], None) for event in events]
            change = record_events(session, self.runtime, self.pbx_id, events[0].call_key, stated)
            heed_call(session, self.runtime, change)

    # --- what a PBX tells (mango.md §2.8 F) ---------------------------------------------------------

    def operator_rings(self, extension: str = "101") -> None:
        self.hear(self._leg("ops", EventKind.APPEARED, Place.EMPLOYEE, extension))

    def operator_answers(self, extension: str = "101") -> None:
        self.hear(
            self._leg("ops", EventKind.ANSWERED, Place.EMPLOYEE, extension),
            self._leg("ops", EventKind.ENDED, Place.EMPLOYEE, extension, seq=3, result=Result.MOVED),
            self._leg("cli", EventKind.APPEARED, Place.CLIENT, extension, came_from_leg="ops"),
        )

    def client_answers(self, extension: str = "101") -> None:
        self.hear(self._leg("cli", EventKind.ANSWERED, Place.CLIENT, extension, seq=2, with_client=True))

    def ends(self, *, talked: bool, result: Result | None = None) -> None:
        at = self.clock[0]
        self.hear(
            replace(
                self._leg("", EventKind.SUMMARY, None, "101"),
                leg_key=None,
                result=result or (Result.ANSWERED if talked else Result.NO_ANSWER),
                talk_seconds=20 if talked else 0,
                started_at=at - timedelta(seconds=30),
                answered_at=at - timedelta(seconds=20) if talked else None,
                ended_at=at,
            )
        )

    def _leg(
        self, key: str, kind: EventKind, place: Place | None, extension: str, seq: int = 1, **more: Any
    ) -> CallEvent:
        command = self.command()
        return CallEvent(
            kind=kind,
            call_key=f"call-{command.uid}",
            event_key=f"{command.uid}:{key}:{kind}",
            at=self.clock[0],
            leg_key=key,
            seq=seq,
            direction=Direction.OUTBOUND,
            place=place,
            client=Phone(CLIENT, CLIENT),
            line=LINE,
            extension=extension,
            command_id=command.uid,
            **{"with_client": False, **more},
        )

    def rings_in(self, *, answered: bool, ended: bool = False) -> None:
        """The visitor calls us."""

        def event(kind: EventKind, **more: Any) -> CallEvent:
            return CallEvent(
                kind, "own", f"own:{kind}", self.clock[0], leg_key="own", direction=Direction.INBOUND,
                place=Place.EMPLOYEE, client=Phone(CLIENT, CLIENT), line=LINE, extension="102", **more,
            )  # fmt: skip

        self.hear(event(EventKind.APPEARED))
        if answered:
            self.hear(event(EventKind.ANSWERED))
        if ended:
            self.hear(replace(event(EventKind.SUMMARY), leg_key=None, ended_at=self.clock[0], talk_seconds=0))


def make_world(database: Database, home: Path) -> World:
    """Anna (101) and Boris (102) answer every day from nine to nine in Moscow; it is Monday, 15:00."""
    clock, pbx = [MONDAY], NotingPbx()
    noting = cast("Any", pbx)
    connector = Connector("pbx", "PBX", NoSchema, NoSchema, commands=noting, history=noting, lines=noting)
    runtime = Runtime(
        settings=load_settings({"DOZVON_RETRY_SECONDS": "0,5,30"}, home=home),
        database=database,
        registry={"pbx": connector},
        http=cast("Http", None),
        bucket=Bucket(None),
        tokens=TokenService(database),
        ledger=UsageLedger(database),
        now=lambda: clock[0],
        random=random.Random(1),
        settle_seconds=0.0,
    )
    with database.transaction() as session:
        workspace = Workspace(
            slug="acme", name="Acme", timezone="Europe/Moscow", region="RU", locale="en", hours={}, created_at=MONDAY
        )
        session.add(workspace)
        session.flush()
        link = Connection(
            workspace_id=workspace.id, name="pbx", vendor="pbx", settings={}, secrets={}, created_at=MONDAY
        )
        session.add(link)
        for name, extension in (("Anna", "101"), ("Boris", "102")):
            session.add(EmployeeRow(workspace_id=workspace.id, name=name, extensions={"*": extension}, users={}))
        session.flush()
        return World(database, runtime, pbx, workspace.id, link.id, clock)
