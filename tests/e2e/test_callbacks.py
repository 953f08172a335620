"""A visitor is called back, in real processes: request → hub → PBX → hub, judged by the PBX's ledger."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.callbacks.rules import Rules
from hub.db.callbacks import CallbackRules
from hub.db.engine import Database
from hub.domain.codec import to_document
from tests.e2e.hub import Stage, stage, until

KEY = "dz_callbacks0123456789abcdef01234567"
ORIGIN = "http://shop.example:8090"
_MORE = f"""
[hours]
mon = ["00:00-24:00"]
tue = ["00:00-24:00"]
wed = ["00:00-24:00"]
thu = ["00:00-24:00"]
fri = ["00:00-24:00"]
sat = ["00:00-24:00"]
sun = ["00:00-24:00"]

[[api_key]]
name = "site-backend"
key = "{KEY}"
scopes = ["callbacks:write"]

[[site]]
key = "shop"
name = "shop.example"
origins = ["{ORIGIN}"]
default_number = "+74950000001"
"""

Answer = tuple[int, dict[str, Any], dict[str, str]]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("callbacks"), more=_MORE) as running:
        until(lambda: extensions_known(running), what="the hub knows the PBX's extensions")
        yield running


def extensions_known(scene: Stage) -> bool:
    return any(entry.get("path") == "groups" for entry in scene.pbx.ledger.entries("query"))


def send(scene: Stage, method: str, path: str, body: object = None, **headers: str) -> Answer:
    data = json.dumps(body).encode() if body is not None else None
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        scene.hub.url + path, data, {"Content-Type": "application/json", **named}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return (
                answer.status,
                json.loads(answer.read()),
                {name.lower(): value for name, value in answer.headers.items()},
            )
    except urllib.error.HTTPError as refusal:
        text = refusal.read().decode()
        return (
            refusal.code,
            json.loads(text) if text.startswith("{") else {},
            {name.lower(): value for name, value in refusal.headers.items()},
        )


def ask(scene: Stage, phone: str, **more: Any) -> Answer:
    headers = {"Authorization": f"Bearer {KEY}", **more.pop("headers", {})}
    return send(scene, "POST", "/api/v1/callbacks", {"phone": phone, **more}, **headers)


def seen(scene: Stage, callback_id: str) -> dict[str, Any]:
    return send(scene, "GET", f"/api/v1/callbacks/{callback_id}", Authorization=f"Bearer {KEY}")[1]


def comes_to(scene: Stage, callback_id: str, status: str, within_seconds: float = 30) -> dict[str, Any]:
    def story() -> str:
        told = seen(scene, callback_id)
        return f"{status}, but: {told}\n{scene.hub.log()[-4000:]}"

    until(lambda: seen(scene, callback_id)["status"] == status, within_seconds, story)
    return seen(scene, callback_id)


def orders(scene: Stage, client: str) -> list[dict[str, Any]]:
    digits = client.removeprefix("+")
    return [one["json"] for one in scene.pbx.ledger.entries("command") if one["json"].get("to_number") == digits]


def test_a_request_rings_the_operator_then_the_visitor_and_is_done(scene: Stage) -> None:
    status, body, _ = ask(scene, "8 900 555-10-01", name="Ольга", site="shop")
    assert (status, body["status"], body["scheduled_for"]) == (202, "requested", None)
    done = comes_to(scene, body["id"], "done")
    assert [order["from"]["extension"] for order in orders(scene, "+79005551001")] == ["101"]
    call = scene.hub.get(f"/api/v1/calls/{done['call_id']}")
    assert (call["client"], call["outcome"], call["direction"]) == ("+79005551001", "answered", "outbound")
    assert [step["state"] for step in done["steps"]][-1] == "done"


def test_the_request_is_a_lead_at_once_and_the_call_joins_it(scene: Stage) -> None:
    when = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    utm = {"utm_source": "yandex", "utm_medium": "cpc"}
    phone = "+79005551020"
    _, body, _ = ask(scene, phone, name="Пётр", comment="про двери", site="shop", when=when, utm=utm)

    def leads() -> list[dict[str, Any]]:
        return [lead for lead in scene.b24.leads() if any(one["VALUE"] == phone for one in lead.get("PHONE", []))]

    until(leads, 30, "the lead is there before the call")
    until(scene.all_done, 30, "nothing under way any more")
    (lead,) = leads()
    assert (lead["NAME"], lead["UTM_SOURCE"], lead["SOURCE_ID"]) == ("Пётр", "yandex", "CALLBACK")
    assert seen(scene, body["id"])["status"] == "scheduled"
    assert orders(scene, phone) == []
    send(scene, "DELETE", f"/api/v1/callbacks/{body['id']}", Authorization=f"Bearer {KEY}")
    _, body, _ = ask(scene, phone, site="shop")
    comes_to(scene, body["id"], "done")
    until(lambda: any(call["PHONE_NUMBER"] == phone for call in scene.b24.calls()), 30, "the call is logged")
    (call,) = [call for call in scene.b24.calls() if call["PHONE_NUMBER"] == phone]
    assert (call["CALL_TYPE"], call["CRM_ENTITY_TYPE"], call["CRM_ENTITY_ID"]) == ("4", "LEAD", lead["ID"])
    assert len(leads()) == 1


def test_a_colleague_who_does_not_pick_up_is_followed_by_the_next(scene: Stage) -> None:
    scene.pbx.faults.callback_outcomes.append("operator_no_answer")
    _, body, _ = ask(scene, "+79005551002")
    comes_to(scene, body["id"], "done")
    rung = [order["from"]["extension"] for order in orders(scene, "+79005551002")]
    assert len(rung) == 2
    assert len(set(rung)) == 2


def test_a_visitor_who_does_not_pick_up_is_rung_again_by_the_plan(scene: Stage) -> None:
    scene.pbx.faults.callback_outcomes.append("client_no_answer")
    _, body, _ = ask(scene, "+79005551003")
    later = comes_to(scene, body["id"], "scheduled")
    assert later["scheduled_for"] is not None
    assert len(orders(scene, "+79005551003")) == 1
    status, cancelled, _ = send(scene, "DELETE", f"/api/v1/callbacks/{body['id']}", Authorization=f"Bearer {KEY}")
    assert (status, cancelled["status"]) == (200, "cancelled")


def test_the_operators_telephone_is_told_the_site_and_the_source(scene: Stage) -> None:
    _, body, _ = ask(scene, "+79005551030", site="shop", utm={"utm_source": "yandex-direct"})
    comes_to(scene, body["id"], "done")
    (order,) = orders(scene, "+79005551030")
    assert order["sip_headers"] == {"From/display-name": "ShopYandexDirect"}


# --- By a group (mango.md §3, callback_group) ---------------------------------------------------------


@contextmanager
def rules(scene: Stage, **more: Any) -> Iterator[None]:
    """The workspace's rules for a while, as the settings page would keep them."""
    _keep(scene, Rules(**more))
    try:
        yield
    finally:
        _keep(scene, Rules())


