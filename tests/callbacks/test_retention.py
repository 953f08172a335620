"""What was asked, programs' keys and requests that are over go in their time; what still counts stays."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from hub.callbacks.retention import ASKS_KEPT_FOR, KEYS_KEPT_FOR, REQUESTS_KEPT_FOR, sweep_requests
from hub.callbacks.rules import Limit, Rules
from hub.db.callbacks import CallbackAsk, CallbackRow, CallbackStep, IdempotencyKey
from hub.db.engine import database_now
from hub.db.tables import ApiKey
from tests.callbacks.world import World

_DAY = timedelta(days=1)


def now_of(world: World) -> datetime:
    with world.database.reading() as session:
        return database_now(session)


def add_request(world: World, e164: str, closed_at: datetime | None, created_at: datetime) -> int:
    with world.database.transaction() as session:
        row = CallbackRow(
            uid=e164, workspace_id=world.workspace_id, asked_by="site", e164=e164, zone="UTC", due_at=created_at,
            state="failed" if closed_at else "scheduled", closed_at=closed_at, created_at=created_at,
        )  # fmt: skip
        session.add(row)
        session.flush()
        session.add(CallbackStep(callback_id=row.id, at=created_at, state=row.state, words="taken"))
        return row.id


def add_asks(world: World, *moments: datetime) -> None:
    with world.database.transaction() as session:
        for at in moments:
            session.add(CallbackAsk(workspace_id=world.workspace_id, at=at, e164="+79001234567", outcome="accepted"))


def test_each_kind_goes_in_its_own_time_and_a_request_takes_its_story_along(world: World) -> None:
    now = now_of(world)
    long_ago = now - REQUESTS_KEPT_FOR - _DAY
    add_request(world, "+79001230001", long_ago, long_ago)
    young = add_request(world, "+79001230002", now - REQUESTS_KEPT_FOR + _DAY, long_ago)
    still_open = add_request(world, "+79001230003", None, long_ago)
    add_asks(world, now - ASKS_KEPT_FOR - _DAY, now - ASKS_KEPT_FOR + _DAY)
    with world.database.transaction() as session:
        key = ApiKey(
            workspace_id=world.workspace_id, name="shop", key_hash="0" * 64, prefix="dz_", scopes=[], created_at=now
        )
        session.add(key)
        session.flush()
        for name, at in (("old", now - KEYS_KEPT_FOR - _DAY), ("new", now - KEYS_KEPT_FOR + _DAY)):
            session.add(IdempotencyKey(api_key_id=key.id, key=name, digest="d", callback_id=young, created_at=at))
    assert sweep_requests(world.runtime) == {"asks": 1, "keys": 1, "requests": 1}
    with world.database.reading() as session:
        assert session.scalars(select(CallbackRow.id).order_by(CallbackRow.id)).all() == [young, still_open]
        assert set(session.scalars(select(CallbackStep.callback_id))) == {young, still_open}
        assert session.scalars(select(IdempotencyKey.key)).all() == ["new"]
        assert session.scalar(select(func.count()).select_from(CallbackAsk)) == 1


def test_asks_stay_as_long_as_the_longest_limit_counts_them(world: World) -> None:
    world.set_rules(Rules(limits=(Limit("number", 2, 200 * 86_400),)))
    now = now_of(world)
    add_asks(world, now - timedelta(days=201), now - timedelta(days=199))
    assert sweep_requests(world.runtime)["asks"] == 1
