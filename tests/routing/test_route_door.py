"""`/route/<token>`: text for dialplans, JSON for scenarios, and an answer whatever is broken behind it."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from hub.db.routing import Absence, Block, LookUpWish, RouteDecision, RoutingGroup
from hub.db.tables import ApiKey, Connection, EmployeeRow, Provisioned
from hub.domain.phone import Phone
from hub.routing.desk import RouteDesk, wish_what_is_missing
from hub.routing.log import DecisionLog
from hub.routing.sync import sync_owners
from hub.web.route import RouteDoor
from tests.delivery.world import START
from tests.routing.conftest import CLIENT, OLGA, Scene

TOKEN = "hook-token-of-the-pbx-0000"
KEY = "dz_0123456789abcdef0123456789abcdef"
NOBODY = {"extension": None, "reason": "default"}


@dataclass
class Desk:
    scene: Scene
    door: RouteDoor
    decisions: DecisionLog

    def ask(self, query: str = f"caller={CLIENT.raw}", token: str = TOKEN, **more: Any) -> tuple[str, str]:
        """(status, body)."""
        said: list[str] = []
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/route/{token}",
            "QUERY_STRING": query,
            "wsgi.input": io.BytesIO(b""),
            **more,
        }
        body = self.door(environ, lambda status, headers, *_: said.append(status))  # type: ignore[arg-type]
        return said[0], b"".join(body).decode()

    def json(self, *arguments: str, **more: Any) -> Any:
        status, body = self.ask(*arguments, **more)
        assert status == "200 OK"
        return json.loads(body)

    def logged(self) -> list[RouteDecision]:
        self.decisions.flush()
        with self.scene.world.database.reading() as session:
            return list(session.scalars(select(RouteDecision).order_by(RouteDecision.id)))

    def add(self, *rows: object) -> None:
        with self.scene.world.database.transaction() as session:
            session.add_all(rows)


@pytest.fixture
def desk(scene: Scene) -> Desk:
    world = scene.world
    scene.owners.pages = [[OLGA]]
    sync_owners(world.runtime)
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in (TOKEN, KEY)]
    with world.database.transaction() as session:
        session.get_one(Connection, world.pbx_id).hook_token_hash = digests[0]
        session.add(
            ApiKey(
                workspace_id=world.workspace_id,
                name="site",
                key_hash=digests[1],
                prefix=KEY[:7],
                scopes=["routing:read"],
                created_at=START,
            )
        )
    decisions = DecisionLog(world.database, wish_what_is_missing)
    return Desk(scene, RouteDoor(world.database, RouteDesk(world.runtime, decisions)), decisions)


def test_the_owner_is_named_with_all_that_a_scenario_needs(desk: Desk) -> None:
    assert desk.json() == {
        "extension": "101",
        "user": "Anna",
        "reason": "owner",
        "vip": False,
        "party": {"kind": "contact", "id": "871", "name": "Olga"},
        "ttl": 30,
    }


@pytest.mark.parametrize("spelling", ["79001234567", "89001234567", "%2B7%20900%20123-45-67", "+79001234567"])
def test_every_spelling_of_the_number_is_the_same_caller(desk: Desk, spelling: str) -> None:
    assert desk.json(f"caller={spelling}")["extension"] == "101"


def test_a_dialplan_gets_the_bare_extension_and_nothing_for_a_stranger(desk: Desk) -> None:
    assert desk.ask(HTTP_ACCEPT="text/plain") == ("200 OK", "101")
    assert desk.ask(f"caller={CLIENT.raw}&format=text") == ("200 OK", "101")
    assert desk.ask("caller=79005550000", HTTP_ACCEPT="text/plain") == ("200 OK", "")


@pytest.mark.parametrize("query", ["", "caller=", "caller=anonymous", "caller=sip:x@y", "caller=%00%ff", "caller=12"])
def test_whoever_cannot_be_known_is_left_to_the_pbx(desk: Desk, query: str) -> None:
    assert desk.json(query) == NOBODY


def test_a_post_may_ask_by_form_or_by_json(desk: Desk) -> None:
    for kind, body in (
        ("application/x-www-form-urlencoded", b"caller=79001234567"),
        ("application/json", b'{"caller": "79001234567", "call_id": 7}'),
    ):
        answer = desk.json(
            "",
            REQUEST_METHOD="POST",
            CONTENT_TYPE=kind,
            CONTENT_LENGTH=str(len(body)),
            **{"wsgi.input": io.BytesIO(body)},
        )
        assert answer["extension"] == "101"


def test_a_body_that_is_no_json_costs_no_call(desk: Desk) -> None:
    more = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "5", "wsgi.input": io.BytesIO(b"[1,2{")}
    assert desk.json("", REQUEST_METHOD="POST", **more) == NOBODY


def test_a_key_with_the_scope_may_ask_in_the_address_or_in_the_header(desk: Desk) -> None:
    assert desk.json(token=KEY)["extension"] == "101"
    assert desk.json(token="", HTTP_AUTHORIZATION=f"Bearer {KEY}")["extension"] == "101"


def test_a_key_without_the_scope_is_refused_and_an_unknown_token_unknown(desk: Desk) -> None:
    with desk.scene.world.database.transaction() as session:
        session.scalars(select(ApiKey)).one().scopes = ["calls:read"]
    status, body = desk.ask(token=KEY)
    assert status == "403 Forbidden"
    assert json.loads(body)["extension"] is None
    assert desk.ask(token="A" * 24, HTTP_ACCEPT="text/plain") == ("404 Not Found", "")


def test_the_black_list_gets_nobody_and_is_called_so(desk: Desk) -> None:
    workspace_id = desk.scene.world.workspace_id
    desk.add(Block(workspace_id=workspace_id, kind="number", value=CLIENT.e164, made_by="a@b", made_at=START))
    assert desk.json()["reason"] == "blocked"
    assert desk.json()["extension"] is None


def test_the_vip_list_wins_over_the_owner(desk: Desk) -> None:
    workspace_id = desk.scene.world.workspace_id
    desk.add(Provisioned(workspace_id=workspace_id, section="vip", key=CLIENT.e164, document={"extension": "102"}))
    answer = desk.json()
    assert (answer["extension"], answer["user"], answer["reason"], answer["vip"]) == ("102", "Boris", "vip", True)


def test_a_group_takes_strangers_and_the_callers_of_who_is_absent(desk: Desk) -> None:
    world = desk.scene.world
    desk.add(RoutingGroup(workspace_id=world.workspace_id, name="Sales", extensions={"*": "300"}, hours={}, weight=1))
    with world.database.transaction() as session:
        anna = session.scalars(select(EmployeeRow.id).where(EmployeeRow.name == "Anna")).one()
        now = world.runtime.now()
        session.add(Absence(employee_id=anna, since=START, until=now.replace(year=now.year + 1)))
    answer = desk.json()
    assert (answer["extension"], answer["user"], answer["reason"]) == ("300", "Sales", "group")
    assert answer["party"]["id"] == "871"


def test_each_answer_is_logged_with_its_reasons_and_the_pbxs_own_id_of_the_call(desk: Desk) -> None:
    desk.json(f"caller={CLIENT.raw}&line=74950000001&call_id=abc-1")
    (row,) = desk.logged()
    assert (row.extension, row.reason, row.call_key, row.asked_by) == ("101", "owner", "abc-1", "pbx")
    assert any("Anna" in step["fact"] for step in row.steps)


def test_a_stranger_is_looked_up_for_the_next_time(desk: Desk) -> None:
    desk.json("caller=79005550000")
    desk.logged()
    with desk.scene.world.database.reading() as session:
        assert [wish.e164 for wish in session.scalars(select(LookUpWish))] == ["+79005550000"]


def test_who_can_wait_gets_a_live_look_up(desk: Desk) -> None:
    stranger = "+79005550000"
    desk.scene.owners.by_phone[stranger] = [replace(OLGA, phone=Phone("", stranger), id="9", owner_user_id="8")]
    assert desk.json("caller=79005550000") == NOBODY
    assert desk.json("caller=79005550000&wait=2000")["extension"] == "102"
    assert desk.json("caller=79005550000")["extension"] == "102"


def test_a_crm_that_is_away_costs_the_answer_nothing(desk: Desk) -> None:
    from hub.domain.errors import Unreachable

    desk.scene.owners.trouble = [Unreachable("away")]
    assert desk.json("caller=79005550000&wait=2000") == NOBODY


def test_a_database_that_fails_leaves_the_call_to_the_pbx_with_an_ordinary_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.json()["extension"] == "101"

    def broken() -> Any:
        raise OperationalError("select", {}, Exception("gone"))

    monkeypatch.setattr(desk.scene.world.database, "reading", broken)
    assert desk.json() == NOBODY
    assert desk.ask(token="unread-before-0123456789") == ("200 OK", json.dumps(NOBODY))


def test_decisions_that_could_not_be_written_are_written_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Any:
        raise OperationalError("insert", {}, Exception("gone"))

    desk.json()
    with monkeypatch.context() as patch:
        patch.setattr(desk.scene.world.database, "transaction", broken)
        with pytest.raises(OperationalError):
            desk.decisions.flush()
    assert len(desk.logged()) == 1


def test_only_get_and_post_are_answered(desk: Desk) -> None:
    assert desk.ask(REQUEST_METHOD="DELETE")[0] == "405 Method Not Allowed"
