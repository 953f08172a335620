"""Whose turn it is: one queue for each rule, in the database, the same for every worker, foretold by the dry run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.calls.intake import drain_inbox
from hub.calls.record import refold
from hub.db.engine import Database
from hub.db.rules import RulesTurn
from hub.db.tables import CallRow, Connection
from hub.delivery.outbox import plan_deliveries
from hub.domain.phone import Phone
from hub.rules.dry_run import dry_run
from hub.rules.store import publish
from hub.rules.turns import keep_turns, queues_for, queues_of
from mapping.model import PolicyRule, Rules, TaskRules, Who
from mapping.schema import read_rules
from mapping.turns import Queue, Turn, after, next_in_turn
from tests.delivery.story import answers, ends, leaves, rings
from tests.delivery.world import START, World, make_world

DOCUMENT: dict[str, Any] = {
    "version": 1,
    "policy": [
        {
            "name": "in turn", "situation": ["inbound_answered"], "person": ["unknown"], "outcome": "lead",
            "responsible": ["round_robin"], "users": ["7", "8", "9"],
        },
        {
            "name": "others in turn", "situation": ["inbound_missed"], "person": ["unknown"], "outcome": "lead",
            "responsible": ["round_robin"], "users": ["7", "8", "9"],
        },
    ],
}  # fmt: skip
RULES = read_rules(DOCUMENT)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def test_turns_go_round_and_a_newcomer_comes_next() -> None:
    queue = Queue()
    had = []
    for _ in range(5):
        user = next_in_turn(("7", "8", "9"), queue)
        assert user is not None
        had.append(user)
        queue = after(queue, user)
    assert had == ["7", "8", "9", "7", "8"]
    assert next_in_turn(("7", "8", "9", "10"), queue) == "10"
    assert next_in_turn(("7", "8"), queue) == "7"
    assert next_in_turn((), queue) is None
    assert next_in_turn(("7", "8", "9"), Queue(("9", "7", "8"), taken="8")) == "8"
    assert next_in_turn(("7", "9"), Queue(("9", "7", "8"), taken="8")) == "9"


def test_a_document_has_a_queue_for_each_rule_that_goes_by_turns() -> None:
    assert queues_of(RULES) == ["rule:in turn", "rule:others in turn"]
    assert queues_of(Rules((), tasks=TaskRules(who=(Who.ON_DUTY,)))) == ["tasks"]
    assert queues_of(Rules((PolicyRule("a", RULES.policy[0].outcome),))) == []


def test_every_worker_finds_the_turns_that_others_have_used_up(world: World) -> None:
    """Each transaction stands for a process of its own, days apart: nothing is remembered but by the database."""
    for number in range(6):
        with world.database.transaction() as session:
            queue = queues_for(session, world.crm_id, RULES, f"call-{number}")["rule:in turn"]
            user = next_in_turn(("7", "8", "9"), queue)
            assert user is not None
            keep_turns(session, world.crm_id, f"call-{number}", [Turn("rule:in turn", user)], START)
            keep_turns(session, world.crm_id, f"call-{number}", [Turn("rule:in turn", user)], START)
    with world.database.reading() as session:
        rows = session.scalars(select(RulesTurn).order_by(RulesTurn.id)).all()
        assert [row.user_id for row in rows] == ["7", "8", "9", "7", "8", "9"]
        assert queues_for(session, world.crm_id, RULES, "call-4") == {
            "rule:in turn": Queue(("7", "8", "9"), "8"),
            "rule:others in turn": Queue(),
        }


def heard(world: World, call: str, *, talked: bool) -> None:
    client = {"client": Phone(f"7900123456{call}", f"+7900123456{call}")}
    if talked:
        events = (rings("101", 1, call, **client), answers("101", 5, call, **client))
        world.receive((*events, leaves("101", 65, call, **client)))
        world.receive((ends(65, call, answered_at=5, extension="101", **client),))
    else:
        world.receive((rings("101", 1, call, **client), leaves("101", 20, call, **client)))
        world.receive((ends(20, call, answered_at=None, extension=None, **client),))


def test_the_dry_run_foretells_whose_turn_it_will_be_and_then_is(world: World) -> None:
    for call in "123456":
        heard(world, call, talked=call in "1245")
    drain_inbox(world.runtime, lambda *_: None)
    with world.database.reading() as session:
        link = session.get_one(Connection, world.crm_id)
        run = dry_run(session, world.runtime.registry, link, RULES)
        assert session.scalars(select(RulesTurn)).all() == []
    told = {one.client_e164: _responsible(one.draft.effects) for one in run.tried}
    talked = [told[f"+7900123456{call}"] for call in "1245"]
    missed = [told[f"+7900123456{call}"] for call in "36"]
    assert (talked, missed) == (["7", "8", "9", "7"], ["7", "8"])
    whys = [why.fact for one in run.tried for why in one.draft.why if why.field == "responsible"]
    assert all("next in turn: " in fact for fact in whys)
    with world.database.transaction() as session:
        publish(session, session.get_one(Connection, world.crm_id), DOCUMENT, by="anna", now=START)
    with world.database.transaction() as session:
        for row in session.scalars(select(CallRow).order_by(CallRow.id)).all():
            for _ in range(2):  # planned again, it is the same turn
                plan_deliveries(session, world.runtime, refold(session, world.runtime, row))
        phones = {row.uid: row.client_e164 for row in session.scalars(select(CallRow))}
        turns = session.scalars(select(RulesTurn).where(RulesTurn.queue != "tasks")).all()
        assert {phones[turn.subject]: turn.user_id for turn in turns} == told
    assert len(told) == 6


def _responsible(effects: Any) -> str:
    return next(str(effect.parts["responsible"]) for effect in effects if effect.what == "lead")
