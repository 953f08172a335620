"""How the public API says no."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from hub.db.engine import Database
from tests.web.conftest import Notes, bearer
from tests.web.operations import OPERATIONS
from tests.web.seed import (
    EVERY_SCOPE,
    Seeded,
    add_call,
    add_delivery,
    add_item,
)


def _is_problem(answer: TestResponse, status: int) -> dict[str, object]:
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    body: dict[str, object] = answer.get_json()
    assert body["status"] == status
    assert {"type", "title", "detail"} <= body.keys()
    return body


@pytest.mark.parametrize(("method", "path", "scope"), OPERATIONS)
def test_each_operation_asks_for_a_key_and_for_its_scope(
    app: Flask, acme: Seeded, method: str, path: str, scope: str
) -> None:
    client = app.test_client()
    for headers in ({}, {"Authorization": "Bearer dz_wrong"}, {"Authorization": "Basic eDp5"}):
        answer = client.open("/api/v1" + path, method=method, headers=headers)
        _is_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    for other in set(EVERY_SCOPE) - {scope}:
        body = _is_problem(client.open("/api/v1" + path, method=method, headers=bearer(acme, other)), 403)
        assert scope in str(body["detail"])
    assert client.open("/api/v1" + path, method=method, headers=bearer(acme, scope)).status_code in {200, 404, 422}


def test_ids_of_another_workspace_are_not_found(
    app: Flask, database: Database, acme: Seeded, stranger: Seeded, notes: Notes
) -> None:
    call_id = add_call(database, stranger)
    delivery, item = add_delivery(database, stranger, call_id, state="dead"), add_item(database, stranger)
    client = app.test_client()
    for method, path in (
        ("GET", f"/calls/{call_id}"), ("GET", f"/deliveries/{delivery}"), ("POST", f"/deliveries/{delivery}/replay"),
        ("POST", f"/inbox/{item}/replay"),
    ):  # fmt: skip
        _is_problem(client.open("/api/v1" + path, method=method, headers=bearer(acme)), 404)
        assert client.open("/api/v1" + path, method=method, headers=bearer(stranger)).status_code in {200, 202}
    for path in ("/calls", "/deliveries", "/inbox"):
        assert client.get("/api/v1" + path, headers=bearer(acme)).get_json()["items"] == []
    assert client.get(f"/api/v1/deliveries?call={call_id}", headers=bearer(acme)).get_json()["items"] == []
    assert {workspace_id for _, workspace_id in notes.deliveries + notes.inbox} == {stranger.workspace_id}


@pytest.mark.parametrize("bad", ["0", "-1", "9223372036854775808", "9" * 400, "%00", "1%00", "١", "1.0", "x"])
def test_ids_that_no_row_can_have_are_not_found(app: Flask, acme: Seeded, bad: str) -> None:
    for path in (f"/calls/{bad}", f"/deliveries/{bad}"):
        _is_problem(app.test_client().get("/api/v1" + path, headers=bearer(acme)), 404)
    _is_problem(app.test_client().post(f"/api/v1/inbox/{bad}/replay", headers=bearer(acme)), 404)


@pytest.mark.parametrize(
    "query",
    [
        "direction=sideways", "outcome=", "limit=0", "limit=201", "limit=x", "from=yesterday", "from=0001-01-01",
        "to=9999-12-31T23:59:59-14:00", "cursor=%00", "cursor=abc", "cursor=W10", "cursor=bnVsbA", "cursor=WyIxIl0",
        "cursor=WyIxIiwgIjAwMDEtMDEtMDFUMDA6MDA6MDBaIl0", "phone=%00", "source=a%00b", "connection=%00", "colour=red",
    ],
)  # fmt: skip
def test_bad_values_are_named(app: Flask, acme: Seeded, query: str) -> None:
    body = _is_problem(app.test_client().get(f"/api/v1/calls?{query}", headers=bearer(acme)), 422)
    errors = body["errors"]
    assert isinstance(errors, list)
    assert errors[0]["field"] == query.partition("=")[0]
    assert errors[0]["message"]


def test_unknown_addresses_and_methods_are_problems_too(app: Flask, acme: Seeded) -> None:
    client = app.test_client()
    _is_problem(client.get("/api/v1/nothing", headers=bearer(acme)), 404)
    answer = client.delete("/api/v1/calls", headers=bearer(acme))
    _is_problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


def test_body_that_is_not_json_is_refused(app: Flask, database: Database, acme: Seeded, notes: Notes) -> None:
    dead = add_delivery(database, acme, add_call(database, acme), state="dead")
    path = f"/api/v1/deliveries/{dead}/replay"
    client = app.test_client()
    _is_problem(client.post(path, headers=bearer(acme), data={"a": "b"}), 415)
    _is_problem(client.post(path, headers=bearer(acme), data="{", content_type="application/json"), 400)
    _is_problem(client.post(path, headers=bearer(acme), data=b"x" * 2_000_000, content_type="application/json"), 413)
    assert notes.deliveries == []
    assert client.post(path, headers=bearer(acme), json={}).status_code == 202


def test_key_that_asks_too_fast_is_told_how_long_to_wait(
    app: Flask, acme: Seeded, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.extensions["dozvon-api-brake"], "_times", 3)
    client = app.test_client()
    for _ in range(3):
        assert client.get("/api/v1/calls", headers=bearer(acme)).status_code == 200
    answer = client.get("/api/v1/calls", headers=bearer(acme))
    _is_problem(answer, 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    notes.pass_time(timedelta(seconds=61))
    assert client.get("/api/v1/calls", headers=bearer(acme)).status_code == 200
