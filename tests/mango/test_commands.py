"""What the hub tells Mango to do: the exact orders, and what is refused before it could lock the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from connectors.contract import Door, FirmLine, ListedExtension
from connectors.mango.commands import MangoCommands, MangoDirectory
from hub.domain.errors import OutcomeUnknown, Rejected, TargetGone, Throttled, Unreachable
from hub.domain.phone import Phone
from tests.mango.door import answer, door_to

CLIENT = Phone("79001234567", "+79001234567")
LINE = Phone("74950000001", "+74950000001")
SIP_LINE = Phone("sip:line12345@vpbx400000000.mangosip.ru")
COMMANDS = MangoCommands()
ORDERS: list[tuple[str, dict[str, Any], Callable[[Door], None]]] = [
    (
        "commands/callback",
        {"command_id": "c1", "from": {"extension": "0511"}, "to_number": "79001234567", "line_number": "74950000001"},
        lambda door: COMMANDS.callback(door, command_id="c1", extension="0511", client=CLIENT, line=LINE),
    ),
    (
        "commands/callback",
        {"command_id": "c1", "from": {"extension": "101"}, "to_number": "79001234567"},
        lambda door: COMMANDS.callback(door, command_id="c1", extension="101", client=CLIENT, line=None),
    ),
    (
        "commands/callback_group",
        {"command_id": "c1", "from": "300", "to": "79001234567", "line_number": "line12345"},
        lambda door: COMMANDS.callback_group(door, command_id="c1", group="300", client=CLIENT, line=SIP_LINE),
    ),
    (
        "commands/callback_group",
        {"command_id": "c1", "from": "79001234567", "to": "300", "line_number": "74950000001"},
        lambda door: COMMANDS.callback_group(
            door, command_id="c1", group="300", client=CLIENT, line=LINE, client_first=True
        ),
    ),
    (
        "commands/route",
        {"command_id": "c1", "call_id": "MToxOjE=", "to_number": "101"},
        lambda door: COMMANDS.route(door, command_id="c1", leg_key="MToxOjE=", to="101"),
    ),
    (
        "commands/transfer",
        {"command_id": "c1", "call_id": "L1", "method": "hold", "to_number": "102", "initiator": "101"},
        lambda door: COMMANDS.transfer(door, command_id="c1", leg_key="L1", to="102", initiator="101", method="hold"),
    ),
    (
        "commands/call/hangup",
        {"command_id": "c1", "call_id": "L1"},
        lambda door: COMMANDS.hangup(door, command_id="c1", leg_key="L1"),
    ),
]


@pytest.mark.parametrize(("path", "order", "command"), ORDERS)
def test_a_command_is_one_post_of_exactly_this_order(
    path: str, order: dict[str, Any], command: Callable[[Door], None]
) -> None:
    door, sent = door_to(answer(200, {"result": 1000}))
    command(door)
    (request,) = sent
    assert request.url.endswith(f"/vpbx/{path}")
    assert json.loads(request.form["json"]) == order
    assert request.write


@pytest.mark.parametrize(
    "command",
    [
        lambda door: COMMANDS.callback(door, command_id="c", extension="", client=CLIENT, line=None),
        lambda door: COMMANDS.callback(door, command_id="c", extension="sip:a@b", client=CLIENT, line=None),
        lambda door: COMMANDS.callback(door, command_id="c", extension="101", client=Phone("112"), line=None),
        lambda door: COMMANDS.route(door, command_id="c", leg_key="", to="101"),
        lambda door: COMMANDS.route(door, command_id="c", leg_key="L1", to="10 1"),
        lambda door: COMMANDS.route(door, command_id="c" * 129, leg_key="L1", to="101"),
        lambda door: COMMANDS.transfer(door, command_id="c", leg_key="L1", to="1", initiator="101", method="warm"),
    ],
)
def test_what_mango_could_only_refuse_is_never_sent(command: Callable[[Door], None]) -> None:
    door, sent = door_to()
    with pytest.raises(Rejected):
        command(door)
    assert sent == []


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (answer(200, {"result": 4101}), TargetGone),
        (answer(400, {"code": 3100}), Rejected),
        (answer(429, {"status": 429}), Throttled),
        (answer(401, {"code": 0}), Throttled),
        (answer(500), OutcomeUnknown),
    ],
)
def test_a_refusal_says_whether_it_happened(said: Any, error: type[Exception]) -> None:
    door, sent = door_to(said)
    with pytest.raises(error):
        COMMANDS.route(door, command_id="c1", leg_key="L1", to="101")
    assert len(sent) == 1


def test_routes_and_transfers_keep_to_one_in_two_seconds_and_callbacks_to_four_a_second() -> None:
    door, _ = door_to()
    rule = COMMANDS.pace(door.connection, "route")
    assert rule is not None
    assert (rule.capacity, rule.per_second < 0.5) == (1.0, True)
    callback, group = (COMMANDS.pace(door.connection, kind) for kind in ("callback", "callback_group"))
    assert callback is not None
    assert callback == group
    assert callback.capacity + callback.per_second <= 4
    assert COMMANDS.pace(door.connection, "unheard of") is None


def test_employees_and_groups_are_listed_with_extensions_as_text() -> None:
    users = {"users": [
        {"general": {"name": "Anna", "email": "anna@acme.example"}, "telephony": {"extension": 101}},
        {"general": {"name": "Gleb"}, "telephony": {"extension": "0511"}},
        {"general": {"name": "No phone"}, "telephony": {}},
    ]}  # fmt: skip
    groups = {"result": 1000, "groups": [{"id": 21, "name": "Sales", "extension": "300"}, {"id": 22, "extension": ""}]}
    door, sent = door_to(answer(200, users), answer(200, groups))
    assert list(MangoDirectory().extensions(door)) == [
        ListedExtension("101", "user", "Anna", "anna@acme.example"),
        ListedExtension("0511", "user", "Gleb"),
        ListedExtension("300", "group", "Sales"),
    ]
    assert not any(request.write for request in sent)


def test_a_part_of_the_employees_is_no_list() -> None:
    door, _ = door_to(answer(200, {}))
    with pytest.raises(Unreachable):
        MangoDirectory().extensions(door)


def test_lines_are_listed_with_their_names() -> None:
    door, _ = door_to(answer(200, {"result": 1000, "lines": [{"line_id": 1, "number": "74950000001", "name": "Main"}]}))
    assert list(MangoDirectory().lines(door)) == [FirmLine(LINE, "Main")]
