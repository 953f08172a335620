"""A vendor that repeats what it was told in confidence: its words are kept, shown and logged without that."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.engine import Database
from hub.db.tables import Connection
from hub.db.work import DeliveryAttempt
from hub.delivery.doors import open_door
from hub.domain.access import TokenPair
from hub.domain.errors import OutcomeUnknown, Rejected, Throttled
from hub.domain.intents import Lane
from hub.net.tokens import store_pair
from tests.delivery.story import rings
from tests.delivery.world import World, make_world

HOOK = "https://acme.example/rest/7/q8w7e6r5t4/"
ACCESS, REFRESH = "3f9c1d2ab7", "b7a1f00dfe"


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    made = make_world(database, tmp_path)
    with database.transaction() as session:
        session.get_one(Connection, made.crm_id).secrets = {"webhook_url": HOOK, "pin": "12", "api_key": "k-5520-zz"}
        store_pair(session, made.crm_id, TokenPair(ACCESS, REFRESH, None))
    return made


@pytest.mark.parametrize(
    "words",
    [
        "no such field in k-5520-zz",
        f"POST {HOOK}crm.lead.add failed",
        "denied for rest/7/q8w7e6r5t4",
        "refused (refresh_token=0123abcdef)",
    ],
)
def test_secret_in_a_vendors_words_reaches_neither_row_nor_log(
    world: World, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    world.crm.before = [Rejected(words)]
    world.receive((rings("101", 1),))
    world.drain()
    world.deliver(rounds=1)
    row = world.rows()["register"]
    with world.database.reading() as session:
        attempt = session.scalars(select(DeliveryAttempt)).one()
    for kept in (row.last_error, attempt.words, capsys.readouterr().out):
        assert "***" in kept
        for secret in ("k-5520-zz", "q8w7e6r5t4", "0123abcdef"):
            assert secret not in kept


def test_token_that_a_connector_used_is_not_repeated(world: World) -> None:
    with (
        pytest.raises(Throttled) as raised,
        open_door(world.runtime, world.crm_id, Lane.CALLS) as door,
    ):
        raise Throttled(f"{door.tokens.current().value} asked too often", scope="connection")
    assert str(raised.value) == "*** asked too often"


def test_words_that_hold_no_secret_stay_as_the_vendor_said_them(world: World) -> None:
    said = "Field UF_CRM_12 of +79001234567 is not known (ERROR_CORE)"  # a short secret, 12, is no reason to mask
    with pytest.raises(OutcomeUnknown) as raised, open_door(world.runtime, world.crm_id, Lane.CALLS):
        raise OutcomeUnknown(said)
    assert str(raised.value) == said


def test_health_of_the_connection_repeats_no_secret(world: World) -> None:
    world.crm.before = [OutcomeUnknown(f"reset by k-5520-zz at {HOOK}")]
    world.receive((rings("101", 1),))
    world.drain()
    world.deliver(rounds=1)
    with world.database.reading() as session:
        assert session.get_one(Connection, world.crm_id).last_error == "reset by *** at ***"