def _keep(scene: Stage, kept: Rules) -> None:
    database = Database(f"sqlite:///{scene.hub.home}/dozvon.sqlite3")
    with database.transaction() as session:
        session.merge(CallbackRules(workspace_id=1, document=to_document(kept), stopped=False, stopped_because=""))
    database.close()


def group_orders(scene: Stage, client: str) -> list[tuple[str, str, str]]:
    """Who was rung first, who second, and from which line."""
    said = [one["json"] for one in scene.pbx.ledger.entries("command") if one["path"] == "commands/callback_group"]
    found = [(order["from"], order["to"], order["line_number"]) for order in said]
    return [order for order in found if client.removeprefix("+") in order[:2]]


@pytest.mark.parametrize("client_first", [False, True])
def test_a_group_is_rung_as_one_before_the_visitor_or_after(scene: Stage, client_first: bool) -> None:
    client = f"+7900555104{int(client_first)}"
    with rules(scene, group="300", client_first=client_first, owner_first=False):
        _, body, _ = ask(scene, client)
        done = comes_to(scene, body["id"], "done")
    ((first, second, line),) = group_orders(scene, client)
    sides = ("300", client.removeprefix("+"))
    assert (first, second) == (sides[::-1] if client_first else sides)
    assert line in {one.number for one in scene.pbx.office.lines}
    assert orders(scene, client) == []
    call = scene.hub.get(f"/api/v1/calls/{done['call_id']}")
    assert (call["client"], call["outcome"], call["direction"]) == (client, "answered", "outbound")


