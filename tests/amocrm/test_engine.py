"""The connector under the hub's own outbox: what a PBX states is what the account holds at the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from connectors.amocrm.crm import AmocrmCrm
from connectors.amocrm.memory import Memory
from connectors.amocrm.rules import RULES
from connectors.amocrm.settings import AmocrmSecrets, AmocrmSettings
from connectors.contract import Connector
from hub.db.engine import Database
from hub.db.tables import CallRow, Connection, RecordingRow
from hub.db.work import DeliveryRow
from hub.domain.errors import OutcomeUnknown
from hub.domain.events import CallEvent, EventKind, RecordingNews, RecordingState
from hub.net.bucket import Bucket
from hub.net.http import Http, HttpAnswer
from tests.amocrm.account import Asked, FakeAccount
from tests.amocrm.story import API
from tests.delivery.story import answers, ends, event, leaves, rings
from tests.delivery.world import World, make_world

UNSORTED = f"POST {API}/leads/unsorted/sip"


class EndlessBucket:
    """The budget is not what these tests are about."""

    def take(self, *_: object) -> None:
        return None


@pytest.fixture
def account() -> FakeAccount:
    return FakeAccount(users={5, 7, 8, 9})


@pytest.fixture
def world(database: Database, tmp_path: Path, account: FakeAccount) -> World:
    """Anna (extension 101) is user 7 of the account, Boris (102) user 8."""
    world = make_world(database, tmp_path)
    amo = Connector("amocrm", "amoCRM", AmocrmSettings, AmocrmSecrets, crm=AmocrmCrm(Memory()), rules=RULES)
    registry = {"pbx": world.runtime.registry["pbx"], "amocrm": amo}
    world.runtime = replace(
        world.runtime, registry=registry, http=cast("Http", account), bucket=cast("Bucket", EndlessBucket())
    )
    with database.transaction() as session:
        row = session.get_one(Connection, world.crm_id)
        row.vendor = "amocrm"
        row.settings = {"auth": "long_lived", "base_url": "https://acme.amocrm.ru"}
        row.secrets = {"access_token": "for-years"}
    return world


def run(world: World, *bodies: Any) -> None:
    """Receive and deliver; waiting times are let pass."""
    world.receive(*bodies)
    world.drain()
    for _ in range(12):
        world.make_due()
        world.deliver()
        if states(world) <= {"done"}:
            return


def recording_news(state: RecordingState, second: float = 66, call: str = "c1") -> CallEvent:
    return event(EventKind.RECORDING, second, call, recording=RecordingNews("rec-1", state))


def missed(world: World, call: str = "c1") -> None:
    run(world, (rings("101", 1, call),))
    run(world, (leaves("101", 20, call),), (ends(20, call, answered_at=None, extension=None),))


def answered(world: World, call: str = "c1") -> None:
    run(world, (rings("101", 1, call),))
    run(world, (answers("101", 5, call),), (leaves("101", 65, call),))
    run(world, (ends(65, call, answered_at=5, extension="101"),))


def states(world: World) -> set[str]:
    with world.database.reading() as session:
        return {str(row.state) for row in session.scalars(select(DeliveryRow))}


def test_a_stranger_rings_a_card_and_becomes_one_incoming_lead(world: World, account: FakeAccount) -> None:
    run(world, (rings("101", 1),))
    assert [card["users"] for card in account.cards] == [[7]]
    assert account.leads == {}
    answered(world)
    assert account.writes().count(UNSORTED) == 1
    assert [note["params"]["duration"] for note in account.call_notes()] == [60]
    assert states(world) == {"done"}


def test_missed_calls_of_a_stranger_are_one_lead_and_one_task_that_a_talk_closes(
    world: World, account: FakeAccount
) -> None:
    missed(world, "c1")
    missed(world, "c2")
    assert (len(account.leads), len(account.tasks), len(account.call_notes())) == (1, 1, 2)
    (task,) = account.tasks.values()
    assert (task["responsible_user_id"], task.get("is_completed")) == (7, None)
    answered(world, "c3")
    assert task["is_completed"] is True
    assert (len(account.leads), len(account.call_notes())) == (1, 3)
    assert states(world) == {"done"}


def test_a_known_client_keeps_card_and_owner(world: World, account: FakeAccount) -> None:
    contact = account.add("contacts", "+7 900 123-45-67", name="Olga")
    missed(world)
    assert (len(account.contacts), len(account.leads)) == (1, 0)
    assert [note["entity_id"] for note in account.call_notes()] == [contact]
    assert [task["responsible_user_id"] for task in account.tasks.values()] == [8]


def test_a_lost_answer_makes_no_second_incoming_lead(world: World, account: FakeAccount) -> None:
    def act(asked: Asked) -> HttpAnswer:
        account.handle(asked)
        raise OutcomeUnknown("cut")

    account.on(UNSORTED, act)
    answered(world)
    assert (len(account.unsorted), len(account.call_notes())) == (1, 1)
    assert states(world) == {"done"}


def test_the_link_goes_with_the_call_before_the_file_is_there(world: World, account: FakeAccount) -> None:
    run(world, (rings("101", 1),), (answers("101", 5),), (leaves("101", 65),))
    world.receive((recording_news(RecordingState.COMPLETED),), (ends(65, answered_at=5, extension="101"),))
    run(world)
    (note,) = account.call_notes()
    with world.database.reading() as session:
        row = session.scalars(select(RecordingRow)).one()
    assert row.state == "wanted"
    assert note["params"]["link"] == f"{world.runtime.settings.public_url}/r/{row.token}"


def store(world: World) -> str:
    """The file has come; returns its address."""
    from hub.calls.record import refold
    from hub.delivery.outbox import plan_deliveries

    with world.database.transaction() as session:
        row = session.scalars(select(RecordingRow)).one()
        row.state, row.file_name, row.stored_at = "stored", "x.mp3", datetime.now(UTC)
        session.flush()
        change = refold(session, world.runtime, session.scalars(select(CallRow)).one())
        plan_deliveries(session, world.runtime, change)
        return f"{world.runtime.settings.public_url}/r/{row.token}"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_file_that_comes_changes_the_note_only_when_the_link_was_not_there(
    world: World, account: FakeAccount, when: str
) -> None:
    if when == "after":
        answered(world)
    run(world, (recording_news(RecordingState.COMPLETED),))
    if when == "before":
        answered(world)
    link = store(world)
    run(world)
    assert [note["params"]["link"] for note in account.call_notes()] == [link]
    assert len([path for path in account.calls("PATCH") if "/notes/" in path]) == (1 if when == "after" else 0)
    assert states(world) == {"done"}
