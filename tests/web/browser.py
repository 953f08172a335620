"""A real browser against a real server, both ended by the test that started them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from playwright.sync_api import Page, expect, sync_playwright
from werkzeug.serving import make_server

from tests.web.seed import PASSWORD, Seeded

_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip
expect.set_options(timeout=30_000)  # how long a busy machine may take; what is seen at once costs nothing


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The application on a free local port; yields its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=10)


@contextmanager
def chromium(*more_arguments: str) -> Iterator[Any]:
    path = shutil.which("chromium")
    assert path is not None, "chromium is not installed: run `make setup-tests`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*_ARGUMENTS, *more_arguments])
        try:
            yield browser
        finally:
            browser.close()


def sign_in(page: Page, address: str, seeded: Seeded, role: str = "owner") -> None:
    page.goto(f"{address}/admin/login")
    page.fill("input[name=email]", seeded.email(role))
    page.fill("input[name=password]", PASSWORD)
    page.click("form.form button")
    page.wait_for_url(lambda url: "/login" not in url)
