"""The headers that keep a browser safe are on everything: pages, parts, files, redirects and whatever goes wrong."""

from __future__ import annotations

import pytest
from flask import Flask

from hub.web.queries import calls
from tests.web.conftest import log_in
from tests.web.seed import Seeded

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STRICT = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ANSWERS = [
    ("GET", "/admin/", 200),
    ("GET", "/admin/reports", 200),
    ("GET", "/admin/reports.csv", 200),
    ("GET", "/admin/calls.csv", 200),
    ("GET", "/static/app.css", 200),
    ("GET", "/static/app.js", 200),
    ("GET", "/static/vendor/htmx.min.js", 200),
    ("GET", "/static/nothing.js", 404),
    ("GET", "/static/../../secret", 404),
    ("GET", "/", 302),
    ("GET", "/admin/calls/999999", 404),
    ("GET", "/admin/calls?cursor=x", 400),
    ("POST", "/admin/logout", 400),
    ("PUT", "/admin/calls", 405),
    ("OPTIONS", "/admin/calls", 200),
    ("GET", "/api/v1/calls", 401),
    ("GET", "/api/docs", 200),
    ("GET", "/nothing", 404),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_every_kind_of_answer_carries_the_headers(
    app: Flask, acme: Seeded, method: str, path: str, status: int
) -> None:
    answer = log_in(app, acme).open(path, method=method)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in STRICT} == STRICT
    policy = answer.headers["Content-Security-Policy"]
    for words in ("default-src 'self'", "script-src 'self'", "style-src 'self'", "object-src 'none'",
                  "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"):  # fmt: skip
        assert words in policy
    assert "unsafe" not in policy
    assert (answer.headers.get("Cache-Control") == "no-store") == (not path.startswith("/static/"))


def test_a_bug_carries_them_too(app: Flask, acme: Seeded, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    client = log_in(app, acme)
    monkeypatch.setattr(calls, "list_calls", broken)
    answer = client.get("/admin/calls")
    assert answer.status_code == 500
    assert {name: answer.headers.get(name) for name in STRICT} == STRICT
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_https_is_asked_for_where_the_hub_is_reached_by_it(behind_https: Flask) -> None:
    client = behind_https.test_client()
    for path in ("/admin/login", "/static/app.css", "/nothing"):
        assert "max-age=31536000" in client.get(path).headers["Strict-Transport-Security"]
