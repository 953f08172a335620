"""Whom a PBX names, when it wants to be asked less often."""

from __future__ import annotations

import pytest
from flask import Flask

from hub.db.engine import Database
from hub.db.routing import PbxExtension
from hub.db.tables import Connection
from hub.staff.systems import Listing, systems_of
from hub.web.services import web
from hub.web.staff import asked
from tests.web.seed import NOW, Seeded

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def listing(app: Flask, seeded: Seeded) -> Listing:
    with app.app_context():
        with web().database.reading() as session:
            systems = systems_of(session, web().services.registry, session.get_one(Connection, seeded.crm_id))
        return asked.listing_of(systems)


def add_extension(database: Database, seeded: Seeded) -> None:
    with database.transaction() as session:
        session.add(
            PbxExtension(connection_id=seeded.pbx_id, extension="101", kind="user", name="Anna", refreshed_at=NOW)
        )


@pytest.mark.parametrize(("is_early", "trouble"), [(True, ""), (False, "HTTP 503")])
def test_a_question_too_early_is_no_trouble_while_there_is_a_list(
    app: Flask, acme: Seeded, database: Database, monkeypatch: pytest.MonkeyPatch, is_early: bool, trouble: str
) -> None:
    add_extension(database, acme)
    monkeypatch.setattr(asked, "ask_pbx", lambda *_, **__: Listing(trouble="HTTP 503", is_early=is_early))
    found = listing(app, acme)
    assert ([one.extension for one in found.extensions], found.trouble) == (["101"], trouble)


def test_without_any_list_it_is_said_why_there_is_none(
    app: Flask, acme: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asked, "ask_pbx", lambda *_, **__: Listing(trouble="Too many requests.", is_early=True))
    assert listing(app, acme).trouble == "Too many requests."
