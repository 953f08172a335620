"""PBX calls = hub calls = CRM calls: lost things are found and mended, and a second run mends nothing."""

from __future__ import annotations

import dataclasses
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from hub.calls.intake import drain_inbox
from hub.calls.stale import close_stale
from hub.db.engine import Database
from hub.db.tables import CallRow, Connection, RecordingRow
from hub.db.work import DeliveryRow, DeliveryState, QuotaUse
from hub.delivery.reconcile.statement import agrees, reconcile
from hub.domain.errors import Rejected, Unreachable
from tests.delivery.reconciling import DAY, Reconciled, from_history, recording, whole_call, with_lists
from tests.delivery.story import answers, rings
from tests.delivery.world import START, make_world


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Reconciled:
    return with_lists(make_world(database, tmp_path))


def the_call(scene: Reconciled) -> CallRow:
    with scene.world.database.reading() as session:
        return session.scalars(select(CallRow)).one()


def heard(scene: Reconciled, *calls: str) -> None:
    """Whole calls come as they should, and are delivered; the history knows them too."""
    for call in calls:
        scene.world.receive(whole_call(call))
        scene.history.events += from_history(*whole_call(call))
    scene.world.drain()
    scene.deliver()


def change_rows(scene: Reconciled, step_key: str, **values: object) -> None:
    with scene.world.database.transaction() as session:
        for row in session.scalars(select(DeliveryRow).where(DeliveryRow.step_key == step_key)):
            for name, value in values.items():
                setattr(row, name, value)


# --- PBX and hub --------------------------------------------------------------------------------------


def test_agreement_is_said_and_repairs_nothing(scene: Reconciled) -> None:
    heard(scene, "c1", "c2")
    found = scene.run()
    assert found.differences == []
    assert (found.pbx.pbx_calls, found.pbx.hub_calls, found.crms[0].expected, found.crms[0].logged) == (2, 2, 2, 2)
    assert agrees(found)


def test_call_of_which_no_event_came_is_in_the_crm_once(scene: Reconciled) -> None:
    heard(scene, "c1")
    scene.history.events += from_history(*whole_call("c2"))
    assert scene.kinds() == [("lost", True)]
    assert [key for _, key in scene.world.crm.ledger] == ["register", "finish", "register", "finish"]
    finish = scene.world.crm.payloads[-1].intent.call
    assert (finish.user_id, finish.talk_seconds, finish.started_at) == ("7", 60, START)
    assert scene.kinds() == []
    assert agrees(scene.run())


def test_events_that_come_after_the_repair_change_nothing(scene: Reconciled) -> None:
    scene.history.events += from_history(*whole_call())
    scene.run()
    before = the_call(scene).facts
    scene.world.receive(whole_call())
    scene.world.drain()
    scene.deliver()
    assert the_call(scene).facts == before
    assert [key for _, key in scene.world.crm.ledger] == ["register", "finish"]


def test_call_whose_end_was_lost_is_finished(scene: Reconciled) -> None:
    scene.world.receive((rings("101", 1), answers("101", 5)))
    scene.world.drain()
    scene.history.events += from_history(*whole_call())
    assert scene.kinds() == [("unfinished", True)]
    assert (the_call(scene).closing, the_call(scene).talk_seconds) == ("stated", 60)
    assert scene.kinds() == []


def test_call_that_the_hub_closed_by_itself_gets_its_true_end(scene: Reconciled) -> None:
    scene.world.receive((rings("101", 1),))
    scene.world.drain()
    close_stale(scene.world.runtime, scene.on_change, after=timedelta(days=-1))
    assert the_call(scene).outcome == "missed"
    scene.history.events += from_history(*whole_call())
    assert ("unfinished", True) in scene.kinds()
    assert (the_call(scene).closing, the_call(scene).outcome) == ("stated", "answered")


