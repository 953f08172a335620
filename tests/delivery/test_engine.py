"""The engine against real stores: in order, once, and with a look-up whenever the outcome is unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.db.engine import Database
from hub.db.tables import CallRow, Connection
from hub.db.work import DeliveryRow, InboxRow
from hub.delivery.claim import claim
from hub.delivery.health import resume
from hub.delivery.replay import replay_deliveries
from hub.delivery.run import deliver
from hub.domain.errors import AuthRevoked, Rejected, Throttled, Unreachable
from hub.domain.intents import Lane
from tests.delivery.story import answers, ends, leaves, rings
from tests.delivery.world import World, make_world


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def answered_call(world: World, call: str = "c1") -> None:
    world.receive((rings("101", 1, call),))
    world.receive((answers("101", 5, call),), (leaves("101", 65, call),))
    world.receive((ends(65, call, answered_at=5, extension="101"),))


def test_answered_call_is_registered_and_finished_once(world: World) -> None:
    answered_call(world)
    world.drain()
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]
    finish = world.crm.payloads[-1].intent.call
    assert (finish.user_id, finish.talk_seconds, finish.answered) == ("7", 60, True)


def test_card_goes_out_while_it_rings_and_is_hidden_for_the_other(world: World) -> None:
    world.receive((rings("101", 1),), (rings("102", 1),))
    world.drain()
    world.deliver()
    world.receive((answers("101", 5),), (leaves("102", 5),))
    world.drain()
    world.deliver()
    keys = [key for _, key in world.crm.ledger]
    assert keys == ["register", "show:7", "show:8", "hide:8"]


def test_same_webhooks_again_change_nothing(world: World) -> None:
    answered_call(world)
    world.drain()
    world.deliver()
    answered_call(world)
    world.drain()
    world.deliver()
    assert len(world.crm.ledger) == 2
    with world.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(CallRow)) == 1


def test_late_summary_of_a_known_call_does_not_log_twice(world: World) -> None:
    world.receive((ends(65, answered_at=5, extension="101"),))
    world.drain()
    world.deliver()
    world.receive((rings("101", 1),), (answers("101", 5),), (leaves("101", 65),))
    world.drain()
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]


def test_lease_that_was_taken_over_is_not_closed_by_its_first_holder(world: World) -> None:
    answered_call(world)
    world.drain()
    (first,) = claim(world.runtime, world.crm_id, tuple(Lane), 1)
    world.make_due()
    (second,) = claim(world.runtime, world.crm_id, tuple(Lane), 1)
    assert second.id == first.id
    assert second.lease == first.lease + 1
    deliver(world.runtime, first)
    assert world.states()["register"] == "leased"


def test_rejected_step_is_dead_with_the_vendors_words_and_blocks_what_needs_it(world: World) -> None:
    world.crm.before = [Rejected("field UF_X does not exist")]
    answered_call(world)
    world.drain()
    world.deliver()
    rows = world.rows()
    assert (str(rows["register"].state), rows["register"].last_error) == ("dead", "field UF_X does not exist")
    assert str(rows["finish"].state) == "blocked"
    assert replay_deliveries(world.database, [rows["register"].id], world.workspace_id) == 1
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]


def test_replay_while_a_retry_is_due_sends_once(world: World) -> None:
    world.crm.before = [Unreachable("refused")]
    answered_call(world)
    world.drain()
    world.deliver()
    row = world.rows()["register"]
    assert str(row.state) == "waiting"
    replay_deliveries(world.database, [row.id])
    replay_deliveries(world.database, [row.id])
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]


def test_replay_of_another_workspace_is_nothing(world: World) -> None:
    world.crm.before = [Rejected("no")]
    answered_call(world)
    world.drain()
    world.deliver()
    assert replay_deliveries(world.database, [world.rows()["register"].id], world.workspace_id + 1) == 0


def test_throttling_costs_no_attempt_and_lets_one_probe_through(world: World) -> None:
    world.crm.before = [Throttled("too fast")]
    answered_call(world)
    world.drain()
    world.deliver()
    row = world.rows()["register"]
    assert (row.attempts, str(row.state)) == (0, "waiting")
    with world.database.transaction() as session:
        link = session.get_one(Connection, world.crm_id)
        assert link.throttled_in_row == 1
        link.breaker_until = None
    world.make_due()
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]
    with world.database.reading() as session:
        assert session.get_one(Connection, world.crm_id).throttled_in_row == 0


def test_revoked_access_pauses_the_connection_and_keeps_the_backlog(world: World) -> None:
    world.crm.before = [AuthRevoked("invalid_grant")]
    answered_call(world)
    world.drain()
    world.deliver()
    assert world.states() == {"register": "blocked", "finish": "blocked"}
    with world.database.reading() as session:
        link = session.get_one(Connection, world.crm_id)
        assert (link.state, link.state_reason) == ("needs_reconnect", "invalid_grant")
        assert link.state_mend
    with world.database.transaction() as session:
        assert resume(session, world.crm_id) == 2
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]


def test_late_refusal_of_old_access_does_not_stop_a_connection_made_anew(world: World) -> None:
    answered_call(world)
    world.drain()
    (step,) = claim(world.runtime, world.crm_id, tuple(Lane), 1)
    with world.database.transaction() as session:
        resume(session, world.crm_id)
    world.crm.before = [AuthRevoked("invalid_grant")]
    deliver(world.runtime, step)
    with world.database.reading() as session:
        assert session.get_one(Connection, world.crm_id).state == "active"
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]


def test_five_failures_in_a_row_open_the_breaker_for_seconds(world: World) -> None:
    world.crm.before = [Unreachable("refused")] * 5
    answered_call(world)
    world.drain()
    for _ in range(5):
        world.deliver()
        world.make_due()
    with world.database.reading() as session:
        link = session.get_one(Connection, world.crm_id)
        assert link.failures_in_row == 5
        assert link.breaker_until is not None
        assert link.breaker_until - datetime.now(UTC) < timedelta(seconds=6)
    world.deliver()
    assert world.crm.ledger == []


def test_expired_card_is_not_shown_and_holds_nothing_up(world: World) -> None:
    world.receive((rings("101", 1),))
    world.drain()
    with world.database.transaction() as session:
        show = session.scalars(select(DeliveryRow).where(DeliveryRow.step_key == "show:7")).one()
        show.expires_at = datetime(2020, 1, 1, tzinfo=UTC)
    world.deliver()
    assert world.states() == {"register": "done", "show:7": "expired"}


def test_card_that_nobody_saw_is_taken_back_instead_of_hidden(world: World) -> None:
    world.receive((rings("101", 1),), (rings("102", 2),))
    world.drain()
    world.receive((leaves("101", 3),))
    world.drain()
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "show:8"]
    assert world.states()["show:7"] == "superseded"


def test_two_first_calls_of_one_number_are_not_registered_at_once(world: World) -> None:
    world.receive((rings("101", 1, "c1"),), (rings("102", 1, "c2"),))
    world.drain()
    first = claim(world.runtime, world.crm_id, tuple(Lane), 10)
    assert [step.step_key for step in first] == ["register"]
    deliver(world.runtime, first[0])
    world.make_due()
    world.deliver()
    assert sorted(key for _, key in world.crm.ledger).count("register") == 2


def test_missed_calls_of_one_client_make_one_task_that_a_talk_closes(world: World) -> None:
    for call in ("m1", "m2"):
        world.receive((rings("101", 1, call),), (leaves("101", 20, call),))
        world.receive((ends(20, call, answered_at=None, extension="101"),))
        world.drain()
        world.deliver()
        world.make_due()
        world.deliver()
    assert [key for _, key in world.crm.ledger].count("task") == 1
    answered_call(world, "talk")
    world.drain()
    world.deliver()
    assert [key for _, key in world.crm.ledger if key.startswith("close_task")] == ["close_task:t3"]


def test_poison_row_is_quarantined_after_three_tries_while_neighbours_flow(world: World) -> None:
    world.receive("poison", "broken")
    answered_call(world)
    for _ in range(4):
        with world.database.transaction() as session:
            for row in session.scalars(select(InboxRow).where(InboxRow.state == "received")):
                row.due_at = datetime(2020, 1, 1, tzinfo=UTC)
        world.drain()
    with world.database.reading() as session:
        states = [str(state) for state in session.scalars(select(InboxRow.state).order_by(InboxRow.id))]
        reasons = session.scalars(select(InboxRow.reason).order_by(InboxRow.id)).all()
    assert states == ["quarantined", "quarantined", "processed", "processed", "processed", "processed"]
    assert "3 times" in reasons[0]
    assert reasons[1] == "broken on purpose"


def test_same_call_id_a_month_later_is_another_call(world: World) -> None:
    answered_call(world)
    world.receive((ends(40 * 86400, answered_at=None, extension="101"),))
    world.drain()
    with world.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(CallRow)) == 2
