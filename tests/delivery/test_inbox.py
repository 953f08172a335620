"""Regressions of the inbox, each named after what went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.calls.intake import drain_inbox
from hub.db.engine import Database
from hub.db.tables import CallRow
from hub.db.work import InboxRow
from tests.delivery.story import ends, rings
from tests.delivery.world import START, World, make_world


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def inbox_row(world: World) -> InboxRow:
    with world.database.reading() as session:
        return session.scalars(select(InboxRow)).one()


def test_item_of_two_calls_is_not_closed_by_the_first_while_the_second_fails(world: World) -> None:
    """The first call's commit closed the row, and what the row told of the second was lost."""
    failing = ["second"]

    def on_change(_session: Any, change: Any) -> None:
        if change.row.call_key in failing:
            raise ZeroDivisionError

    world.receive((rings("101", 1, "first"), rings("101", 1, "second")))
    drain_inbox(world.runtime, on_change)
    assert str(inbox_row(world).state) == "received"
    failing.clear()
    with world.database.transaction() as session:
        session.execute(update(InboxRow).values(due_at=START.replace(year=2020)))
    assert drain_inbox(world.runtime, on_change) == 1
    assert str(inbox_row(world).state) == "processed"
    with world.database.reading() as session:
        assert set(session.scalars(select(CallRow.call_key))) == {"first", "second"}


def test_connection_of_a_vendor_that_is_no_longer_known_harms_no_neighbour(world: World) -> None:
    """A look-up in the registry outside the guard stopped the whole batch, and every batch after it."""
    world.receive((rings("101", 1),))
    del world.runtime.registry["pbx"]  # type: ignore[attr-defined]
    assert world.drain() == 1
    row = inbox_row(world)
    assert (str(row.state), row.reason) == ("quarantined", "pbx sends nothing that the hub reads")


def test_who_rings_now_is_met_before_calls_that_are_over(world: World) -> None:
    """A card waited behind the ends of a burst of calls that had come a moment earlier."""
    met: list[str] = []
    world.receive(*((ends(65, call, answered_at=5, extension="101"),) for call in ("over-1", "over-2")))
    world.receive((rings("101", 1, "rings"),))
    drain_inbox(world.runtime, lambda _session, change: met.append(change.row.call_key))
    assert met == ["rings", "over-1", "over-2"]
