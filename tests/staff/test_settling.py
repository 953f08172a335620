"""What a change of the table writes, and on whom the next call is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract import ListedExtension
from hub.db.directory import DirectoryUser
from hub.db.engine import Database
from hub.db.tables import AuditRow, Connection, EmployeeRow
from hub.delivery.people import employees_for
from hub.staff.changes import Refused, Wish
from hub.staff.settling import settle
from hub.staff.systems import Systems, employees_in, systems_of
from tests.delivery.story import answers, ends, leaves, rings
from tests.delivery.world import START, World, make_world


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    """Anna (101, user 7), Boris (102, user 8) as somebody wrote them; Vera (user 9) at 103 by her profile."""
    made = make_world(database, tmp_path)
    for user_id, name, extension in (("7", "Anna", "101"), ("8", "Boris", None), ("9", "Vera", "103")):
        list_user(made, made.crm_id, user_id, name, extension)
    return made


def list_user(world: World, crm_id: int, user_id: str, name: str, extension: str | None) -> None:
    with world.database.transaction() as session:
        session.add(
            DirectoryUser(
                connection_id=crm_id, user_id=user_id, name=name, extension=extension, active=True, refreshed_at=START
            )
        )


def systems(world: World, crm_id: int | None = None) -> Systems:
    with world.database.reading() as session:
        crm = session.get_one(Connection, crm_id or world.crm_id)
        return systems_of(session, world.runtime.registry, crm, world.pbx_id)


def keep(world: World, *wishes: Wish, crm_id: int | None = None) -> Any:
    with world.database.transaction() as session:
        return settle(session, systems(world, crm_id), (), wishes, actor="crm:1", now=START)


def at(world: World, crm_id: int | None = None) -> dict[str, str | None]:
    """Extension to user, as a call would find them."""
    with world.database.reading() as session:
        crm = session.get_one(Connection, crm_id or world.crm_id)
        found = employees_for(session, session.get_one(Connection, world.pbx_id), crm)
        return {extension: one.user_id for extension, one in found.items()}


def rows(world: World) -> set[tuple[str, str, str]]:
    with world.database.reading() as session:
        found = session.scalars(select(EmployeeRow))
        return {(one.name, str(dict(one.extensions)), str(dict(one.users))) for one in found}


def answered_call(world: World, call: str) -> str | None:
    """On which user of the CRM a call that 101 answers is written."""
    world.receive((rings("101", 1, call), answers("101", 5, call), leaves("101", 65, call)))
    world.receive((ends(65, call, answered_at=5, extension="101"),))
    world.drain()
    world.deliver()
    return world.crm.payloads[-1].intent.call.user_id


def test_next_call_is_written_on_whom_somebody_has_just_named(world: World) -> None:
    assert answered_call(world, "c1") == "7"
    keep(world, Wish("7", "102", "101"), Wish("8", "101", "102"))
    assert answered_call(world, "c2") == "8"


def test_extension_that_somebody_has_left_is_not_theirs_by_an_old_profile(world: World) -> None:
    keep(world, Wish("7", "201", "101"))
    assert at(world) == {"102": "8", "103": "9", "201": "7"}


def test_profile_is_shown_wins_nothing_and_is_replaced(world: World) -> None:
    assert at(world)["103"] == "9"
    keep(world, Wish("9", "109", "103"))
    assert at(world) == {"101": "7", "102": "8", "109": "9"}


def test_nobody_is_made_twice_and_every_change_is_noted(world: World) -> None:
    keep(world, Wish("8", "", "102"))
    keep(world, Wish("8", "107", ""), Wish("9", "109", "103"))
    assert rows(world) == {
        ("Anna", "{'*': '101'}", "{'crm': '7'}"), ("Boris", "{'pbx': '107'}", "{'crm': '8'}"),
        ("Vera", "{'pbx': '109'}", "{'crm': '9'}"),
    }  # fmt: skip
    with world.database.reading() as session:
        noted = session.scalars(select(AuditRow.subject).order_by(AuditRow.id)).all()
    assert noted == ["crm/pbx: Boris: 102 → —", "crm/pbx: Boris: — → 107", "crm/pbx: Vera: 103 → 109"]


def test_extension_that_was_taken_away_here_holds_by_the_profile_again(world: World) -> None:
    keep(world, Wish("7", "201", "101"))
    keep(world, Wish("7", "", "201"))
    assert at(world)["101"] == "7"


def test_refusal_writes_nothing(world: World) -> None:
    before = rows(world)
    assert isinstance(keep(world, Wish("9", "109", "103"), Wish("8", "101", "102")), Refused)
    assert rows(world) == before


def add(world: World, name: str, vendor: str) -> int:
    with world.database.transaction() as session:
        row = Connection(
            workspace_id=world.workspace_id, name=name, vendor=vendor, settings={}, secrets={}, created_at=START
        )
        session.add(row)
        session.flush()
        return row.id


def test_what_another_pbx_says_of_somebody_stays(world: World) -> None:
    add(world, "second", "pbx")
    keep(world, Wish("7", "107", "101"))
    assert ("Anna", "{'second': '101', 'pbx': '107'}", "{'crm': '7'}") in rows(world)


def test_who_is_known_to_another_crm_keeps_that(world: World) -> None:
    other = add(world, "other", "crm")
    list_user(world, other, "507", "Anna B.", None)
    keep(world, Wish("507", "101", ""), crm_id=other)
    assert (at(world)["101"], at(world, other)["101"]) == ("7", "507")
    assert ("Anna", "{'*': '101'}", "{'crm': '7', 'other': '507'}") in rows(world)


def test_workspace_without_a_pbx_keeps_extensions_for_any(world: World) -> None:
    crm_only = systems(world)
    alone = Systems(crm_only.crm, None)
    with world.database.transaction() as session:
        settle(session, alone, (), [Wish("9", "109", "103")], actor="crm:1", now=START)
    assert ("Vera", "{'*': '109'}", "{'crm': '9'}") in rows(world)


def test_numbers_of_groups_belong_to_nobody() -> None:
    listed = [ListedExtension("300", "group", "Sales"), ListedExtension("101", "user"), ListedExtension("101", "user")]
    assert [one.extension for one in employees_in(listed)] == ["101"]
