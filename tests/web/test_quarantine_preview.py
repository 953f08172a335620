"""What items of the quarantine would become is shown before anything is read again."""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask
from sqlalchemy import select

from hub.calls.inbox import DEADLY
from hub.config import Settings
from hub.db.engine import Database
from hub.db.tables import CallRow
from hub.db.work import InboxRow, InboxState
from tests.mango.samples import CALL
from tests.web.conftest import Notes, csrf_of, log_in
from tests.web.rule_stage import rules_app
from tests.web.seed import Seeded, add_call, add_item

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PREVIEW = "/admin/quarantine/preview"


@pytest.fixture
def real(settings: Settings, database: Database, notes: Notes) -> Flask:
    """The application with the connectors that there really are."""
    return rules_app(settings, database, notes)


def chosen(page: str) -> list[int]:
    form = page[page.index("/admin/quarantine/replay") :]
    return sorted(int(number) for number in re.findall(r'name="id" value="(\d+)"', form))


def told_of(page: str, item_id: int) -> str:
    """The line of one item, as words."""
    found = re.search(rf'href="/admin/quarantine/{item_id}".*?</tr>', page, re.DOTALL)
    assert found is not None
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[0]))


def test_each_item_is_shown_as_what_it_would_become(
    real: Flask, acme: Seeded, database: Database, notes: Notes
) -> None:
    known = add_call(database, acme)
    with database.transaction() as session:
        key = session.get_one(CallRow, known).call_key
    fresh = add_item(database, acme, body=json.dumps(CALL).encode())
    joins = add_item(database, acme, body=json.dumps({**CALL, "entry_id": key}).encode())
    stays = add_item(database, acme, body=b"<oops>")
    deadly = add_item(database, acme, body=json.dumps(CALL).encode(), reason=DEADLY)
    client = log_in(real, acme)
    page = client.get(f"{PREVIEW}?all=1").text
    assert "makes a new call" in told_of(page, fresh)
    assert "joins a call that is there" in told_of(page, joins)
    assert f'href="/admin/calls/{known}"' in page
    assert "stays in quarantine" in told_of(page, stays)
    assert "was not tried here" in told_of(page, deadly)
    assert chosen(page) == [fresh, joins, stays, deadly]
    assert notes.inbox == []
    with database.reading() as session:
        states = session.scalars(select(InboxRow.state).where(InboxRow.id.in_([fresh, joins, stays, deadly]))).all()
        assert set(states) == {InboxState.QUARANTINED}
        assert len(session.scalars(select(CallRow.id)).all()) == 1
    form = {"csrf_token": csrf_of(page), "id": [str(row) for row in chosen(page)], "next": "/admin/quarantine"}
    assert client.post("/admin/quarantine/replay", data=form).location == "/admin/quarantine"
    assert notes.inbox == [([fresh, joins, stays, deadly], acme.workspace_id)]


def test_what_the_hub_fails_on_is_said_and_breaks_no_page(
    real: Flask, acme: Seeded, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = add_item(database, acme)
    app = real.extensions["dozvon"]
    hook = app.services.registry["mango"].hook
    monkeypatch.setattr(type(hook), "parse", lambda *_: 1 // 0)
    page = log_in(real, acme).get(f"{PREVIEW}?id={item}").text
    assert "stays in quarantine" in told_of(page, item)
    assert "ZeroDivisionError" in told_of(page, item)


def test_chosen_ones_of_a_list_lead_to_the_preview_and_only_what_is_in_quarantine_goes(
    real: Flask, acme: Seeded, database: Database
) -> None:
    item, done = add_item(database, acme), add_item(database, acme, state="processed")
    client = log_in(real, acme)
    listed = client.get("/admin/quarantine").text
    assert f'action="{PREVIEW}"' in listed
    assert "/admin/quarantine/replay" not in listed  # nothing goes without a look
    assert f'href="{PREVIEW}?id={item}"' in client.get(f"/admin/quarantine/{item}").text
    page = client.get(f"{PREVIEW}?id={item}&id={done}").text
    assert chosen(page) == [item]
    assert "1 are no longer in quarantine" in page
    assert client.get(f"{PREVIEW}?id={done}").location == "/admin/quarantine"
    assert client.get(PREVIEW).location == "/admin/quarantine"
    assert client.get(f"{PREVIEW}?all=1&connection=b24").location == "/admin/quarantine"


def test_foreign_items_and_other_roles_get_no_preview(
    real: Flask, acme: Seeded, stranger: Seeded, database: Database
) -> None:
    own, foreign = add_item(database, acme), add_item(database, stranger)
    client = log_in(real, acme)
    for ids in (f"id={foreign}", f"id={own}&id={foreign}", "id=x", "id=99999999999999999999"):
        assert client.get(f"{PREVIEW}?{ids}").status_code == 404
    assert client.get(f"{PREVIEW}?{'&'.join(f'id={number}' for number in range(1, 202))}").status_code == 413
    for role in ("marketer", "auditor"):
        assert log_in(real, acme, role).get(f"{PREVIEW}?id={own}").status_code == 403
