"""The portal's dictionaries and lines: read whole, kept, and changes told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from hub.db.dials import ReferenceRow
from hub.db.engine import Database
from hub.db.statements import NoticeRow
from hub.db.tables import LineSource
from hub.delivery.directory import read_again_soon, refresh_directories
from hub.delivery.reference import refresh_reference, refresh_references
from hub.delivery.upkeep import keep_up_connections, keep_up_soon
from simulators.bitrix24 import Bitrix24Simulator
from tests.bitrix24.house import House, handlers, house_for, open_house


@pytest.fixture
def b24() -> Iterator[Bitrix24Simulator]:
    with Bitrix24Simulator() as running:
        running.settings.slow_handler_seconds = 20
        yield running


@pytest.fixture
def house(database: Database, tmp_path: Path, b24: Bitrix24Simulator, redis_url: str) -> House:
    made = house_for(database, tmp_path / "home", b24, redis_url, public_url="http://127.0.0.1:9")
    with open_house(made) as address:
        assert b24.open_app(f"{address}/bitrix24/install")[0] == 200
    return made


def entries(house: House, kind: str) -> dict[str, bool]:
    with house.database.reading() as session:
        return {row.item_id: row.active for row in session.query(ReferenceRow).filter_by(kind=kind)}


def notices(house: House) -> list[str]:
    with house.database.reading() as session:
        return [row.words for row in session.query(NoticeRow).filter(NoticeRow.ended_at.is_(None))]


def test_dictionaries_are_read_at_once_and_then_daily(house: House, b24: Bitrix24Simulator) -> None:
    assert refresh_references(house.runtime) == 1
    assert refresh_references(house.runtime) == 0
    assert entries(house, "source")["CALL"]
    assert entries(house, "deal_stage")["WON"]
    assert entries(house, "pipeline") == {"0": True}
    assert entries(house, "department") == {"1": True}
    assert entries(house, "crm_mode") == {"1": True}
    assert b24.ledger.offences() == []


def rested(redis_url: str) -> None:
    """As if time had passed since the last requests: the budget of the portal is full again."""
    redis.Redis.from_url(redis_url).flushall()


def test_a_deleted_source_is_told_and_not_forgotten(house: House, b24: Bitrix24Simulator, redis_url: str) -> None:
    refresh_references(house.runtime)
    with b24.portal.lock:
        b24.portal.statuses[:] = [row for row in b24.portal.statuses if row["STATUS_ID"] != "PARTNER"]
    assert refresh_reference(house.runtime, house.connection().id, "bitrix24")
    assert entries(house, "source")["PARTNER"] is False
    assert notices(house) == ["источник «Существующий клиент» (PARTNER): больше нет"]
    rested(redis_url)
    with b24.portal.lock:
        b24.portal.statuses[:] = [row for row in b24.portal.statuses if row["STATUS_ID"] != "RECOMMENDATION"]
    assert refresh_reference(house.runtime, house.connection().id, "bitrix24")
    (both,) = notices(house)
    assert "PARTNER" in both
    assert "RECOMMENDATION" in both


def test_lists_are_read_anew_on_demand_and_earlier_news_count_as_seen(
    house: House, b24: Bitrix24Simulator, redis_url: str
) -> None:
    b24.settings.limited = False  # the budget is another test's subject
    refresh_references(house.runtime)
    refresh_directories(house.runtime)
    b24.portal.users[8].active = False
    assert refresh_directories(house.runtime) == 0
    for told in (1, 0):
        rested(redis_url)
        with house.database.transaction() as session:
            read_again_soon(session, house.connection().id)
        assert (refresh_references(house.runtime), refresh_directories(house.runtime)) == (1, 1)
        assert len(notices(house)) == told


def test_dictionaries_that_cannot_be_read_change_nothing(house: House, b24: Bitrix24Simulator) -> None:
    refresh_references(house.runtime)
    before = entries(house, "source")
    b24.faults.add("error_before", "crm.status.list", times=None)
    assert not refresh_reference(house.runtime, house.connection().id, "bitrix24")
    assert entries(house, "source") == before
    assert notices(house) == []


def test_a_dismissed_employee_is_told(house: House, b24: Bitrix24Simulator) -> None:
    refresh_directories(house.runtime)
    b24.portal.users[8].active = False
    refresh_directories(house.runtime, older_than=timedelta(seconds=-1))
    assert any("102" in words for words in notices(house))


def test_lines_are_added_once_and_a_persons_own_settings_of_them_stay(house: House, b24: Bitrix24Simulator) -> None:
    workspace_id = house.connection().workspace_id
    with house.database.transaction() as session:
        session.add(LineSource(workspace_id=workspace_id, number="+74952220001", source="billboard"))
    assert keep_up_connections(house.runtime) == 1
    (line,) = b24.state()["lines"]
    assert (line["NUMBER"], line["NAME"], line["CRM_AUTO_CREATE"]) == ("74952220001", "billboard", "N")
    b24.portal.lines["74952220001"]["CRM_AUTO_CREATE"] = "Y"
    with house.database.transaction() as session:
        keep_up_soon(session, house.connection().id)
    assert keep_up_connections(house.runtime) == 1
    assert b24.state()["lines"][0]["CRM_AUTO_CREATE"] == "Y"
    assert b24.ledger.offences() == []


def test_a_line_that_is_there_in_another_spelling_is_not_added_again(house: House, b24: Bitrix24Simulator) -> None:
    b24.portal.lines["+7 495 222-00-01"] = {"ID": 9, "NUMBER": "+7 495 222-00-01", "NAME": "", "CRM_AUTO_CREATE": "Y"}
    with house.database.transaction() as session:
        number = "+74952220001"
        session.add(LineSource(workspace_id=house.connection().workspace_id, number=number, source="billboard"))
    keep_up_connections(house.runtime)
    (line,) = b24.state()["lines"]
    assert (line["NUMBER"], line["NAME"]) == ("+7 495 222-00-01", "billboard")


def test_an_event_that_lost_its_handler_is_bound_again(house: House, b24: Bitrix24Simulator) -> None:
    with b24.portal.lock:
        b24.portal.handlers.clear()
    keep_up_connections(house.runtime)
    assert set(handlers(b24).values()) == {"/bitrix24/events"}
