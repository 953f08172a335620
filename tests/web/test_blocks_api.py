"""The black list and absences by API."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from hub.db.engine import Database
from hub.db.routing import Absence, Block
from hub.db.tables import EmployeeRow
from hub.routing.facts import is_blocked
from tests.web.conftest import bearer
from tests.web.seed import NOW, Seeded
from tests.web.test_office import database_url, notes_of

__all__ = ["database_url"]
NUMBER = "+79001234567"


def test_a_number_is_blocked_changed_listed_and_let_go(
    app: Flask, acme: Seeded, stranger: Seeded, database: Database
) -> None:
    client, keys = app.test_client(), bearer(acme, "routing:write")
    until = (NOW + timedelta(hours=1)).isoformat()
    made = client.post("/api/v1/blocks", json={"value": "89001234567", "until": until}, headers=keys).get_json()
    assert (made["kind"], made["value"], made["reason"]) == ("number", NUMBER, "")
    with database.reading() as session:
        assert is_blocked(session, acme.workspace_id, "number", NUMBER, NOW)
        assert not is_blocked(session, acme.workspace_id, "number", NUMBER, NOW + timedelta(hours=2))
    again = client.post("/api/v1/blocks", json={"value": NUMBER, "reason": "a prank"}, headers=keys).get_json()
    assert (again["id"], again["until"], again["reason"]) == (made["id"], None, "a prank")
    listed = client.get("/api/v1/blocks", headers=bearer(acme, "routing:read")).get_json()
    assert [item["value"] for item in listed["items"]] == [NUMBER]
    address = f"/api/v1/blocks/{made['id']}"
    assert client.get("/api/v1/blocks", headers=bearer(stranger, "routing:read")).get_json()["items"] == []
    assert client.delete(address, headers=bearer(stranger, "routing:write")).status_code == 404
    assert client.delete(address, headers=keys).status_code == 204
    assert client.delete(address, headers=keys).status_code == 404
    with database.reading() as session:
        assert session.scalars(select(Block)).all() == []
    noted = notes_of(database, acme)
    assert [action for _, action, _ in noted] == ["block.add", "block.add", "block.remove"]
    assert NUMBER not in str(noted)


def test_what_cannot_be_compared_is_refused_by_its_field(app: Flask, acme: Seeded, database: Database) -> None:
    client, keys = app.test_client(), bearer(acme, "routing:write")
    for body in ({"value": "12"}, {"kind": "ip", "value": "nowhere"}, {"kind": "king", "value": "x"}, {}):
        assert client.post("/api/v1/blocks", json=body, headers=keys).status_code == 422
    address = client.post("/api/v1/blocks", json={"kind": "ip", "value": "2001:DB8::0001"}, headers=keys).get_json()
    assert address["value"] == "2001:db8::1"
    assert (
        client.post("/api/v1/blocks", json={"value": NUMBER}, headers=bearer(acme, "routing:read")).status_code == 403
    )


def test_pages_of_the_list_join_without_a_gap(app: Flask, acme: Seeded) -> None:
    client, keys = app.test_client(), bearer(acme, "routing:write")
    for number in range(5):
        client.post("/api/v1/blocks", json={"kind": "visitor", "value": f"v{number}"}, headers=keys)
    seen, path = [], "/api/v1/blocks?limit=2"
    while path:
        page = client.get(path, headers=bearer(acme, "routing:read")).get_json()
        seen += [item["value"] for item in page["items"]]
        path = f"/api/v1/blocks?limit=2&cursor={page['next']}" if page["next"] else ""
    assert seen == ["v4", "v3", "v2", "v1", "v0"]


def test_an_absence_is_noted_by_name_and_removed(
    app: Flask, acme: Seeded, stranger: Seeded, database: Database
) -> None:
    with database.transaction() as session:
        session.add(EmployeeRow(workspace_id=acme.workspace_id, name="Vera", extensions={}, users={}))
    client, keys = app.test_client(), bearer(acme, "routing:write")
    span = {"since": NOW.isoformat(), "until": (NOW + timedelta(days=3)).isoformat()}
    made = client.post("/api/v1/absences", json={"employee": "Vera", "note": "ill", **span}, headers=keys).get_json()
    assert (made["employee"], made["note"]) == ("Vera", "ill")
    listed = client.get("/api/v1/absences", headers=bearer(acme, "routing:read")).get_json()
    assert [item["id"] for item in listed["items"]] == [made["id"]]
    backwards = {"since": span["until"], "until": span["since"]}
    for wrong in ({"employee": "Nobody", **span}, {"employee": "Vera", **backwards}, {"employee": "Vera"}):
        assert client.post("/api/v1/absences", json=wrong, headers=keys).status_code == 422
    path = f"/api/v1/absences/{made['id']}"
    assert client.delete(path, headers=bearer(stranger, "routing:write")).status_code == 404
    assert client.delete(path, headers=keys).status_code == 204
    with database.reading() as session:
        assert session.scalars(select(Absence)).all() == []
