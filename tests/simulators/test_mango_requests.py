"""What the stand-in refuses, and how fast it may be asked (mango.md §6, §9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulators.mango import Session
from tests.simulators.mango_client import KEY, SALT, Client
from tests.simulators.mango_world import World, mango_world

TOO_FAST = {"name": "Service Unavailable", "message": "Rate limit exceeded.", "code": 0, "status": 429}
CALLBACK = {"command_id": "cb-1", "from": {"extension": "101"}, "to_number": "79001234567"}


@pytest.fixture
def world() -> Iterator[World]:
    with mango_world() as world:
        yield world


def refused_as(world: World, code: int) -> None:
    assert [entry["code"] for entry in world.pbx.ledger.offences()] == [str(code)]
    assert world.pbx.ledger.entries("command") == []


def form(client: Client, text: str) -> dict[str, str]:
    return {"vpbx_api_key": KEY, "sign": client.sign(text), "json": text}


def test_a_good_request_is_no_offence(world: World) -> None:
    answer = world.client.ask("account/balance/", {})
    assert (answer.status, answer.json["result"]) == (200, 1000)
    assert answer.headers["X-Uuid"]
    assert world.pbx.ledger.offences() == []


def test_anything_but_post_is_refused(world: World) -> None:
    answer = world.client.post("account/balance", form(world.client, "{}"), method="GET")
    assert (answer.status, answer.json) == (400, {"result": 3101, "code": 3101})
    refused_as(world, 3101)


def test_json_as_the_content_type_is_refused(world: World) -> None:
    answer = world.client.post("account/balance", form(world.client, "{}"), content_type="application/json")
    assert answer.json["result"] == 3100


@pytest.mark.parametrize("missing", ["vpbx_api_key", "sign", "json"])
def test_a_form_that_lacks_a_field_is_refused(world: World, missing: str) -> None:
    fields = form(world.client, "{}")
    del fields[missing]
    world.client.post("account/balance", fields)
    refused_as(world, 3103)


def test_a_fourth_field_is_refused(world: World) -> None:
    world.client.post("account/balance", {**form(world.client, "{}"), "extra": "1"})
    refused_as(world, 3100)


def test_a_wrong_key_is_found_before_the_sign(world: World) -> None:
    Client(world.pbx.base_url, key="other", salt="other").ask("account/balance", {})
    refused_as(world, 3105)


def test_a_wrong_sign_is_refused(world: World) -> None:
    Client(world.pbx.base_url, salt="other").ask("account/balance", {})
    refused_as(world, 3102)


def test_json_that_was_written_anew_after_signing_is_refused(world: World) -> None:
    fields = form(world.client, '{"number":"74950000001"}')
    world.client.post("queries/user_info_by_dct_number", {**fields, "json": '{"number": "74950000001"}'})
    refused_as(world, 3102)


def test_an_hmac_is_not_a_sign(world: World) -> None:
    import hashlib
    import hmac

    wrong = hmac.new(SALT.encode(), (KEY + "{}").encode(), hashlib.sha256).hexdigest()
    world.client.post("account/balance", {**form(world.client, "{}"), "sign": wrong})
    refused_as(world, 3102)


def test_broken_json_is_refused(world: World) -> None:
    world.client.post("account/balance", form(world.client, "{"))
    refused_as(world, 3400)


def test_json_that_is_no_object_is_refused(world: World) -> None:
    world.client.ask("account/balance", [1])
    refused_as(world, 3104)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"command_id": "c", "to_number": "79001234567"}, 3103),
        ({"command_id": "c", "from": {}, "to_number": "79001234567"}, 3103),
        ({**CALLBACK, "from": "101"}, 3104),
        ({**CALLBACK, "to_number": "+79001234567"}, 3104),
        ({**CALLBACK, "command_id": "c" * 129}, 3104),
        ({**CALLBACK, "from": {"extension": "999"}}, 3100),
        ({**CALLBACK, "line_number": "74999999999"}, 3100),
        ({**CALLBACK, "line_number": "sip:line12345@vpbx400000000.mangosip.ru"}, 3100),
    ],
)
def test_a_wrong_callback_is_refused_and_nobody_is_rung(world: World, body: dict[str, object], code: int) -> None:
    world.client.ask("commands/callback", body)
    refused_as(world, code)
    world.pbx.wait_until_idle()
    assert world.hub.heard == []


@pytest.mark.parametrize(("form_of_error", "status", "body"), [
    ("420", 420, {"code": 3102}),
    ("200", 200, {"result": 3102}),
    ("400", 400, {"result": 3102, "code": 3102}),
])  # fmt: skip
def test_errors_take_the_form_that_was_chosen(world: World, form_of_error: str, status: int, body: object) -> None:
    world.pbx.faults.error_form = form_of_error  # type: ignore[assignment]
    answer = Client(world.pbx.base_url, salt="other").ask("account/balance", {})
    assert (answer.status, answer.json) == (status, body)


def test_the_second_invalid_request_in_two_minutes_locks_everything_until_two_minutes_after_the_first(
    world: World,
) -> None:
    wrong = Client(world.pbx.base_url, salt="other")
    assert wrong.ask("account/balance", {}).status == 400
    world.clock.passes(100)
    assert wrong.ask("account/balance", {}).status == 401
    assert world.client.ask("account/balance", {}).status == 401
    world.clock.passes(19)
    assert world.client.ask("groups", {}).status == 401
    world.clock.passes(2)
    assert world.client.ask("groups", {}).status == 200


def test_two_invalid_requests_more_than_two_minutes_apart_lock_nothing(world: World) -> None:
    wrong = Client(world.pbx.base_url, salt="other")
    for _ in range(3):
        assert wrong.ask("account/balance", {}).status == 400
        world.clock.passes(120)
    assert world.client.ask("account/balance", {}).status == 200


@pytest.mark.parametrize(
    ("path", "body", "most", "seconds"),
    [
        ("config/users/request", {}, 1, 2),
        ("account/balance", {}, 2, 1),
        ("commands/callback", CALLBACK, 4, 1),
        ("commands/route", {"command_id": "r", "call_id": "gone", "to_number": "101"}, 1, 2),
        ("commands/call/hangup", {"command_id": "h", "call_id": "gone"}, 4, 1),
        ("stats/request", {"date_from": "1767225600", "date_to": "1767229200"}, 1, 2),
        ("groups", {}, 10, 1),
    ],
)
def test_each_method_has_its_own_rate(
    world: World, path: str, body: dict[str, object], most: int, seconds: float
) -> None:
    assert [world.client.ask(path, body).status for _ in range(most + 1)] == [200] * most + [429]
    assert world.client.ask(path, body).json == TOO_FAST
    assert {entry["code"] for entry in world.pbx.ledger.offences()} == {"rate_limit"}
    world.clock.passes(seconds)
    assert world.client.ask(path, body).status == 200


def test_ten_requests_a_second_are_the_most_for_all_methods_together(world: World) -> None:
    statuses = [world.client.ask(path, {}).status for path in ["groups", "schemas", "incominglines"] * 4]
    assert statuses == [200] * 10 + [429] * 2


def test_an_unknown_method_is_an_offence(world: World) -> None:
    assert world.client.ask("queries/dct/visitor", {}).status == 404
    assert world.pbx.ledger.offences("unknown_path")


def test_a_real_method_that_is_not_played_is_no_offence(world: World) -> None:
    assert world.client.ask("commands/sms", {"command_id": "s", "text": "x"}).json == {"result": 4001}
    assert world.pbx.ledger.offences() == []
    assert world.pbx.ledger.entries("not_played")


def test_out_of_service_answers_503(world: World) -> None:
    world.pbx.faults.out_of_service = True
    assert world.client.ask("account/balance", {}).status == 503


# --- configuration and call tracking ---------------------------------------------------------------------------------


def test_users_have_no_result_key_and_an_id_only_when_asked(world: World) -> None:
    plain = world.client.ask("config/users/request", {}).json
    assert "result" not in plain
    assert [user["telephony"]["extension"] for user in plain["users"]] == ["101", "102", "103", "0511"]
    assert all("user_id" not in user["general"] for user in plain["users"])
    world.clock.passes(2)
    asked = world.client.ask("config/users/request", {"extension": "101", "ext_fields": ["general.user_id", "groups"]})
    assert [(user["general"]["user_id"], user["groups"]) for user in asked.json["users"]] == [(5001, [21])]


def test_groups_show_their_users_on_demand(world: World) -> None:
    group = world.client.ask("groups", {"show_users": 1}).json["groups"][0]
    assert (group["extension"], [each["extension"] for each in group["operators"]]) == ("300", ["101", "102"])
    assert "operators" not in world.client.ask("groups", {}).json["groups"][0]


def test_lines_and_schemes_fit_together(world: World) -> None:
    lines = world.client.ask("incominglines", {}).json["lines"]
    schemas = world.client.ask("schemas", {}).json["data"]
    assert [line["line_id"] for line in lines] == schemas[0]["incominglines"]


def test_forwarding_rules_are_added_changed_listed_and_removed(world: World) -> None:
    rule = {
        "client_phone_number": "79001234567", "client_phone_type": 0, "status": 1, "forward_type": "user",
        "forward_to_user": {"forward_user_id": 5001, "forward_contact_id": ""},
    }  # fmt: skip
    assert world.client.ask("forwarding/number/add", rule).json == {"result": 1000}
    listed = world.client.ask("forwarding/numbers", {}).json
    assert listed["total"] == 1
    forward_id = listed["numbers"][0]["forward_id"]
    changed = world.client.ask("forwarding/number/change", {"forward_id": forward_id, "status": 0})
    assert changed.json == {"result": 1000}
    assert world.client.ask("forwarding/numbers", {}).json["numbers"][0]["status"] == 0
    assert world.client.ask("forwarding/number/remove", {"forward_id": forward_id}).json == {"result": 1000}
    assert world.client.ask("forwarding/number/remove", {"forward_id": forward_id}).json["result"] == 3300


def test_the_same_client_cannot_be_forwarded_twice(world: World) -> None:
    rule = {
        "client_phone_number": "79001234567", "client_phone_type": 0, "status": 1, "forward_type": "group",
        "forward_to_group": {"forward_group_id": 21},
    }  # fmt: skip
    world.client.ask("forwarding/number/add", rule)
    assert world.client.ask("forwarding/number/add", rule).json["result"] == 3106


def test_a_tracking_number_tells_of_its_visitor_only_while_it_is_leased(world: World) -> None:
    page = {"url": "https://shop.example/p", "date": "2026-01-05T10:00:00Z"}
    session = Session({"uid": "u-1", "current_page": page}, (page,), ends_at=world.clock() + 60)
    world.pbx.office.sessions["74950000001"] = session
    body = {"number": "74950000001"}
    assert world.client.ask("queries/user_info_by_dct_number", body).json["data"]["uid"] == "u-1"
    assert world.client.ask("queries/user_history_by_dct_number", body).json == {"data": [page]}
    world.clock.passes(61)
    assert world.client.ask("queries/user_info_by_dct_number", body).json == {"data": {}}
    assert world.client.ask("queries/user_history_by_dct_number", body).json == {"data": []}
