"""What is asked all day is found in the indexes of what is to be done, however much is done already."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from hub.calls.inbox import claim as claim_items
from hub.db.engine import Database
from hub.delivery.claim import claim, due_connections
from hub.domain.intents import Lane
from tests.delivery.story import rings
from tests.delivery.world import World, make_world

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def plans(world: World, work: Any, about: str) -> str:
    """How SQLite finds what `work` selects from `about`; PostgreSQL's plans are measured by `bench.growth`."""
    said: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: Any) -> None:
        if f"FROM {about}" in statement and "due_at <=" in statement:
            said.append((statement, parameters))

    event.listen(world.database.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(world.database.engine, "before_cursor_execute", note)
    assert said
    with world.database.engine.connect() as connection:
        rows = [
            row for statement, parameters in said
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]  # fmt: skip
    return "\n".join(str(row[3]) for row in rows)


@pytest.fixture
def world(database: Database, tmp_path: Any) -> World:
    made = make_world(database, tmp_path)
    made.receive((rings("101", 1),))
    return made


def test_claims_and_sweeps_look_at_nothing_that_is_done(world: World) -> None:
    plan = plans(world, lambda: claim_items(world.runtime, 5), "inbox")
    assert "ix_inbox_due" in plan
    assert "TEMP B-TREE" not in plan
    plan = plans(world, lambda: claim(world.runtime, world.crm_id, (Lane.CALLS,), 4), "deliveries")
    assert "ix_deliveries_due" in plan
    assert "TEMP B-TREE" not in plan

    def sweep() -> None:
        with world.database.reading() as session:
            due_connections(session, tuple(Lane))

    assert "ix_deliveries_due" in plans(world, sweep, "connections")
