"""Our place on the portal's call card: who calls, where from, what was before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.db.directory import DirectoryUser
from hub.db.engine import Database
from hub.db.routing import PhoneOwner
from hub.db.tables import CallRow
from hub.db.work import DeliveryRow
from hub.delivery.upkeep import keep_up_connections, keep_up_soon
from hub.runtime import utc_now
from simulators.bitrix24 import Bitrix24Simulator
from tests.bitrix24.house import House, house_for, open_house

CLIENT = "+79006660101"


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


def options(**more: str) -> dict[str, Any]:
    usual = {"CALL_ID": "externalCall.1", "PHONE_NUMBER": "79006660101", "CRM_ENTITY_TYPE": "", "CRM_ENTITY_ID": "0"}
    return {**usual, "CRM_ACTIVITY_ID": "undefined", **more}


def opened(house: House, b24: Bitrix24Simulator, user_id: int | None = None, **more: str) -> tuple[int | None, str]:
    with open_house(house) as address:
        status, body = b24.open_app(f"{address}/bitrix24/card", user_id, "CALL_CARD", options(**more))
    return status, body.decode()


def add_call(house: House, *, minutes_ago: float, closing: str = "open", **more: Any) -> int:
    connection = house.connection()
    at = utc_now() - timedelta(minutes=minutes_ago)
    usual = {"outcome": "in_progress", "wait_seconds": 0, "talk_seconds": 0, "facts": {}, "call_key": str(minutes_ago)}
    with house.database.transaction() as session:
        row = CallRow(
            uid=f"call-{minutes_ago}",
            workspace_id=connection.workspace_id,
            connection_id=connection.id,
            client_e164=CLIENT,
            line="+74950000001",
            direction="inbound",
            closing=closing,
            started_at=at,
            first_at=at,
            last_at=at,
            last_received_at=at,
            **{**usual, **more},
        )
        session.add(row)
        session.flush()
        return row.id


def register(house: House, call_id: int, portal_call_id: str) -> None:
    connection, now = house.connection(), utc_now()
    with house.database.transaction() as session:
        session.add(
            DeliveryRow(
                workspace_id=connection.workspace_id,
                connection_id=connection.id,
                call_id=call_id,
                step_key="register",
                intent_kind="log_call",
                intent={},
                why=[],
                lane="calls",
                rank=10,
                needs=[],
                repeatable=False,
                state="done",
                due_at=now,
                expires_at=now,
                created_at=now,
                result={"call_id": portal_call_id},
            )
        )


def own(house: House, kind: str, party_id: str, place: int, name: str) -> None:
    connection, now = house.connection(), utc_now()
    with house.database.transaction() as session:
        session.merge(
            DirectoryUser(connection_id=connection.id, user_id="7", name="Анна", active=True, refreshed_at=now)
        )
        session.add(
            PhoneOwner(
                workspace_id=connection.workspace_id,
                connection_id=connection.id,
                e164=CLIENT,
                kind=kind,
                party_id=party_id,
                place=place,
                name=name,
                owner_user_id="7",
                seen_at=now,
            )
        )


def test_the_installation_binds_the_place_once_and_upkeep_moves_it(house: House, b24: Bitrix24Simulator) -> None:
    (bound,) = [one for one in b24.portal.placements if one["placement"] == "CALL_CARD"]
    assert bound["handler"].endswith("/bitrix24/card")
    with b24.portal.lock:
        bound["handler"] = "https://former.example/bitrix24/card"
    for _ in range(2):
        with house.database.transaction() as session:
            keep_up_soon(session, house.connection().id)
        assert keep_up_connections(house.runtime) == 1
    handlers = [one["handler"] for one in b24.portal.placements]
    assert handlers == ["http://127.0.0.1:9/bitrix24/card"]
    assert b24.ledger.offences() == []


def test_a_portal_that_gives_no_place_is_kept_up_all_the_same(house: House, b24: Bitrix24Simulator) -> None:
    with b24.portal.lock:
        for grant in b24.portal.grants:
            grant.scope = tuple(one for one in grant.scope if one != "placement")
    with house.database.transaction() as session:
        keep_up_soon(session, house.connection().id)
    assert keep_up_connections(house.runtime) == 1
    assert house.connection().state == "active"


def test_the_card_tells_source_keyword_and_earlier_calls(house: House, b24: Bitrix24Simulator) -> None:
    add_call(house, minutes_ago=9000, closing="stated", outcome="missed", source="google")
    add_call(house, minutes_ago=1, source="yandex", medium="cpc", campaign="doors_msk")
    status, body = opened(house, b24)
    assert status == 200
    for words in ("+7 900 666-01-01", "yandex / cpc", "doors_msk", "всего 1", "google"):
        assert words in body


def test_the_call_is_the_one_with_the_portals_own_id(house: House, b24: Bitrix24Simulator) -> None:
    one = add_call(house, minutes_ago=2, source="yandex")
    add_call(house, minutes_ago=1, source="google")
    register(house, one, "externalCall.1")
    assert "yandex" in opened(house, b24)[1].split('id="earlier"')[0]
    assert "google" in opened(house, b24, CALL_ID="externalCall.2")[1].split('id="earlier"')[0]


def test_several_parties_are_ranked_and_the_cards_own_one_stands_first(house: House, b24: Bitrix24Simulator) -> None:
    own(house, "LEAD", "12", 2, "Лид Ольги")
    own(house, "CONTACT", "871", 0, "Ольга Н.")
    own(house, "COMPANY", "5", 1, "Акме")
    body = opened(house, b24)[1]
    assert [body.index(name) for name in ("Ольга Н.", "Акме", "Лид Ольги")] == sorted(
        body.index(name) for name in ("Ольга Н.", "Акме", "Лид Ольги")
    )
    assert f"{b24.base_url}/crm/contact/details/871/" in body
    assert "ответственный: Анна" in body
    chosen = opened(house, b24, CRM_ENTITY_TYPE="LEAD", CRM_ENTITY_ID="12")[1]
    assert chosen.index("Лид Ольги") < chosen.index("Ольга Н.")


def questions(b24: Bitrix24Simulator) -> int:
    return sum(len(b24.ledger.requests(side=side)) for side in ("rest", "auth"))


def test_the_second_card_asks_nobody_outside(house: House, b24: Bitrix24Simulator) -> None:
    claim = {"member_id": b24.member_id, "AUTH_ID": b24.access_token, "SERVER_ENDPOINT": b24.server_endpoint}
    form = {**claim, "PLACEMENT": "CALL_CARD", "PLACEMENT_OPTIONS": '{"PHONE_NUMBER": "79006660101"}'}
    client = house.app.test_client()
    asked = []
    for _ in range(3):
        before = questions(b24)
        answer = client.post(f"/bitrix24/card?DOMAIN={b24.domain}&LANG=en", data=form)
        assert answer.status_code == 200
        assert f"frame-ancestors {b24.base_url}" in answer.headers["Content-Security-Policy"]
        asked.append(questions(b24) - before)
        assert "<script" not in answer.text
    assert asked == [1, 0, 0]


def test_a_stranger_and_a_removed_application_see_nothing(house: House, b24: Bitrix24Simulator) -> None:
    client = house.app.test_client()
    forged = {"member_id": b24.member_id, "AUTH_ID": "made up", "SERVER_ENDPOINT": b24.server_endpoint}
    assert client.post(f"/bitrix24/card?DOMAIN={b24.domain}", data=forged).status_code == 403
    assert client.post("/bitrix24/card", data={}).status_code == 400
    assert client.get("/bitrix24/card").status_code == 200
    with open_house(house) as address:
        assert b24.uninstall(f"{address}/bitrix24/events") == 200
    genuine = {**forged, "AUTH_ID": b24.access_token}
    assert client.post(f"/bitrix24/card?DOMAIN={b24.domain}", data=genuine).status_code == 403


def test_options_that_say_nothing_show_an_empty_card(house: House, b24: Bitrix24Simulator) -> None:
    claim = {"member_id": b24.member_id, "AUTH_ID": b24.access_token, "SERVER_ENDPOINT": b24.server_endpoint}
    for garbage in ("", "no json", "[]", '{"PHONE_NUMBER": 5}', '{"PHONE_NUMBER": "sip:x@y"}', "null"):
        form = {**claim, "PLACEMENT_OPTIONS": garbage}
        answer = house.app.test_client().post(f"/bitrix24/card?DOMAIN={b24.domain}&LANG=en", data=form)
        assert answer.status_code == 200, garbage
        assert "has not heard of this call" in answer.text