def test_a_group_in_which_nobody_picks_up_ends_the_request_and_nobody_outside_is_rung(scene: Stage) -> None:
    scene.pbx.faults.callback_outcomes.append("operator_no_answer")
    with rules(scene, group="300", owner_first=False, operator_retries=()):
        _, body, _ = ask(scene, "+79005551045")
        failed = comes_to(scene, body["id"], "failed")
    assert failed["reason"] == "no_operator"
    assert len(group_orders(scene, "+79005551045")) == 1
    assert orders(scene, "+79005551045") == []


def test_a_visitor_who_is_rung_first_and_does_not_pick_up_is_rung_again_by_the_plan(scene: Stage) -> None:
    """It must not be taken for a group that did not answer, and nobody of the group is rung in vain."""
    scene.pbx.faults.callback_outcomes.append("client_no_answer")
    client = "+79005551046"
    with rules(scene, group="300", client_first=True, owner_first=False, client_retries=(600,)):
        _, body, _ = ask(scene, client)
        later = comes_to(scene, body["id"], "scheduled")
    assert later["scheduled_for"] is not None
    assert any("Клиент не ответил" in step["words"] for step in later["steps"]), later["steps"]
    assert [order[:2] for order in group_orders(scene, client)] == [(client.removeprefix("+"), "300")]
    status, cancelled, _ = send(scene, "DELETE", f"/api/v1/callbacks/{body['id']}", Authorization=f"Bearer {KEY}")
    assert (status, cancelled["status"]) == (200, "cancelled")


def test_five_hundred_requests_for_one_number_are_one_call(scene: Stage) -> None:
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda _: ask(scene, "+79005551004"), range(500)))
    assert {status for status, _, _ in answers} <= {200, 202, 429}
    assert [status for status, _, _ in answers].count(202) == 1
    (first,) = {body["id"] for status, body, _ in answers if status in (200, 202)}
    comes_to(scene, first, "done")
    assert len(orders(scene, "+79005551004")) == 1


def test_the_same_key_makes_one_request_and_another_body_is_refused(scene: Stage) -> None:
    headers = {"Idempotency-Key": "order-17"}
    first = ask(scene, "+79005551005", headers=headers)
    again = ask(scene, "+79005551005", headers=headers)
    assert (first[0], again[0], first[1]["id"]) == (202, 202, again[1]["id"])
    status, body, _ = ask(scene, "+79005551006", headers=headers)
    assert (status, body["reason"]) == (409, "conflict")
    comes_to(scene, first[1]["id"], "done")


@pytest.mark.parametrize(
    ("phone", "reason"),
    [
        ("+7 809 505-05-05", "premium_number"),
        ("+8816 2143 1234", "satellite_number"),
        ("+12025550143", "country_not_allowed"),
        ("112", "short_number"),
        ("+79005551007;ext=5", "extension"),
        ("+7900555\n1007", "not_a_number"),
        ("9" * 40, "not_a_number"),
    ],
)
def test_a_number_that_must_not_be_rung_is_refused_and_nothing_is_ordered(
    scene: Stage, phone: str, reason: str
) -> None:
    before = len(scene.pbx.ledger.entries("command"))
    status, body, headers = ask(scene, phone, headers={"Accept-Language": "en"})
    assert (status, body["reason"], headers["content-type"]) == (422, reason, "application/problem+json")
    assert body["errors"][0]["field"] == "phone"
    assert len(scene.pbx.ledger.entries("command")) == before


def test_a_page_of_the_site_may_ask_and_a_strangers_may_not(scene: Stage) -> None:
    said = {"phone": "+7 900 555-10-08", "page": f"{ORIGIN}/p", "zone": "Europe/Moscow"}
    assert send(scene, "POST", "/t/shop/callback", said, Origin="http://evil.example")[0] == 403
    status, body, _ = send(scene, "POST", "/t/shop/callback", said, Origin=ORIGIN)
    assert status == 202

    def now() -> str:
        return str(send(scene, "POST", "/t/shop/callback/state", {"id": body["id"]}, Origin=ORIGIN)[1]["status"])

    until(lambda: now() == "done", 30, "the visitor was called")


def test_nothing_was_said_that_the_pbx_would_mind(scene: Stage) -> None:
    until(scene.all_done, 60, "nothing under way any more")
    assert scene.pbx.ledger.entries("offence") == []
    assert scene.pbx.ledger.entries("lock_out") == []
    assert scene.conserved()
