"""The VIP list by page, by file and by API."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from sqlalchemy import select

from hub.db.engine import Database
from hub.db.tables import AuditRow, Provisioned
from hub.routing.vips import read_csv
from tests.web.conftest import bearer, log_in
from tests.web.seed import Seeded
from tests.web.test_routing import NUMBER, database_url, post, vip_list  # noqa: F401 - the fixture is used by name


def test_a_line_is_added_changed_found_and_removed(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    assert "is on the VIP list" in post(client, "vip", phone="8 (900) 123-45-67", extension="101", note="landlord")
    assert "was changed" in post(client, "vip", phone=NUMBER, extension="102", note="landlord")
    assert vip_list(database, acme) == {NUMBER: "102"}
    assert "landlord" in client.get("/admin/routing/vip?q=LANDLORD").text
    assert "landlord" in client.get("/admin/routing/vip?q=123-45").text
    assert "landlord" not in client.get("/admin/routing/vip?q=nobody").text
    with database.reading() as session:
        row_id = session.scalars(select(Provisioned.id).where(Provisioned.section == "vip")).one()
    post(client, "vip/remove", vip_id=str(row_id))
    assert vip_list(database, acme) == {}
    with database.reading() as session:
        noted = session.scalars(select(AuditRow.action).where(AuditRow.action.startswith("vip"))).all()
    assert noted == ["vip.add", "vip.change", "vip.remove"]


def test_a_number_that_is_none_is_not_kept_and_called_so(app: Flask, acme: Seeded, database: Database) -> None:
    assert "is no full phone number" in post(log_in(app, acme), "vip", phone="12", extension="101")
    assert vip_list(database, acme) == {}


def test_a_file_goes_out_and_comes_back_as_it_was(app: Flask, acme: Seeded, database: Database) -> None:
    client = log_in(app, acme)
    post(client, "vip", phone=NUMBER, extension="101", note="=HYPERLINK(1)")
    post(client, "vip", phone="+74951234567", note="Ольга")
    before = vip_list(database, acme)
    file = client.get("/admin/routing/vip.csv").data
    assert b"'=HYPERLINK" in file
    post(client, "vip", phone="+79005550000", extension="102")
    page = post(client, "vip/import", file=(io.BytesIO(file), "vip.csv"), replace="yes")
    assert "0 new" in page
    assert "1 removed" in page
    assert vip_list(database, acme) == before


def test_a_file_with_a_mistake_changes_nothing_and_names_the_line(app: Flask, acme: Seeded, database: Database) -> None:
    file = io.BytesIO(b"phone;extension\n+79001234567;101\nnobody;102\n")
    assert "3: nobody is no full phone number" in post(log_in(app, acme), "vip/import", file=(file, "vip.csv"))
    assert vip_list(database, acme) == {}


@pytest.mark.parametrize(
    "content",
    [
        "phone,extension,note\n+79001234567,101,Ольга\n".encode(),
        "\ufeffphone;extension;note\r\n8 900 123 45 67;101;Ольга\r\n\r\n".encode(),
        "Note\tPhone\tExtension\nОльга\t79001234567\t101\n".encode("cp1251"),
        "+79001234567,101,Ольга".encode(),
        "+79001234567;999;first\n+79001234567;101;Ольга".encode(),
    ],
)
def test_files_of_all_spreadsheets_are_read(content: bytes) -> None:
    read = read_csv(content, "RU")
    assert [(vip.phone, vip.extension, vip.note) for vip in read.vips] == [(NUMBER, "101", "Ольга")]
    assert read.mistakes == ()


def test_the_api_puts_lists_and_removes(app: Flask, acme: Seeded, stranger: Seeded, database: Database) -> None:
    client, keys = app.test_client(), bearer(acme, "routing:write")
    made = client.post("/api/v1/vip", json={"phone": "89001234567", "extension": "101"}, headers=keys)
    assert made.status_code == 200
    assert made.json is not None
    assert (made.json["phone"], made.json["extension"]) == (NUMBER, "101")
    listed = client.get("/api/v1/vip", headers=bearer(acme, "routing:read")).json
    assert listed is not None
    assert [item["phone"] for item in listed["items"]] == [NUMBER]
    assert listed["next"] is None
    assert client.post("/api/v1/vip", json={"phone": "12"}, headers=keys).status_code == 422
    address = f"/api/v1/vip/{made.json['id']}"
    assert client.delete(address, headers=bearer(stranger, "routing:write")).status_code == 404
    assert client.delete(address, headers=bearer(acme, "routing:read")).status_code == 403
    assert client.delete(address, headers=keys).status_code == 204
    assert vip_list(database, acme) == {}
    assert client.get("/api/v1/vip.csv", headers=bearer(acme, "routing:read")).text.startswith("phone,extension,note")
