"""From a call that waits to the command that the PBX gets: once, at the right leg, within its limits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from connectors.contract import Door, ListedExtension
from hub.db.routing import CommandRow, CommandState, RouteDecision
from hub.db.tables import Provisioned
from hub.domain.access import QuotaRule
from hub.domain.errors import OutcomeUnknown, TargetGone
from hub.domain.events import EventKind, Place
from hub.domain.notices import CommandAnswered
from hub.routing.heed import heed_notice
from hub.routing.orders import FAILED_HERE
from hub.routing.sync import sync_owners
from tests.routing.conftest import CLIENT, OLGA, Scene, event

APPEARED, ENDED = EventKind.APPEARED, EventKind.ENDED


@pytest.fixture
def owned(scene: Scene) -> Scene:
    scene.owners.pages = [[OLGA]]
    sync_owners(scene.world.runtime)
    return scene


def commands(scene: Scene) -> list[CommandRow]:
    with scene.world.database.reading() as session:
        return list(session.scalars(select(CommandRow).order_by(CommandRow.id)))


def decisions(scene: Scene) -> list[RouteDecision]:
    with scene.world.database.reading() as session:
        return list(session.scalars(select(RouteDecision).order_by(RouteDecision.id)))


def make_vip(scene: Scene, extension: str) -> None:
    with scene.world.database.transaction() as session:
        session.add(
            Provisioned(
                workspace_id=scene.world.workspace_id,
                section="vip",
                key=CLIENT.e164,
                document={"phone": CLIENT.e164, "extension": extension},
            )
        )


def test_an_owned_caller_in_the_menu_is_sent_to_the_owner_once(owned: Scene) -> None:
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.happen(event(EventKind.REMARK, "L1", Place.MENU))
    owned.send()
    owned.send()
    (told,) = owned.commands.told
    assert (told["leg"], told["to"]) == ("L1", "101")
    (decision,) = decisions(owned)
    assert (decision.reason, decision.extension, decision.asked_by) == ("owner", "101", "call")


def test_a_vip_goes_to_the_extension_of_the_list(owned: Scene) -> None:
    make_vip(owned, "102")
    owned.happen(event(APPEARED, "L1", Place.QUEUE))
    owned.send()
    assert [told["to"] for told in owned.commands.told] == ["102"]


def test_a_stranger_is_decided_about_and_not_routed(scene: Scene) -> None:
    scene.happen(event(APPEARED, "L1", Place.MENU))
    scene.send()
    assert scene.commands.told == []
    assert [one.reason for one in decisions(scene)] == ["default"]


def test_an_extension_that_the_pbx_does_not_list_is_never_named_to_it(owned: Scene) -> None:
    owned.directory.listed = [ListedExtension("101", "user")]
    make_vip(owned, "999")
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.send()
    assert owned.commands.told == []
    (command,) = commands(owned)
    assert command.state == CommandState.REFUSED
    assert "999" in command.last_error


def test_the_list_of_extensions_is_read_once_for_many_commands(owned: Scene) -> None:
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.send()
    owned.happen(event(APPEARED, "K1", Place.MENU, call_key="E2"))
    owned.send()
    assert len(owned.commands.told) == 2
    assert owned.directory.asked == 1


def test_between_order_and_turn_the_caller_moved_on_and_the_newest_leg_is_named(owned: Scene) -> None:
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.happen(event(ENDED, "L1", Place.MENU), event(APPEARED, "L2", Place.QUEUE, came_from_leg="L1"))
    owned.send()
    assert [told["leg"] for told in owned.commands.told] == ["L2"]


def test_a_leg_that_the_pbx_calls_gone_is_not_named_again_and_the_next_one_is(owned: Scene) -> None:
    owned.commands.trouble = [TargetGone("4101")]
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.send()
    owned.send()
    assert owned.commands.told == []
    assert [row.state for row in commands(owned)] == [CommandState.REFUSED, CommandState.WAITING]
    owned.happen(event(ENDED, "L1", Place.MENU), event(APPEARED, "L2", Place.QUEUE, came_from_leg="L1"))
    make_due(owned)
    owned.send()
    assert [told["leg"] for told in owned.commands.told] == ["L2"]


def test_an_answer_that_the_leg_had_gone_aims_anew(owned: Scene) -> None:
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.send()
    answer = CommandAnswered(commands(owned)[0].uid, accepted=False, code="4101", gone=True)
    with owned.world.database.transaction() as session:
        assert heed_notice(session, owned.world.runtime, owned.world.pbx_id, answer)
    owned.happen(event(ENDED, "L1", Place.MENU), event(APPEARED, "L2", Place.QUEUE, came_from_leg="L1"))
    owned.send()
    assert [told["leg"] for told in owned.commands.told] == ["L1", "L2"]


def test_news_that_waited_for_minutes_move_no_call(owned: Scene) -> None:
    owned.happen(event(APPEARED, "L1", Place.MENU), received_ago=timedelta(minutes=5))
    assert commands(owned) == []


def test_somebody_who_is_talking_already_is_left_alone(owned: Scene) -> None:
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.happen(
        event(ENDED, "L1", Place.MENU),
        event(APPEARED, "L2", Place.EMPLOYEE, extension="102", came_from_leg="L1"),
        event(EventKind.ANSWERED, "L2", Place.EMPLOYEE, extension="102"),
    )
    owned.send()
    assert owned.commands.told == []
    assert [row.state for row in commands(owned)] == [CommandState.CANCELLED]


def test_two_routes_wait_for_the_vendors_pace_and_none_is_lost(owned: Scene) -> None:
    owned.commands.rule = QuotaRule("pbx:route", 1.0, 0.5)
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.happen(event(APPEARED, "K1", Place.MENU, call_key="E2"))
    owned.send()
    assert len(owned.commands.told) == 1
    (waiting,) = [row for row in commands(owned) if row.state == CommandState.WAITING]
    assert (waiting.due_at - waiting.created_at).total_seconds() > 1


def test_a_command_whose_outcome_is_unknown_is_never_sent_again(owned: Scene) -> None:
    owned.commands.trouble = [OutcomeUnknown("no answer in time")]
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.send()
    make_due(owned)
    owned.send()
    assert owned.commands.told == []
    assert [row.state for row in commands(owned)] == [CommandState.UNKNOWN]


def test_a_fault_of_the_hub_before_anything_was_sent_is_a_refusal_with_words(owned: Scene) -> None:
    """It was taken for a command whose outcome nobody knows: a callback looked for a call that nobody had ordered."""
    owned.commands.trouble = [KeyError("leg")]
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.send()
    make_due(owned)
    owned.send()
    assert owned.commands.told == []
    (command,) = commands(owned)
    assert (command.state, command.code, command.sent_at) == (CommandState.REFUSED, FAILED_HERE, None)
    assert "before it was sent (KeyError)" in command.last_error


def test_a_fault_before_the_pbx_folder_is_asked_is_one_too(owned: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def listed(_door: object) -> object:
        raise AttributeError("extensions")

    monkeypatch.setattr(owned.directory, "extensions", listed)
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.send()
    assert [(row.state, row.code) for row in commands(owned)] == [(CommandState.REFUSED, FAILED_HERE)]


def test_a_fault_after_the_command_left_leaves_its_outcome_unknown(
    owned: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def route(door: Door, **_said: object) -> None:
        door.http.request("POST", "https://pbx.example/route", write=True)
        raise KeyError("result")

    monkeypatch.setattr(owned.commands, "route", route)
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.send()
    assert [(row.state, row.code) for row in commands(owned)] == [(CommandState.UNKNOWN, "")]


def test_an_event_with_the_commands_id_proves_it(owned: Scene) -> None:
    owned.happen(event(APPEARED, "L1", Place.MENU))
    owned.send()
    uid = commands(owned)[0].uid
    owned.happen(
        event(ENDED, "L1", Place.MENU),
        event(APPEARED, "L2", Place.EMPLOYEE, extension="101", came_from_leg="L1", command_id=uid),
    )
    assert commands(owned)[0].seen_at is not None


def make_due(scene: Scene) -> None:
    with scene.world.database.transaction() as session:
        for row in session.scalars(select(CommandRow).where(CommandRow.state == CommandState.WAITING)):
            row.due_at = row.created_at
