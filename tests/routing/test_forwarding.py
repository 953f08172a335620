"""When PBXs are told in advance: what changed, once, and not while the person is away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from connectors.contract import Door, ForwardRule
from hub.db.routing import Absence
from hub.db.tables import EmployeeRow
from hub.domain.errors import Rejected, Unreachable
from hub.routing.forwarding import sync_forwarding
from hub.routing.vips import Vip, put_vip
from tests.routing.conftest import CLIENT, Scene


@dataclass
class FakeForwarding:
    kept: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    trouble: list[Exception] = field(default_factory=list)

    def rules(self, door: Door) -> Sequence[ForwardRule]:
        self.asked += 1
        if self.trouble:
            raise self.trouble.pop(0)
        return [ForwardRule(client, client, target, ours=True) for client, target in self.kept.items()]

    def targets(self, door: Door) -> Mapping[str, str]:
        return {"101": "user:1", "102": "user:2"}

    def add(self, door: Door, *, client: str, target: str) -> None:
        self.kept[client] = target

    def change(self, door: Door, rule: ForwardRule, *, target: str) -> None:
        self.kept[rule.client] = target

    def remove(self, door: Door, rule: ForwardRule) -> None:
        del self.kept[rule.client]


@pytest.fixture
def forwarding(scene: Scene) -> FakeForwarding:
    fake = FakeForwarding()
    pbx = replace(scene.world.runtime.registry["pbx"], forwarding=fake)
    scene.world.runtime = replace(scene.world.runtime, registry={**scene.world.runtime.registry, "pbx": pbx})
    return fake


def listed(scene: Scene, extension: str | None) -> None:
    with scene.world.database.transaction() as session:
        put_vip(session, scene.world.workspace_id, Vip(CLIENT.display, extension))


def test_the_pbx_is_told_when_the_list_changes_and_asked_no_more(scene: Scene, forwarding: FakeForwarding) -> None:
    sync_forwarding(scene.world.runtime)
    assert forwarding.asked == 0
    listed(scene, "101")
    for _ in range(3):
        sync_forwarding(scene.world.runtime)
    assert (forwarding.kept, forwarding.asked) == ({CLIENT.e164: "user:1"}, 1)
    listed(scene, None)
    sync_forwarding(scene.world.runtime)
    assert forwarding.kept == {}


def test_who_is_away_has_no_rule_until_they_are_back(scene: Scene, forwarding: FakeForwarding) -> None:
    listed(scene, "101")
    sync_forwarding(scene.world.runtime)
    now: datetime = scene.world.runtime.now()
    with scene.world.database.transaction() as session:
        anna = session.scalars(select(EmployeeRow.id).where(EmployeeRow.name == "Anna")).one()
        session.add(Absence(employee_id=anna, since=now - timedelta(hours=1), until=now + timedelta(hours=1)))
    sync_forwarding(scene.world.runtime)
    assert forwarding.kept == {}
    scene.world.clock.append(now + timedelta(hours=2))
    sync_forwarding(scene.world.runtime)
    assert forwarding.kept == {CLIENT.e164: "user:1"}


def test_a_pbx_that_is_away_is_told_later_and_one_that_cannot_only_daily(
    scene: Scene, forwarding: FakeForwarding
) -> None:
    listed(scene, "101")
    forwarding.trouble = [Unreachable("away")]
    sync_forwarding(scene.world.runtime)
    sync_forwarding(scene.world.runtime)
    assert forwarding.kept == {CLIENT.e164: "user:1"}
    listed(scene, "102")
    forwarding.trouble = [Rejected("5225")]
    for _ in range(3):
        sync_forwarding(scene.world.runtime)
    assert forwarding.asked == 3
    scene.world.clock.append(scene.world.runtime.now() + timedelta(days=2))
    sync_forwarding(scene.world.runtime)
    assert forwarding.kept == {CLIENT.e164: "user:2"}
