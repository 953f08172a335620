"""Every address by every role, by strangers and by another workspace; CSRF, headers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from hub.db.engine import Database
from hub.web.roles import RIGHTS, Right
from tests.web.conftest import Notes, csrf_of, log_in
from tests.web.seed import ROLES, Seeded, add_call, add_delivery, add_item, add_recording, add_trouble
from tests.web.test_statements import add_statement
from tests.web.things import add_callback, add_spare, add_tracking

OPEN_TO_ALL = {
    "pages.root", "pages.login", "pages.log_in", "pages.log_out", "pages.choose_locale", "static",
    "pages.first", "pages.make_first",
    "description.openapi", "description.docs", "monitoring.healthz", "monitoring.readyz", "monitoring.metrics",
    "recordings.recording", "pages.way_in", "pages.use_way_in",
}  # fmt: skip
RULES = (
    "rules", "rule_book", "one_rule", "try_rule", "save_rule", "move_rule", "rule_people", "save_people", "rule_more",
    "save_more", "rule_file", "rules_schema", "import_rules", "try_rules", "publish_rules", "discard_rules",
    "publish_again", "rule_versions",
)  # fmt: skip
PROVEN_ELSEWHERE = ("api.", "bitrix24.", "amocrm.", "tracker.", "oidc.", *(f"pages.{name}" for name in RULES))
"""Doors with tests of their own: test_api*, test_oidc*, test_rules.py here, tests/bitrix24, amocrm, tracking_live."""
FORMS_PROVEN_ELSEWHERE = (
    "/admin/routing/",
    "/admin/callbacks/",
    "/admin/workspace",
    "/admin/account/",
    "/admin/start/",
    "/admin/new-site",
)
"""Their forms name rows by fields of their own. The proof is in test_routing, test_callback_pages, test_office,
test_start and test_sites."""
Ids = dict[str, int | str]
READ_ONLY = ("marketer", "agent", "auditor")


@pytest.fixture
def ids(database: Database, acme: Seeded) -> Ids:
    """One thing of each kind of the workspace, by the name of its place in an address."""
    add_trouble(database, acme)
    call_id = add_call(database, acme)
    add_recording(database, acme, call_id)
    return {
        "call_id": call_id,
        "connection_id": acme.crm_id,
        "item_id": add_item(database, acme),
        "delivery_id": add_delivery(database, acme, call_id, state="dead"),
        "statement_id": add_statement(database, acme),
        **add_tracking(database, acme),
        **add_callback(database, acme),
        **add_spare(database, acme, "one"),
    }


def _guarded(app: Flask) -> Iterator[tuple[Rule, str, Right]]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in OPEN_TO_ALL or rule.endpoint.startswith(PROVEN_ELSEWHERE):
            continue
        right = getattr(app.view_functions[rule.endpoint], "needed_right", None)
        assert right is not None, f"{rule.endpoint} is neither guarded nor listed as open"
        method = "POST" if "POST" in (rule.methods or set()) else "GET"
        yield rule, method, right


def _address(rule: Rule, ids: Ids) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(ids[found.group(1)]), str(rule))


def _form(rule: Rule, ids: Ids, token: str) -> dict[str, str]:
    kind = "delivery_id" if "deliveries" in str(rule) else "item_id"
    return {"csrf_token": token, "id": str(ids[kind])}


def _open(client: FlaskClient, rule: Rule, method: str, ids: Ids, token: str) -> TestResponse:
    form = _form(rule, ids, token) if method == "POST" else None
    return client.open(_address(rule, ids), method=method, data=form)


def test_every_address_obeys_the_table_of_rights(app: Flask, acme: Seeded, ids: Ids, database: Database) -> None:
    seen = 0
    for role in ROLES:
        ids |= add_spare(database, acme, role)  # some role has removed the one before
        client = log_in(app, acme, role)
        token = csrf_of(client.get("/admin/calls").text)
        for rule, method, right in _guarded(app):
            answer = client.open(
                _address(rule, ids), method=method, data=_form(rule, ids, token) if method == "POST" else None
            )
            expected = {200, 302, 303} if right in RIGHTS[role] else {403}
            assert answer.status_code in expected, (role, method, rule, answer.status_code)
            seen += 1
    assert seen >= 5 * 10


def test_strangers_reach_nothing_that_is_guarded(app: Flask, acme: Seeded, ids: Ids, notes: Notes) -> None:
    client = app.test_client()
    token = csrf_of(client.get("/admin/login").text)
    for rule, method, _ in _guarded(app):
        answer = client.open(
            _address(rule, ids), method=method, data=_form(rule, ids, token) if method == "POST" else None
        )
        assert answer.status_code == 302, rule
        assert answer.location.startswith("/admin/login")
    assert notes.deliveries == notes.inbox == []


def test_things_of_another_workspace_are_not_found(
    app: Flask, acme: Seeded, stranger: Seeded, ids: Ids, notes: Notes
) -> None:
    client = log_in(app, stranger)
    token = csrf_of(client.get("/admin/calls").text)
    seen = 0
    for rule, method, _ in _guarded(app):
        if "<" not in str(rule) and (method == "GET" or str(rule).startswith(FORMS_PROVEN_ELSEWHERE)):
            continue
        answer = client.open(
            _address(rule, ids), method=method, data=_form(rule, ids, token) if method == "POST" else None
        )
        assert answer.status_code == 404, rule
        seen += 1
    assert seen >= 6
    assert notes.deliveries == notes.inbox == []


def test_lists_show_nothing_of_another_workspace(app: Flask, acme: Seeded, stranger: Seeded, ids: Ids) -> None:
    client = log_in(app, stranger)
    for path in ("/admin/", "/admin/calls", "/admin/calls.csv", "/admin/deliveries?view=all", "/admin/quarantine"):
        text = client.get(path).text
        assert "900 123-45-67" not in text
        assert "not JSON" not in text
        assert "withdrawn" not in text


def test_read_only_roles_see_no_hook_address_and_no_replay_button(app: Flask, acme: Seeded, ids: Ids) -> None:
    path = f"/admin/connections/{acme.pbx_id}"
    assert "/hooks/hook-token-of-acme-0000" in log_in(app, acme, "admin").get(path).text
    for role in ("marketer", "auditor"):
        client = log_in(app, acme, role)
        assert "hook-token" not in client.get(path).text
        assert "/replay" not in client.get("/admin/deliveries?view=dead").text
        assert "/replay" not in client.get("/admin/quarantine").text


def test_agent_sees_calls_and_nothing_else(app: Flask, acme: Seeded, ids: Ids) -> None:
    client = log_in(app, acme, "agent")
    assert client.get("/admin/").location == "/admin/desk"
    assert "/admin/deliveries" not in client.get("/admin/calls").text


def test_no_secret_is_on_any_page(app: Flask, acme: Seeded, ids: Ids) -> None:
    client = log_in(app, acme)
    for rule, method, _ in _guarded(app):
        if method == "GET":
            assert "never shown" not in client.get(_address(rule, ids)).text


@pytest.mark.parametrize("bad", ["0", "9223372036854775808", "9" * 300, "-1", "x", "%00"])
def test_ids_that_no_row_can_have_are_not_found(app: Flask, acme: Seeded, bad: str) -> None:
    client = log_in(app, acme)
    for path in ("calls", "connections", "quarantine"):
        assert client.get(f"/admin/{path}/{bad}").status_code == 404
    token = csrf_of(client.get("/admin/calls").text)
    form = {"csrf_token": token, "id": ["1", bad.replace("%00", "\0")]}
    assert client.post("/admin/deliveries/replay", data=form).status_code == 404


# --- CSRF and headers -------------------------------------------------------------------------------


def test_nothing_changes_without_a_csrf_token(app: Flask, acme: Seeded, ids: Ids, notes: Notes) -> None:
    client = log_in(app, acme)
    changing = [
        rule for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or set()) and not rule.endpoint.startswith(PROVEN_ELSEWHERE)
    ]  # fmt: skip
    assert len(changing) >= 5
    for rule in changing:
        for token in ({}, {"csrf_token": "made up"}):
            answer = client.post(_address(rule, ids), data={"id": str(ids["delivery_id"]), "locale": "ru", **token})
            assert answer.status_code == 400, rule
    assert notes.deliveries == notes.inbox == []
    assert client.get("/admin/calls").status_code == 200


def test_reading_never_changes_anything(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if any(word in str(rule) for word in ("replay", "logout", "locale")):
            assert "GET" not in (rule.methods or set())


@pytest.mark.parametrize("path", ["/admin/login", "/admin/calls", "/healthz", "/nothing", "/api/v1/calls", "/r/x"])
def test_every_answer_carries_the_headers(app: Flask, acme: Seeded, path: str) -> None:
    headers = log_in(app, acme).get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


def test_no_template_has_inline_script_or_style(app: Flask, acme: Seeded, ids: Ids) -> None:
    client = log_in(app, acme)
    for rule, method, _ in _guarded(app):
        text = client.get(_address(rule, ids)).text if method == "GET" else ""
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text), rule
