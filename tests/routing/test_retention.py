"""Old decisions and commands go, young ones stay."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from hub.db.routing import CommandRow, RouteDecision
from hub.routing.retention import KEPT_FOR, sweep_decisions
from tests.routing.conftest import Scene


def test_what_is_older_than_a_season_goes(scene: Scene) -> None:
    now = scene.world.runtime.now()
    old, place = now - KEPT_FOR - timedelta(days=1), {"workspace_id": scene.world.workspace_id}
    with scene.world.database.transaction() as session:
        for number, moment in enumerate((old, now)):
            session.add(RouteDecision(**place, at=moment, asked_by="pbx", reason="default", steps=[]))
            session.add(
                CommandRow(
                    **place, uid=f"dz-{number}", connection_id=scene.world.pbx_id, kind="route", order={},
                    state="sent", due_at=moment, expires_at=moment, created_at=moment,
                )
            )  # fmt: skip
    assert sweep_decisions(scene.world.runtime) == 2
    with scene.world.database.reading() as session:
        assert [row.at for row in session.scalars(select(RouteDecision))] == [now]
        assert [row.uid for row in session.scalars(select(CommandRow))] == ["dz-1"]
