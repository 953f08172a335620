"""What is learned after the answer changes the answer, and the CRM by the same path."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.registry import REGISTRY
from hub.calls.again import ask_again
from hub.calls.record import CallChange, refold
from hub.db.tables import CallRow, Connection
from hub.db.tracking import AttributionRow, SiteRow
from hub.db.work import DeliveryRow, DeliveryState
from hub.delivery.outbox import plan_deliveries
from tests.tracking_live.conftest import POOL, Hub
from tests.tracking_live.ringing import Ring, runtime_of


@pytest.fixture(params=["bitrix24", "amocrm"])
def crm(request: pytest.FixtureRequest, hub: Hub) -> str:
    """A CRM that calls of this workspace are written to."""
    with hub.database.transaction() as session:
        workspace_id = session.scalars(select(SiteRow.workspace_id)).one()
        session.add(
            Connection(
                workspace_id=workspace_id, name="crm", vendor=request.param, settings={}, secrets={},
                created_at=hub.clock(),
            )
        )  # fmt: skip
    vendor: str = request.param
    return vendor


class World:
    """Calls planned for the CRM as workers would; nothing is sent."""

    def __init__(self, hub: Hub, settings: Any) -> None:
        self.hub = hub
        self.runtime = replace(
            runtime_of(hub, settings), registry=REGISTRY, wake=lambda *_: None, want_recordings=lambda: None
        )

    def plan(self, session: Session, change: CallChange) -> None:
        plan_deliveries(session, self.runtime, change)

    def planned(self, change: CallChange) -> None:
        with self.hub.database.transaction() as session:
            self.plan(session, refold(session, self.runtime, session.get_one(CallRow, change.row.id)))

    def written(self, kind: str) -> list[DeliveryRow]:
        with self.hub.database.reading() as session:
            query = select(DeliveryRow).where(DeliveryRow.intent_kind == kind).order_by(DeliveryRow.id)
            return list(session.scalars(query))

    def all_sent(self) -> None:
        with self.hub.database.transaction() as session:
            for row in session.scalars(select(DeliveryRow)):
                row.state = DeliveryState.DONE


@pytest.fixture
def world(hub: Hub, settings: Any, crm: str) -> World:
    return World(hub, settings)


def late_journal(hub: Hub) -> Any:
    """Take away what the tracker said, to bring it later."""
    journal = f"dz:t:{{{hub.site_id}}}:journal"
    late: Any = hub.client.xrange(journal)
    hub.client.delete(journal)
    return lambda: [hub.client.xadd(journal, fields) for _, fields in late]


def test_an_unknown_call_is_written_as_unknown_and_patched_when_its_visit_becomes_known(
    hub: Hub, ring: Ring, world: World
) -> None:
    visitor = hub.arrive()
    bring = late_journal(hub)
    hub.clock.pass_time(seconds=10)
    change = ring(visitor["number"], over=True)
    world.planned(change)
    assert world.written("set_source") == []
    (note,) = world.written("add_note")
    assert "неизвестен" in note.intent["text"]
    world.all_sent()
    bring()
    hub.write()
    assert ask_again(world.runtime, world.plan) == 1
    (source,) = {row.intent["call"]["source"]["campaign"] for row in world.written("set_source")}
    assert source == "spring"
    assert len(world.written("log_call")) == len({row.step_key for row in world.written("log_call")})


def test_a_better_answer_that_comes_late_is_written_over_the_first_one(hub: Hub, ring: Ring, world: World) -> None:
    hub.pool(POOL[0])
    first = hub.arrive("http://shop.example/?utm_source=vk&utm_medium=cpc")
    hub.write()
    hub.leave(first["visit"])
    hub.clock.pass_time(minutes=12)
    hub.write()
    hub.arrive()
    bring = late_journal(hub)
    hub.clock.pass_time(seconds=20)
    world.planned(ring(POOL[0], over=True))
    assert {row.intent["call"]["source"]["source"] for row in world.written("set_source")} == {"vk"}
    world.all_sent()
    bring()
    hub.write()
    ask_again(world.runtime, world.plan)
    latest = world.written("set_source")[-1]
    assert (latest.generation, latest.intent["call"]["source"]["source"]) == (1, "yandex")


def test_a_late_form_answers_a_call_that_was_unknown(hub: Hub, ring: Ring, world: World) -> None:
    visitor = hub.arrive()
    hub.write()
    around: Any = type("Around", (), {"address": "10.0.0.1", "user_agent": "", "origin": ""})()
    said = {"v": visitor["visit"], "form": "order", "fields": {"phone": "8 900 123 45 67"}}
    hub.visitors.report(hub.site, said, around)
    bring = late_journal(hub)
    hub.clock.pass_time(minutes=5)
    world.planned(ring("+74950000000", over=True))
    assert world.written("set_source") == []
    bring()
    hub.write()
    with hub.database.reading() as session:
        assert session.scalars(select(AttributionRow)).one().stale
    ask_again(world.runtime, world.plan)
    assert {row.intent["call"]["source"]["source"] for row in world.written("set_source")} == {"yandex"}
