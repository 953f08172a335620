"""A workspace with a PBX that takes commands and a CRM that knows owners, both in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.contract import (
    ConnectionFacts,
    Door,
    ListedExtension,
    OwnedPhone,
    OwnersPage,
    Pbx,
    PbxCommands,
)
from hub.calls.record import CallChange, record_events
from hub.db.engine import Database
from hub.db.retrying import in_transaction
from hub.domain.access import QuotaRule
from hub.domain.errors import DeliveryError
from hub.domain.events import CallEvent, Direction, EventKind, Place
from hub.domain.phone import Phone
from hub.routing.heed import heed_change
from hub.routing.sending import claim, send_in_order
from tests.delivery.world import World, make_world

CLIENT = Phone("79001234567", "+79001234567")
OLGA = OwnedPhone(CLIENT, "contact", "871", 0, "Olga", "7")


@dataclass
class FakeCommands:
    """Notes what it was told; `trouble` is raised before, one after the other."""

    told: list[dict[str, Any]] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    rule: QuotaRule | None = None

    def route(self, door: Door, *, command_id: str, leg_key: str, to: str) -> None:
        self._note(kind="route", uid=command_id, leg=leg_key, to=to)

    def callback(self, door: Door, *, command_id: str, extension: str, client: Phone, line: Phone | None) -> None:
        self._note(kind="callback", uid=command_id, extension=extension, client=client.e164, line=line)

    def callback_group(
        self, door: Door, *, command_id: str, group: str, client: Phone, line: Phone, client_first: bool = False
    ) -> None:
        self._note(kind="callback_group", uid=command_id, group=group, client=client.e164, line=line.e164)

    def hangup(self, door: Door, *, command_id: str, leg_key: str) -> None:
        self._note(kind="hangup", uid=command_id, leg=leg_key)

    def pace(self, connection: ConnectionFacts, command: str) -> QuotaRule | None:
        return self.rule if command != "extensions" else None

    def _note(self, **said: Any) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        self.told.append(said)


@dataclass
class FakeDirectory:
    listed: list[ListedExtension] = field(
        default_factory=lambda: [
            ListedExtension("101", "user"),
            ListedExtension("102", "user"),
            ListedExtension("300", "group"),
        ]
    )
    asked: int = 0

    def extensions(self, door: Door) -> Sequence[ListedExtension]:
        self.asked += 1
        return self.listed


@dataclass
class FakeOwners:
    """`pages` are read one after the other, "0", "1", …; `by_phone` answers look-ups, `by_card` cards."""

    pages: list[list[OwnedPhone]] = field(default_factory=list)
    by_phone: dict[str, list[OwnedPhone]] = field(default_factory=dict)
    by_card: dict[str, list[OwnedPhone]] = field(default_factory=dict)
    trouble: list[DeliveryError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def find_owner(self, phone: Phone, door: Door) -> Sequence[OwnedPhone]:
        self._ask(f"phone {phone.e164}")
        return self.by_phone.get(phone.e164 or "", [])

    def owners(self, door: Door, cursor: str | None) -> OwnersPage:
        number = int(cursor or "0")
        self._ask(f"page {number}")
        more = number + 1 < len(self.pages)
        return OwnersPage(tuple(self.pages[number]) if self.pages else (), str(number + 1) if more else None)

    def party(self, kind: str, party_id: str, door: Door) -> Sequence[OwnedPhone] | None:
        self._ask(f"card {party_id}")
        return self.by_card.get(party_id, [])

    def kind_of(self, kind: str) -> str:
        return kind if kind == "contact" else ""

    def _ask(self, what: str) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        self.asked.append(what)


@dataclass
class Scene:
    world: World
    commands: FakeCommands
    directory: FakeDirectory
    owners: FakeOwners

    def happen(self, *events: CallEvent, received_ago: timedelta = timedelta(0)) -> CallChange:
        """Let the PBX state `events`, as the worker would take them."""
        runtime = self.world.runtime
        stated = [(event, runtime.now() - received_ago, None) for event in events]

        def work(session: Any) -> CallChange:
            change = record_events(session, runtime, self.world.pbx_id, events[0].call_key, stated)
            heed_change(session, runtime, change)
            return change

        return in_transaction(self.world.database, work)

    def send(self) -> None:
        """Send the commands that are due."""
        send_in_order(self.world.runtime, claim(self.world.runtime))


class _NoQuota:
    def quota(self, connection: ConnectionFacts) -> QuotaRule | None:
        return None


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Scene:
    world = make_world(database, tmp_path)
    commands, directory, owners = FakeCommands(), FakeDirectory(), FakeOwners()
    registry = {
        "pbx": replace(
            world.runtime.registry["pbx"],
            pbx=cast("Pbx", _NoQuota()),
            commands=cast("PbxCommands", commands),
            directory=directory,
        ),
        "crm": replace(world.runtime.registry["crm"], owners=owners),
    }
    world.runtime = replace(world.runtime, registry=registry)
    return Scene(world, commands, directory, owners)


_count = 0


def event(kind: EventKind, leg: str, place: Place, **more: Any) -> CallEvent:
    """An event of the one inbound call of `CLIENT`; each one is a second later than the one before."""
    global _count
    _count += 1
    values: dict[str, Any] = {
        "kind": kind,
        "call_key": "E1",
        "leg_key": leg,
        "event_key": f"{leg}/{_count}",
        "seq": _count,
        "at": datetime.fromtimestamp(1_788_253_200 + _count, UTC),
        "direction": Direction.INBOUND,
        "client": CLIENT,
        "line": Phone("74950000001", "+74950000001"),
        "place": place,
    }
    return CallEvent(**{**values, **more})
