"""What people and programs are told when something is not there, not allowed, or broken."""

from __future__ import annotations

import pytest
from flask import Flask

from hub.db.engine import Database
from tests.web.conftest import log_in
from tests.web.seed import Seeded


@pytest.mark.parametrize(("language", "words"), [("ru", "Здесь ничего нет"), ("en", "There is nothing here")])
def test_error_pages_speak_the_language_of_the_browser(app: Flask, language: str, words: str) -> None:
    answer = app.test_client().get("/nothing", headers={"Accept-Language": language})
    assert answer.status_code == 404
    assert words in answer.text


def test_wrong_method_and_oversized_body_get_friendly_pages(app: Flask, acme: Seeded) -> None:
    client = log_in(app, acme)
    answer = client.put("/admin/login")
    assert answer.status_code == 405
    assert "buttons of the page" in answer.text
    answer = client.post("/admin/login", data={"email": "x" * 2_000_000})
    assert answer.status_code == 413
    assert "too large" in answer.text


@pytest.mark.parametrize("path", ["/admin/calls", "/api/v1/connections"])
def test_a_bug_shows_a_sentence_and_no_traceback(
    app: Flask, acme: Seeded, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.web.queries import calls, connections
    from tests.web.conftest import bearer

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret inner words")

    client = log_in(app, acme)
    monkeypatch.setattr(calls, "list_calls", broken)
    monkeypatch.setattr(connections, "list_connections", broken)
    answer = client.get(path, headers=bearer(acme))
    assert answer.status_code == 500
    assert "secret inner words" not in answer.text
    assert "Traceback" not in answer.text
    assert ("problem+json" in answer.content_type) == path.startswith("/api/")


def test_database_that_is_away_is_503_for_people_and_programs(
    app: Flask, acme: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import OperationalError

    from tests.web.conftest import bearer

    client = log_in(app, acme)

    def away(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("connection refused"))

    monkeypatch.setattr(Database, "reading", away)
    for path in ("/admin/calls", "/api/v1/calls", "/metrics", "/r/" + "r" * 32):
        answer = client.get(path, headers=bearer(acme))
        assert answer.status_code == 503, path
        assert answer.headers["Retry-After"]
        assert "SELECT" not in answer.text
    assert client.get("/healthz").status_code == 200