def test_recording_of_which_nobody_told_is_wanted(scene: Reconciled) -> None:
    heard(scene, "c1")
    scene.history.events += from_history(recording("c1"))
    before = the_call(scene)
    assert scene.kinds() == [("recording_lost", True)]
    with scene.world.database.reading() as session:
        assert session.scalars(select(RecordingRow.recording_key)).all() == ["rec1"]
    after = the_call(scene)
    assert (after.talk_seconds, after.answered_by, after.ended_at) == (
        before.talk_seconds,
        before.answered_by,
        before.ended_at,
    )
    assert scene.kinds() == []


def test_call_that_ended_just_now_is_left_alone(scene: Reconciled) -> None:
    scene.history.events += from_history(*whole_call())
    fresh = type(DAY)(DAY.since, DAY.until, settled_before=START + timedelta(seconds=64))
    found = scene.run(fresh)
    assert (found.differences, found.pbx.pbx_calls, found.pbx.hub_calls) == ([], 0, 0)
    assert scene.world.crm.ledger == []


def test_call_that_the_pbx_does_not_list_is_named(scene: Reconciled) -> None:
    heard(scene, "c1")
    scene.history.events = []
    found = scene.run()
    assert [(str(one.kind), one.repaired) for one in found.differences] == [("unknown_to_pbx", False)]
    assert (found.pbx.pbx_calls, found.pbx.hub_calls) == (0, 1)
    assert not agrees(found)


def test_pbx_that_does_not_answer_leaves_the_crm_side_standing(scene: Reconciled) -> None:
    heard(scene, "c1")
    scene.history.trouble = Unreachable("the PBX is away")
    found = scene.run()
    assert (found.pbx.asked, found.pbx.reason, found.pbx.hub_calls) == (False, "the PBX is away", 1)
    assert found.crms[0].logged == 1


