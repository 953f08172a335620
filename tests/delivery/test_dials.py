"""A call that the CRM opened itself is met by the PBX's, whoever hears of it first; it is never registered again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from connectors.contract import Connector, Door, StepResult, StepSpec
from hub.calls.intake import drain_inbox
from hub.db.dials import DialRow, DialState
from hub.db.engine import Database
from hub.delivery.dialler import Dialler
from hub.delivery.dials import note_wish
from hub.domain.events import CallEvent, Direction
from hub.domain.intents import Lane
from hub.domain.notices import DialRequested
from hub.scheduler import _on_change
from tests.delivery.story import CLIENT, answers, ends, rings
from tests.delivery.world import NoSchema, World, make_world


class OpenedByCrm:
    """A CRM that had registered the call before anybody's telephone rang."""

    def adopted(self, dial: DialRequested) -> tuple[StepSpec, StepResult]:
        return StepSpec("register", 10, Lane.CALLS, 86400, repeatable=False), {"call_id": dial.crm_call_id}

    def give_up(self, dial: DialRequested, reason: str, door: Door) -> None:
        raise NotImplementedError


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    made = make_world(database, tmp_path)
    crm = Connector("crm", "CRM", NoSchema, NoSchema, crm=made.crm, dials=OpenedByCrm())
    made.runtime = replace(made.runtime, registry={**made.runtime.registry, "crm": crm})
    return made


def click(world: World) -> str:
    with world.database.transaction() as session:
        row = note_wish(session, world.crm_id, DialRequested(CLIENT, "7", crm_call_id="crm-call-1"))
        row.state = DialState.ORDERED
        return row.command_id


def talk(command_id: str) -> tuple[CallEvent, ...]:
    out = {"direction": Direction.OUTBOUND}
    return (
        rings("101", 1, command_id=command_id, **out),
        answers("101", 5, **out),
        ends(65, answered_at=5, extension="101", **out),
    )


def test_a_clicked_call_that_only_the_pbxs_list_tells_of_is_not_registered_again(world: World) -> None:
    world.receive(talk(click(world)))
    drain_inbox(world.runtime, _on_change(world.runtime))
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["finish"]
    assert world.rows()["register"].result == {"call_id": "crm-call-1"}
    with world.database.reading() as session:
        assert session.query(DialRow).one().state == DialState.MET


def test_another_outbound_call_is_registered_as_ever(world: World) -> None:
    click(world)
    world.receive(talk("another-command"))
    drain_inbox(world.runtime, _on_change(world.runtime))
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]


def test_a_wish_that_names_no_call_of_the_crm_is_closed_and_stops_nobody(world: World) -> None:
    """As a version before left them, of forms: they are callback requests now."""
    click(world)
    with world.database.transaction() as session:
        row = session.query(DialRow).one()
        row.kind, row.dial, row.state, row.due_at = "form", {}, DialState.WANTED, row.created_at
    dialler = Dialler(world.runtime)
    dialler.work()
    dialler.stop()
    with world.database.reading() as session:
        assert session.query(DialRow).one().state == DialState.CLOSED
