"""The audit log and the settings of a workspace."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from hub.db.engine import Database
from hub.db.tables import AuditRow, Workspace
from hub.web.office.words import ACTIONS
from tests.web.conftest import Notes, log_in
from tests.web.seed import NOW, Seeded
from tests.web.test_office import database_url, notes_of, post

__all__ = ["database_url"]


# --- The audit log ---------------------------------------------------------------------------------


def test_log_is_filtered_by_who_what_and_text_and_pages_without_a_gap(
    app: Flask, acme: Seeded, stranger: Seeded, database: Database
) -> None:
    owner = log_in(app, acme)
    with database.transaction() as session:
        for number in range(120):
            session.add(
                AuditRow(
                    workspace_id=acme.workspace_id, at=NOW + timedelta(seconds=number), actor="cli",
                    action="vip.add", subject=f"line-{number:03d}.",
                )
            )  # fmt: skip
        session.add(
            AuditRow(workspace_id=stranger.workspace_id, at=NOW, actor="cli", action="vip.add", subject="foreign")
        )
    seen, path = [], "/admin/workspace/audit?actor=cli&action=vip.add"
    while path:
        page = owner.get(path).text
        seen += re.findall(r"line-\d{3}", page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = older.group(1).replace("&amp;", "&") if older else ""
    assert seen == [f"line-{number:03d}" for number in reversed(range(120))]
    assert "foreign" not in owner.get("/admin/workspace/audit").text
    assert set(re.findall(r"line-\d{3}", owner.get("/admin/workspace/audit?q=line-007").text)) == {"line-007"}
    assert "Nothing fits" in owner.get("/admin/workspace/audit?actor=nobody").text


def test_seeing_a_hook_address_is_noted_once_an_hour(
    app: Flask, acme: Seeded, database: Database, notes: Notes
) -> None:
    owner, auditor = log_in(app, acme), log_in(app, acme, "auditor")
    path = f"/admin/connections/{acme.pbx_id}"
    for client in (owner, owner, auditor):
        assert client.get(path).status_code == 200
    assert notes_of(database, acme) == [(acme.email("owner"), "hook_address.view", "mango")]
    notes.pass_time(timedelta(minutes=61))
    owner.get(path)
    assert len(notes_of(database, acme)) == 2


def test_auditor_reads_all_rooms_and_sees_no_button(app: Flask, acme: Seeded) -> None:
    client = log_in(app, acme, "auditor")
    for path in ("", "/users", "/keys", "/audit"):
        page = client.get(f"/admin/workspace{path}").text
        assert set(re.findall(r'action="(/admin/workspace[^"]*)"', page)) <= {"/admin/workspace/audit"}


def test_every_action_that_the_code_notes_has_words() -> None:
    noted = set()
    for file in Path("hub/web").rglob("*.py"):
        noted |= set(re.findall(r'\b(?:note(?:_view)?|audit)\((?:session, )?[\w()]+, "([\w.]+)"', file.read_text()))
    assert len(noted) >= 8
    assert noted <= set(ACTIONS)


# --- Settings --------------------------------------------------------------------------------------


def settings_form(**changed: str) -> dict[str, str]:
    return {"name": "ООО «Акме»", "timezone": "Asia/Omsk", "region": "KZ", "locale": "en", **changed}


def test_settings_are_kept_noted_and_count_at_once(app: Flask, acme: Seeded, database: Database) -> None:
    owner = log_in(app, acme)
    form = settings_form(own="yes", mon="09:00-13:00, 14:00-18:00", holidays="2027-01-01")
    assert "Kept." in post(owner, "", **form)
    with database.reading() as session:
        row = session.get_one(Workspace, acme.workspace_id)
    assert (row.name, row.timezone, row.region, row.locale) == ("ООО «Акме»", "Asia/Omsk", "KZ", "en")
    assert (row.hours["mon"], row.hours["sun"]) == (["09:00-13:00", "14:00-18:00"], [])
    _, action, subject = notes_of(database, acme)[-1]
    assert action == "workspace.change"
    assert "timezone: Europe/Moscow → Asia/Omsk" in subject
    assert "GMT+6" in owner.get("/admin/").text or "Omsk" in owner.get("/admin/").text
    assert "Nothing was changed" in post(owner, "", **form)
    assert len(notes_of(database, acme)) == 1


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", " ", "1 to 200 characters"),
        ("timezone", "Mars/Olympus", "no such time zone"),
        ("region", "XX", "Choose a country"),
        ("locale", "de", "Choose a language"),
        ("tue", "9 to 5", "Tuesday: write hours like"),
    ],
)
def test_wrong_setting_is_named_in_words_and_nothing_is_kept(
    app: Flask, acme: Seeded, database: Database, field: str, value: str, words: str
) -> None:
    page = post(log_in(app, acme), "", **settings_form(own="yes", **{field: value}))
    assert words in page
    assert "Asia/Omsk" in page or field == "timezone"
    with database.reading() as session:
        assert session.get_one(Workspace, acme.workspace_id).region == "RU"
    assert notes_of(database, acme) == []
