"""The rules pages: what each role sees, editing into a draft, trying, publishing, going back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub.config import Settings
from hub.db.engine import Database
from hub.db.rules import RulesDraft, RulesVersion
from hub.db.work import DeliveryRow
from mapping.files import read_text
from tests.web.conftest import Notes, bearer, csrf_of, log_in
from tests.web.rule_stage import add_world, rules_app
from tests.web.seed import Seeded

READING = ("", "/people", "/more", "/try", "/versions", "/rules.toml", "/rules.json", "/rule/1", "/rule/0")
WRITING = ("/rule/1", "/rule/1/move", "/people", "/more", "/import", "/publish", "/discard", "/versions/1/again")
LINE: dict[str, Any] = {
    "name": "From Yandex", "situation": ["inbound_answered", "inbound_missed"], "person": "unknown", "source": "yandex",
    "outcome": "lead", "stage": "IN_PROCESS", "responsible_1": "answered_by", "title": "{source.source}",
}  # fmt: skip


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    """What stores do differently is proven elsewhere."""
    file = tmp_path / "test.sqlite3"
    shutil.copyfile(migrated_sqlite, file)
    return f"sqlite:///{file}"


@pytest.fixture
def app(settings: Settings, database: Database, notes: Notes, acme: Seeded) -> Flask:
    add_world(database, acme)
    return rules_app(settings, database, notes)


@pytest.fixture
def owner(app: Flask, acme: Seeded) -> FlaskClient:
    return log_in(app, acme)


def send(client: FlaskClient, address: str, **form: Any) -> Any:
    token = csrf_of(client.get("/admin/calls").text)
    return client.post(address, data={"csrf_token": token, **form}, follow_redirects=True)


def base(seeded: Seeded) -> str:
    return f"/admin/rules/{seeded.crm_id}"


@pytest.mark.parametrize(("role", "reads", "writes"), [
    ("admin", 200, True), ("marketer", 200, False), ("auditor", 200, False), ("agent", 403, False),
])  # fmt: skip
def test_each_role_may_do_what_the_matrix_says(app: Flask, acme: Seeded, role: str, reads: int, writes: bool) -> None:
    client = log_in(app, acme, role)
    assert {part: client.get(base(acme) + part).status_code for part in READING} == dict.fromkeys(READING, reads)
    token = csrf_of(client.get("/admin/calls").text)
    codes = {
        part: client.post(base(acme) + part, data={"csrf_token": token, "act": "up"}).status_code for part in WRITING
    }
    refused = {part for part, code in codes.items() if code == 403}
    assert refused == (set() if writes else set(WRITING))


def test_another_workspace_finds_nothing_and_a_stranger_logs_in_first(
    app: Flask, acme: Seeded, stranger: Seeded
) -> None:
    other = log_in(app, stranger)
    token = csrf_of(other.get("/admin/calls").text)
    for part in READING:
        assert other.get(base(acme) + part).status_code == 404, part
        assert app.test_client().get(base(acme) + part).status_code == 302, part
    for part in WRITING:
        code = other.post(base(acme) + part, data={"csrf_token": token, "act": "up", "name": "x"}).status_code
        assert code == 404, part


def test_the_table_shows_the_built_in_rules_in_their_order(owner: FlaskClient, acme: Seeded) -> None:
    page = owner.get("/admin/rules", follow_redirects=True).text
    assert page.index("внутренние звонки") < page.index("неизвестный клиент") < page.index("всё остальное")
    assert "the first rule that fits a call wins" in page


def test_a_rule_goes_into_the_draft_and_holds_only_after_its_dry_run_was_seen(
    owner: FlaskClient, acme: Seeded, database: Database
) -> None:
    kept = send(owner, f"{base(acme)}/rule/0", revision="0", **LINE)
    assert "Kept in the draft" in kept.text
    assert "From Yandex" in kept.text
    assert "look at the dry run" in send(owner, f"{base(acme)}/publish").text
    tried = owner.get(f"{base(acme)}/try").text
    assert "2 of 3 would come to something else" in tried
    assert "Published" in send(owner, f"{base(acme)}/publish", note="ads").text
    with database.reading() as session:
        (version,) = session.scalars(select(RulesVersion)).all()
        assert (version.version, version.published_by, version.note) == (1, acme.email("owner"), "ads")
        assert version.document["policy"][0]["stage"] == "IN_PROCESS"
        assert session.scalars(select(RulesDraft)).all() == []
        assert session.scalars(select(DeliveryRow)).all() == []


def test_a_preview_tells_what_the_edited_rule_comes_to_and_keeps_nothing(
    owner: FlaskClient, acme: Seeded, database: Database
) -> None:
    token = csrf_of(owner.get(f"{base(acme)}/rule/0").text)
    form = {**LINE, "source": "", "csrf_token": token}
    part = owner.post(f"{base(acme)}/rule/0/try", data=form, headers={"HX-Request": "true"}).text
    assert "<html" not in part
    assert "From Yandex" in part
    assert "IN_PROCESS" in part
    whole = owner.post(f"{base(acme)}/rule/0/try", data=form).text
    assert "<html" in whole
    assert 'value="From Yandex"' in whole
    wrong = owner.post(f"{base(acme)}/rule/0/try", data={**form, "title": "{source.campain}"}).text
    assert "Did you mean {source.campaign}?" in wrong
    with database.reading() as session:
        assert session.scalars(select(RulesDraft)).all() == []


def test_a_wrong_rule_stays_in_the_form_with_what_is_wrong(owner: FlaskClient, acme: Seeded) -> None:
    page = send(owner, f"{base(acme)}/rule/0", **{**LINE, "responsible_1": "fixed"}).text
    assert "rule 1 «From Yandex»: users is missing" in page
    assert 'value="From Yandex"' in page


def test_two_people_notice_each_other(owner: FlaskClient, acme: Seeded) -> None:
    send(owner, f"{base(acme)}/rule/0", revision="0", **LINE)
    late = send(owner, f"{base(acme)}/rule/0", revision="0", **{**LINE, "name": "Late"}).text
    assert "Somebody else has changed the draft" in late
    assert "Late" not in late


def test_rules_are_moved_and_removed(owner: FlaskClient, acme: Seeded) -> None:
    moved = send(owner, f"{base(acme)}/rule/1/move", act="down").text
    assert moved.index("неизвестный клиент") < moved.index("внутренние звонки")
    removed = send(owner, f"{base(acme)}/rule/1/move", act="remove").text
    assert "неизвестный клиент" not in removed
    assert send(owner, f"{base(acme)}/rule/1/move", act="nonsense").status_code == 400


def test_people_are_pasted_from_a_spreadsheet(owner: FlaskClient, acme: Seeded) -> None:
    rows = "\n".join(f"{number}\t{7 + number % 2}\tEmployee {number}" for number in range(200, 400))
    page = send(owner, f"{base(acme)}/people", employees=rows).text
    assert page.count("these rules") == 200
    wrong = send(owner, f"{base(acme)}/people", employees="101\t7\n101\t8").text
    assert "employee «101»: stands here 2 times" in wrong
    gone = send(owner, f"{base(acme)}/people", employees="101\t99\tNobody").text
    assert "points at employee 99" in gone


def test_everything_else_is_kept_as_it_was_entered(owner: FlaskClient, acme: Seeded, database: Database) -> None:
    form = {
        "tasks": ["make", "close_on_contact"], "task_situation": ["inbound_missed"], "within_minutes": "15",
        "who_1": "fixed", "task_users": "7", "fields": "landing;lead;UF_X;{visit.landing};+",
        "sources": "Direct;yandex/cpc, yandex/cpm;ADVERTISING", "recordings": "link", "min_talk_seconds": "45",
        "unique_days": "30", "missed_hours": "24", "privacy": ["mask_phones"],
    }  # fmt: skip
    assert "Kept in the draft" in send(owner, f"{base(acme)}/more", **form).text
    document = read_text(owner.get(f"{base(acme)}/rules.toml").text, "toml")
    assert document["tasks"] == {
        "situation": ["inbound_missed"], "who": ["fixed"], "users": ["7"], "within_minutes": 15,
    }  # fmt: skip
    assert document["fields"] == [
        {"name": "landing", "entity": "lead", "field": "UF_X", "value": "{visit.landing}", "always": True}
    ]
    assert document["sources"][0]["source"] == ["yandex/cpc", "yandex/cpm"]
    assert (document["recordings"], document["privacy"]) == ("link", {"mask_phones": True, "visit_pages": False})
    wrong = send(owner, f"{base(acme)}/more", **{**form, "within_minutes": "soon"}).text
    assert "tasks: within_minutes must be a whole number" in wrong


def test_files_and_presets_become_the_draft(owner: FlaskClient, acme: Seeded) -> None:
    assert "служба" not in owner.get(base(acme)).text
    assert "новый клиент, прошедший меню" in send(owner, f"{base(acme)}/import", preset="service_desk").text
    text = owner.get(f"{base(acme)}/rules.json").text.replace("новый клиент, прошедший меню", "from a file")
    assert "from a file" in send(owner, f"{base(acme)}/import", text=text).text
    assert "This is not TOML" in send(owner, f"{base(acme)}/import", text="policy = [").text
    assert "The draft is gone" in send(owner, f"{base(acme)}/discard").text
    assert owner.get(f"{base(acme)}/rules.xml").status_code == 404


def test_going_back_publishes_an_old_version_again(owner: FlaskClient, acme: Seeded) -> None:
    for name in ("one", "two"):
        send(owner, f"{base(acme)}/rule/0", **{**LINE, "name": name})
        owner.get(f"{base(acme)}/try")
        send(owner, f"{base(acme)}/publish")
    page = send(owner, f"{base(acme)}/versions/1/again").text
    assert "Version 1 holds again" in page
    assert "Version 3" in page
    assert "rule “two”" in page
    assert send(owner, f"{base(acme)}/versions/9/again").status_code == 404


def test_the_schema_is_open_to_everybody(app: Flask) -> None:
    answer = app.test_client().get("/schemas/rules-1.json")
    assert answer.status_code == 200
    assert answer.get_json()["title"] == "Dozvon rules"


# --- The API ----------------------------------------------------------------------------------------------


def api(app: Flask, seeded: Seeded, method: str, path: str, scope: str = "rules:write", **body: Any) -> Any:
    address = f"/api/v1/connections/{seeded.crm_id}/rules{path}"
    return app.test_client().open(address, method=method, headers=bearer(seeded, scope), json=body or None)


def test_a_program_drafts_tries_publishes_and_takes_back(app: Flask, acme: Seeded) -> None:
    document = {"version": 1, "policy": [{"name": "all", "outcome": "nothing"}]}
    first = api(app, acme, "GET", "", "rules:read").get_json()
    assert (first["version"], first["draft"], first["revision"]) == (0, None, 0)
    assert api(app, acme, "PUT", "/draft", document=document).get_json()["revision"] == 1
    assert api(app, acme, "PUT", "/draft", document=document, revision=7).status_code == 409
    assert api(app, acme, "POST", "/publish", note="x").status_code == 409
    run = api(app, acme, "POST", "/dry-run?last=2").get_json()
    assert (run["tried"], run["changed"], run["compared_with"]) == (2, 2, 0)
    assert run["items"][0]["draft"]["effects"] == [
        {"act": "left", "what": "nothing", "words": "правило «all»: в CRM не пишется", "parts": {}}
    ]
    assert api(app, acme, "POST", "/publish", note="x").get_json()["version"] == 1
    assert api(app, acme, "POST", "/rollback", version=1).get_json()["version"] == 1
    assert api(app, acme, "POST", "/rollback", version=5).status_code == 409
    assert api(app, acme, "POST", "/dry-run").status_code == 409
    (only,) = api(app, acme, "GET", "/versions", "rules:read").get_json()["items"]
    assert (only["version"], only["note"], only["ended_at"]) == (1, "x", None)


def test_a_wrong_document_is_refused_with_the_name_of_the_rule(app: Flask, acme: Seeded, stranger: Seeded) -> None:
    wrong = {"version": 1, "policy": [{"name": "From ads", "outcome": "led"}]}
    answer = api(app, acme, "PUT", "/draft", document=wrong)
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "From ads"
    address = f"/api/v1/connections/{acme.crm_id}/rules"
    assert app.test_client().get(address, headers=bearer(stranger)).status_code == 404
