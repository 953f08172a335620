"""Pages and API of routing: the try-out, the VIP list, people's hours, groups, and a call's decisions."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub.db.engine import Database
from hub.db.routing import Absence, CommandRow, OwnerSync, PersonHours, PhoneOwner, RoutingGroup
from hub.db.tables import CallRow, EmployeeRow, Provisioned, Workspace
from hub.domain.phone import Phone
from hub.routing.decide import CallerFacts, decide
from hub.routing.facts import read_settings, read_staff
from hub.routing.log import Asked, keep_decision
from tests.web.conftest import bearer, csrf_of, log_in
from tests.web.seed import NOW, Seeded, add_call

NUMBER = "+79001234567"


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    """One store is enough for pages; what they ask of the stores is proven on both in tests/routing."""
    file = tmp_path / "test.sqlite3"
    shutil.copyfile(migrated_sqlite, file)
    return f"sqlite:///{file}"


def post(client: FlaskClient, path: str, **form: Any) -> str:
    """Post a form as the page would, follow, and return the page."""
    token = csrf_of(client.get("/admin/routing/vip").text)
    return client.post(f"/admin/routing/{path}", data={"csrf_token": token, **form}, follow_redirects=True).text


def vip_list(database: Database, seeded: Seeded) -> dict[str, str | None]:
    with database.reading() as session:
        rows = session.scalars(
            select(Provisioned).where(Provisioned.workspace_id == seeded.workspace_id, Provisioned.section == "vip")
        )
        return {row.key: row.document.get("extension") for row in rows}


def own(database: Database, seeded: Seeded, user_id: str = "7") -> None:
    with database.transaction() as session:
        session.add(
            PhoneOwner(
                workspace_id=seeded.workspace_id, connection_id=seeded.crm_id, e164=NUMBER, kind="CONTACT",
                party_id="871", place=0, name="Ольга", owner_user_id=user_id, seen_at=NOW,
            )
        )  # fmt: skip


# --- Try it out ------------------------------------------------------------------------------------


def test_a_number_and_a_time_show_who_would_get_it_and_why(app: Flask, acme: Seeded, database: Database) -> None:
    own(database, acme)
    client = log_in(app, acme)
    page = client.get("/admin/routing?caller=8 900 123-45-67&at=2026-05-14T15:00").text
    assert "Анна Белова" in page
    assert "101" in page
    assert "owns contact 871 and is on shift" in page
    client.post("/admin/locale", data={"csrf_token": csrf_of(page), "locale": "ru"})
    assert "сейчас на смене" in client.get("/admin/routing?caller=79001234567").text


def test_the_time_that_was_typed_is_the_workspaces_and_counts(app: Flask, acme: Seeded, database: Database) -> None:
    own(database, acme)
    with database.transaction() as session:
        session.get_one(Workspace, acme.workspace_id).hours = {"thu": ["09:00-18:00"]}
    client = log_in(app, acme)
    assert "is on shift" in client.get(f"/admin/routing?caller={NUMBER[1:]}&at=2026-05-14T17:59").text
    assert "is off shift" in client.get(f"/admin/routing?caller={NUMBER[1:]}&at=2026-05-14T18:00").text


@pytest.mark.parametrize("query", ["caller=anonymous", "caller=%3Cb%3E", "caller=7900&at=nonsense", "caller=1&at=9999"])
def test_whatever_is_typed_gets_a_page(app: Flask, acme: Seeded, query: str) -> None:
    answer = log_in(app, acme).get(f"/admin/routing?{query}")
    assert answer.status_code == 200
    assert "<b>" not in answer.text


def test_how_far_the_owners_are_read_is_shown(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme, "auditor")
    assert client.get("/admin/routing").status_code == 200
    with database.transaction() as session:
        session.add(OwnerSync(connection_id=acme.crm_id, cursor="CONTACT:5", started_at=NOW, phones=1234))
    assert "Read again" not in client.get("/admin/routing").text


# --- The call's page -------------------------------------------------------------------------------


def test_a_calls_page_and_the_api_show_what_was_decided_and_what_came_of_it(
    app: Flask, acme: Seeded, database: Database
) -> None:
    own(database, acme)
    call_id = add_call(database, acme)
    with database.transaction() as session:
        call = session.get_one(CallRow, call_id)
        decision = decide(CallerFacts(Phone("x", NUMBER)), read_staff(session, acme.workspace_id, "mango"), NOW)
        asked = Asked(acme.workspace_id, acme.pbx_id, "pbx", NOW, Phone("x", NUMBER), call_key=call.call_key)
        keep_decision(session, asked, decision)
        session.add(
            CommandRow(
                uid="dz-1", workspace_id=acme.workspace_id, connection_id=acme.pbx_id, call_id=call_id, kind="route",
                order={"to": "101"}, state="refused", last_error="code 4101", due_at=NOW, expires_at=NOW,
                created_at=NOW,
            )
        )  # fmt: skip
    page = log_in(app, acme).get(f"/admin/calls/{call_id}").text
    assert "Who should get it" in page
    assert "no CRM is known to keep this number" in page
    assert "code 4101" in page
    story = app.test_client().get(f"/api/v1/calls/{call_id}", headers=bearer(acme, "calls:read")).json
    assert story is not None
    (shown,) = story["routing"]
    assert (shown["reason"], shown["asked_by"]) == ("default", "pbx")
    assert [step["rule"] for step in shown["steps"]] == ["vip", "owner", "last_talked", "group", "default"]


# --- The API ---------------------------------------------------------------------------------------


def test_the_api_explains(app: Flask, acme: Seeded, database: Database) -> None:
    own(database, acme)
    client, keys = app.test_client(), bearer(acme, "routing:read")
    answer = client.get("/api/v1/routing/explain?caller=79001234567&connection=mango", headers=keys).json
    assert answer is not None
    assert (answer["extension"], answer["reason"], answer["party"]["id"]) == ("101", "owner", "871")
    assert any(step["took"] and "owns contact 871" in step["fact"] for step in answer["steps"])
    wrong = client.get("/api/v1/routing/explain?caller=1&connection=none", headers=keys)
    assert wrong.status_code == 422
    assert client.get("/api/v1/routing/decisions", headers=keys).json == {"items": [], "next": None}


# --- People, groups, settings ----------------------------------------------------------------------


def test_hours_of_all_and_of_one_are_kept_and_taken_back(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    page = post(client, "people/hours", own="yes", mon="09:00-13:00, 14:00-18:00", holidays="2027-01-01")
    assert "Monday 09:00-13:00, 14:00-18:00" in page
    with database.reading() as session:
        assert session.get_one(Workspace, acme.workspace_id).hours["holidays"] == ["2027-01-01"]
        anna = session.scalars(select(EmployeeRow.id).where(EmployeeRow.name == "Анна Белова")).first()
    post(client, "people/hours", employee_id=str(anna), own="yes", sat="10:00-14:00", zone="Asia/Omsk")
    with database.reading() as session:
        assert session.scalars(select(PersonHours)).one().hours["zone"] == "Asia/Omsk"
        colleague = read_staff(session, acme.workspace_id, "mango").by_extension("101")
        assert colleague is not None
        assert colleague.hours is not None
        assert colleague.hours.is_open(datetime(2026, 5, 16, 4, 0, tzinfo=UTC))
        assert not colleague.hours.is_open(datetime(2026, 5, 16, 8, 0, tzinfo=UTC))
    post(client, "people/hours", employee_id=str(anna), mon="")
    with database.reading() as session:
        assert session.scalars(select(PersonHours)).all() == []


@pytest.mark.parametrize("wrong", [{"mon": "9-18"}, {"fri": "18:00-09:00"}, {"holidays": "soon"}, {"zone": "Mars"}])
def test_hours_that_cannot_be_read_change_nothing(
    app: Flask, acme: Seeded, database: Database, wrong: dict[str, str]
) -> None:
    page = post(log_in(app, acme), "people/hours", own="yes", **wrong)
    assert 'class="note bad"' in page
    with database.reading() as session:
        assert session.get_one(Workspace, acme.workspace_id).hours == {}


def test_who_is_away_gets_nobody_until_they_are_back(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    with database.reading() as session:
        anna = session.scalars(select(EmployeeRow.id).where(EmployeeRow.name == "Анна Белова")).first()
    period = {"since": "2026-05-14T00:00", "until": "2026-05-20T00:00"}
    assert "holiday at sea" in post(client, "people/absence", employee_id=str(anna), note="holiday at sea", **period)
    own(database, acme)
    assert "Анна Белова owns contact 871 and is absent" in client.get(f"/admin/routing?caller={NUMBER[1:]}").text
    with database.reading() as session:
        absence = session.scalars(select(Absence)).one()
    assert absence.since == datetime(2026, 5, 13, 21, 0, tzinfo=UTC)
    post(client, "people/absence/remove", absence_id=str(absence.id))
    assert "is on shift" in client.get(f"/admin/routing?caller={NUMBER[1:]}").text


def test_an_absence_that_ends_before_it_begins_is_not_kept(app: Flask, acme: Seeded, database: Database) -> None:
    with database.reading() as session:
        anna = session.scalars(select(EmployeeRow.id)).first()
    period = {"since": "2026-05-14T10:00", "until": "2026-05-14T09:00"}
    assert "Nothing was changed" in post(log_in(app, acme), "people/absence", employee_id=str(anna), **period)


def test_a_group_takes_strangers_and_is_removed(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    post(client, "groups", name="Sales", extension="300", weight="3")
    post(client, "groups", name="Sales", extension="301", weight="2")
    assert "Sales · 301" in client.get("/admin/routing?caller=79005550000").text
    with database.reading() as session:
        group = session.scalars(select(RoutingGroup)).one()
    assert (group.extensions, group.weight) == ({"*": "301"}, 2)
    post(client, "groups/remove", group_id=str(group.id))
    assert "there are no groups" in client.get("/admin/routing?caller=79005550000").text


def test_settings_say_where_everybody_else_goes(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    post(client, "settings", settings="yes", default_extension="100", push=["vip", "group", "nonsense"])
    with database.reading() as session:
        kept = read_settings(session, acme.workspace_id)
    assert (kept.default_extension, kept.push) == ("100", ("vip", "group"))
    assert "everybody else goes to 100" in client.get("/admin/routing?caller=79005550000").text


def test_things_of_another_workspace_stay_as_they_are(
    app: Flask, acme: Seeded, stranger: Seeded, database: Database
) -> None:
    client = log_in(app, acme)
    post(client, "vip", phone=NUMBER, extension="101", note="landlord")
    post(client, "groups", name="Sales", extension="300")
    with database.transaction() as session:
        anna = session.scalars(select(EmployeeRow.id).where(EmployeeRow.workspace_id == acme.workspace_id)).first()
        assert anna is not None
        session.add(Absence(employee_id=anna, since=NOW, until=NOW + timedelta(days=1)))
        vip = session.scalars(select(Provisioned.id).where(Provisioned.section == "vip")).one()
        group = session.scalars(select(RoutingGroup.id)).one()
    other = log_in(app, stranger)
    post(other, "vip/remove", vip_id=str(vip))
    post(other, "groups/remove", group_id=str(group))
    post(other, "people/hours", employee_id=str(anna), own="yes", mon="09:00-10:00")
    post(other, "people/absence/remove", absence_id="1")
    post(other, "sync", connection_id=str(acme.crm_id))
    assert vip_list(database, acme) == {NUMBER: "101"}
    with database.reading() as session:
        assert len(session.scalars(select(RoutingGroup)).all()) == len(session.scalars(select(Absence)).all()) == 1
        assert session.scalars(select(PersonHours)).all() == []
    assert "Sales" not in other.get("/admin/routing/people").text
    assert "landlord" not in other.get("/admin/routing/vip").text
