"""The agent's desk: their own calls and no others, the caller's card, and who waits to be called back."""

from __future__ import annotations

import re
from datetime import timedelta

from flask import Flask

from hub.db.callbacks import CallbackRow
from hub.db.directory import DirectoryUser
from hub.db.engine import Database
from hub.db.routing import PhoneOwner
from hub.db.tables import CallRow, EmployeeRow, User
from hub.domain.call import Outcome
from hub.domain.phone import Phone
from tests.web.conftest import log_in
from tests.web.seed import NOW, Seeded, add_call

FOREIGN = Phone("79001234599", "+79001234599")


def sits_at(database: Database, seeded: Seeded, extensions: dict[str, str]) -> None:
    """Let the agent be an employee with these extensions."""
    with database.transaction() as session:
        row = EmployeeRow(workspace_id=seeded.workspace_id, name="Вера", extensions=extensions, users={"b24": "31"})
        session.add(row)
        session.flush()
        session.get_one(User, seeded.user_ids["agent"]).employee_id = row.id


def rang(database: Database, call_id: int, *extensions: str, is_open: bool = False) -> None:
    """Say at which extensions a call rang, all of them in vain."""
    with database.transaction() as session:
        row = session.get_one(CallRow, call_id)
        row.answered_by, row.first_rung = None, extensions[0]
        row.facts = {**row.facts, "rung": list(extensions), "ringing": list(extensions) if is_open else []}
        if is_open:
            row.closing, row.outcome = "open", "in_progress"


def listed(page: str) -> set[str]:
    return set(re.findall(r"/admin/calls/(\d+)", page))


def test_agent_sees_the_calls_that_rang_at_their_place_and_no_others(
    app: Flask, acme: Seeded, database: Database
) -> None:
    sits_at(database, acme, {"mango": "105", "other": "102"})
    first, second, foreign, longer = (add_call(database, acme) for _ in range(4))
    rang(database, first, "105")
    rang(database, second, "101", "105")
    rang(database, foreign, "102")
    rang(database, longer, "1051")
    agent = log_in(app, acme, "agent")
    mine = {str(first), str(second)}
    assert listed(agent.get("/admin/calls").text) == listed(agent.get("/admin/desk").text) == mine
    assert {line.split(",")[0] for line in agent.get("/admin/calls.csv").text.splitlines()[1:]} == mine
    assert agent.get(f"/admin/calls/{first}").status_code == 200
    for call_id in (foreign, longer):
        assert agent.get(f"/admin/calls/{call_id}").status_code == 404
    assert len(listed(log_in(app, acme, "marketer").get("/admin/calls").text)) == 4


def test_agent_whom_nobody_knows_sees_no_call_and_what_to_do(app: Flask, acme: Seeded, database: Database) -> None:
    call_id = add_call(database, acme)
    with database.transaction() as session:
        session.get_one(User, acme.user_ids["agent"]).employee_id = None
    agent = log_in(app, acme, "agent")
    assert "Ask an administrator" in agent.get("/admin/desk").text
    assert listed(agent.get("/admin/calls").text) == set()
    assert agent.get(f"/admin/calls/{call_id}").status_code == 404


def test_agent_is_known_by_their_address_in_the_crm(app: Flask, acme: Seeded, database: Database) -> None:
    with database.transaction() as session:
        session.get_one(User, acme.user_ids["agent"]).employee_id = None
        session.add(
            EmployeeRow(workspace_id=acme.workspace_id, name="Вера", extensions={"*": "101"}, users={"b24": "31"})
        )
        session.add(
            DirectoryUser(
                connection_id=acme.crm_id, user_id="31", name="Вера", extension=None, active=True, refreshed_at=NOW,
                email=acme.email("agent").upper(),
            )
        )  # fmt: skip
    call_id = add_call(database, acme)
    page = log_in(app, acme, "agent").get("/admin/desk").text
    assert "Вера · 101" in page
    assert listed(page) == {str(call_id)}


def test_address_that_fits_two_employees_is_nobody(app: Flask, acme: Seeded, database: Database) -> None:
    """The two employees of the workspace share the account 7 of the CRM."""
    with database.transaction() as session:
        session.get_one(User, acme.user_ids["agent"]).employee_id = None
        session.add(
            DirectoryUser(
                connection_id=acme.crm_id, user_id="7", name="Вера", extension=None, active=True, refreshed_at=NOW,
                email=acme.email("agent"),
            )
        )  # fmt: skip
    assert "Ask an administrator" in log_in(app, acme, "agent").get("/admin/desk").text


def test_ringing_call_shows_who_it_is_and_what_is_known(app: Flask, acme: Seeded, database: Database) -> None:
    sits_at(database, acme, {"*": "105"})
    add_call(database, acme, started_at=NOW - timedelta(days=3), outcome=Outcome.MISSED)
    rang(database, add_call(database, acme, started_at=NOW, source="yandex"), "105", is_open=True)
    with database.transaction() as session:
        session.add(
            PhoneOwner(
                workspace_id=acme.workspace_id, connection_id=acme.crm_id, e164="+79001234567", kind="CONTACT",
                party_id="871", place=0, name="Ольга Зимина", owner_user_id="7", vip=True, seen_at=NOW,
            )
        )  # fmt: skip
    page = log_in(app, acme, "agent").get("/admin/desk").text
    for words in ("rings at your place", "Ольга Зимина", "VIP", "yandex", "+7 900 123-45-67", "missed"):
        assert words in page
    assert re.search(r"Earlier calls</dt><dd>1<", page)


def test_desk_asks_again_and_is_told_nothing_until_something_changes(
    app: Flask, acme: Seeded, database: Database
) -> None:
    sits_at(database, acme, {"*": "105"})
    agent = log_in(app, acme, "agent")
    again = re.search(r'hx-get="([^"]+)"', agent.get("/admin/desk").text)
    assert again is not None
    asks = {"HX-Request": "true"}
    assert agent.get(again.group(1), headers=asks).status_code == 204
    assert agent.get(again.group(1)).status_code == 200, "a reload always shows the page"
    rang(database, add_call(database, acme, started_at=NOW), "105", is_open=True)
    assert agent.get(again.group(1), headers=asks).status_code == 200


def test_callbacks_of_others_and_closed_ones_are_not_shown(app: Flask, acme: Seeded, database: Database) -> None:
    sits_at(database, acme, {"*": "105"})
    with database.transaction() as session:
        for number, (extension, state) in enumerate(
            [("105", "scheduled"), (None, "requested"), ("101", "requested"), ("105", "done")]
        ):
            session.add(
                CallbackRow(
                    uid=f"{number:032d}", workspace_id=acme.workspace_id, asked_by="key:tests",
                    e164=f"+7900123450{number}", extension=extension, zone="Europe/Moscow", state=state, due_at=NOW,
                    created_at=NOW,
                )
            )  # fmt: skip
    page = log_in(app, acme, "agent").get("/admin/desk").text
    assert re.findall(r"900 123-45-0\d", page) == ["900 123-45-00", "900 123-45-01"]


def test_first_page_of_an_agent_is_the_desk(app: Flask, acme: Seeded) -> None:
    assert log_in(app, acme, "agent").get("/admin/").location == "/admin/desk"