def test_one_call_that_cannot_be_taken_up_stops_no_other(scene: Reconciled, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.history.events += from_history(*whole_call("c1"), *whole_call("c2"))
    good = scene.on_change

    def on_change(session: object, change: object) -> None:
        if change.call.key == "c1":  # type: ignore[attr-defined]
            raise ZeroDivisionError
        good(session, change)  # type: ignore[arg-type]

    monkeypatch.setattr(scene, "on_change", on_change)
    found = scene.run()
    assert sorted((one.call_key, one.repaired) for one in found.differences) == [("c1", False), ("c2", True)]
    assert (found.pbx.pbx_calls, found.pbx.hub_calls) == (2, 1)


def test_the_quota_ledger_says_what_reconciliation_asked_for(scene: Reconciled) -> None:
    scene.run()
    scene.world.runtime.ledger.flush()
    with scene.world.database.reading() as session:
        rows = session.execute(select(QuotaUse.lane, QuotaUse.purpose, QuotaUse.requests)).all()
    assert [tuple(row) for row in rows] == [("bulk", "reconcile", 1)]


# --- Hub and CRM --------------------------------------------------------------------------------------


def test_call_that_was_not_planned_is_planned(scene: Reconciled) -> None:
    scene.world.receive(whole_call())
    scene.history.events += from_history(*whole_call())
    drain_inbox(scene.world.runtime, lambda *_: None)
    assert ("not_planned", True) in scene.kinds()
    assert [key for _, key in scene.world.crm.ledger] == ["register", "finish"]
    assert scene.kinds() == []


def test_calls_from_before_the_crm_was_connected_stay_out_of_it(scene: Reconciled) -> None:
    scene.world.receive(whole_call())
    scene.history.events += from_history(*whole_call())
    drain_inbox(scene.world.runtime, lambda *_: None)
    with scene.world.database.transaction() as session:
        session.get_one(Connection, scene.world.crm_id).created_at = START + timedelta(days=1)
    found = scene.run()
    assert (found.differences, found.crms[0].expected) == ([], 0)


def test_delivery_that_was_given_up_is_named_and_not_sent(scene: Reconciled) -> None:
    scene.world.crm.before = [Rejected("no such user")]
    heard(scene, "c1")
    found = scene.run()
    (difference,) = found.differences
    assert (difference.kind, difference.repaired) == ("not_logged", False)
    assert "no such user" in difference.words or "held back" in difference.words
    assert scene.world.crm.ledger == []


def test_call_that_was_deleted_in_the_crm_is_named_and_not_sent_again(scene: Reconciled) -> None:
    heard(scene, "c1")
    scene.log.hidden = {the_call(scene).uid}
    assert scene.kinds() == [("gone", False)]
    assert [key for _, key in scene.world.crm.ledger] == ["register", "finish"]


def test_call_that_the_crm_shows_twice_is_named(scene: Reconciled) -> None:
    heard(scene, "c1")
    scene.log.doubled = {the_call(scene).uid}
    assert scene.kinds() == [("doubled", False)]


@pytest.mark.parametrize("state", [DeliveryState.DEAD, DeliveryState.EXPIRED, DeliveryState.WAITING])
def test_call_that_the_crm_shows_is_looked_up_and_not_sent_again(scene: Reconciled, state: DeliveryState) -> None:
    heard(scene, "c1")
    change_rows(scene, "finish", state=state, due_at=START + timedelta(days=9000), unknown_at=None, result={})
    assert scene.kinds() == [("unsettled", True)]
    assert scene.world.states()["finish"] == DeliveryState.DONE
    assert scene.world.crm.looked_up == ["finish"]
    assert [key for _, key in scene.world.crm.ledger] == ["register", "finish"]
    assert scene.kinds() == []


def test_call_on_its_way_is_no_difference(scene: Reconciled) -> None:
    scene.world.receive(whole_call())
    scene.world.drain()
    scene.history.events += from_history(*whole_call())
    found = reconcile(scene.world.runtime, scene.world.pbx_id, DAY, scene.on_change)
    assert (found.differences, found.crms[0].expected, found.crms[0].logged, found.crms[0].under_way) == ([], 1, 0, 1)
    assert not agrees(found)


def test_crm_that_does_not_tell_is_judged_by_the_outbox(scene: Reconciled) -> None:
    heard(scene, "c1")
    scene.log.trouble = Unreachable("the CRM is away")
    crm = scene.run().crms[0]
    assert (crm.asked, crm.reason, crm.logged) == (False, "the CRM is away", 1)


def test_internal_and_hidden_calls_are_not_expected_in_the_crm(scene: Reconciled) -> None:
    hidden = tuple(
        type(event)(**{**{name: getattr(event, name) for name in event.__slots__}, "client": None, "hidden": True})
        for event in whole_call()
    )
    scene.world.receive(hidden)
    scene.world.drain()
    scene.history.events += from_history(*hidden)
    found = scene.run()
    assert (found.pbx.hub_calls, found.crms[0].expected, found.differences) == (1, 0, [])


def test_two_runs_at_once_make_one_call(scene: Reconciled) -> None:
    scene.history.events += from_history(*whole_call())
    threads = [threading.Thread(target=scene.run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    scene.deliver()
    with scene.world.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(CallRow)) == 1
    assert sorted(key for _, key in scene.world.crm.ledger) == ["finish", "register"]


def test_history_with_texts_and_moments_that_no_store_takes_fails_nothing(scene: Reconciled) -> None:
    """A list's texts went into the tables unread: one NUL in a group's name failed the repair for ever."""
    dirty = [
        dataclasses.replace(event, group="sales\x00\ud800", seq=2**70, talk_seconds=-5)
        for event in whole_call("c1\x00")
    ]
    scene.history.events += from_history(*dirty)
    nobodys = dataclasses.replace(whole_call("c2")[0], at=START.replace(year=9999))
    scene.history.events += from_history(nobodys)
    found = scene.run()
    assert [(str(one.kind), one.repaired) for one in found.differences] == [("lost", True)]
    assert [key for _, key in scene.world.crm.ledger] == ["register", "finish"]
    assert not scene.run().differences
