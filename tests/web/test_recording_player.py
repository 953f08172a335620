"""A recording in the player of another site's page, as a CRM shows it: it plays, and one can jump in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from hub.calls.convert import to_mp3
from hub.config import Settings
from hub.db.engine import Database
from hub.db.tables import RecordingRow
from tests.calls.test_convert import tone
from tests.web.browser import chromium, serving
from tests.web.seed import Seeded, add_call, add_recording

SECONDS = 40.0
_PLAYER = """<!doctype html><title>card</title><link rel="icon" href="data:,">
<audio id="player" preload="metadata" muted src="{link}"></audio>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # A page that no server sent may not reach this machine otherwise; in the world both are on the internet.
    with chromium("--disable-features=LocalNetworkAccessChecks") as running:
        yield running


@pytest.fixture
def asked(app: Flask) -> list[tuple[str | None, int]]:
    """The `Range` of each request for a recording, and the status of its answer."""
    seen: list[tuple[str | None, int]] = []
    inner = app.wsgi_app

    def watched(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        def start(status: str, headers: Any, *more: Any) -> Any:
            if environ["PATH_INFO"].startswith("/r/"):
                seen.append((environ.get("HTTP_RANGE"), int(status[:3])))
            return start_response(status, headers, *more)

        return inner(environ, start)

    app.wsgi_app = watched  # type: ignore[method-assign]
    return seen


def test_a_recording_plays_with_ranges_inside_another_sites_page(
    app: Flask,
    settings: Settings,
    database: Database,
    acme: Seeded,
    browser: Any,
    asked: list[tuple[str | None, int]],
) -> None:
    """MP3 where this machine can make one, else the WAV as it came: both must play."""
    file = tone(settings.recordings / "tone.wav", SECONDS)
    token = _kept(database, acme, to_mp3(file) or file)
    with serving(app) as hub:
        page = browser.new_page()
        page.route("https://demo.amocrm.ru/", lambda route: route.fulfill(
            content_type="text/html", body=_PLAYER.format(link=f"{hub}/r/{token}")))  # fmt: skip
        page.goto("https://demo.amocrm.ru/")
        page.wait_for_function("player.readyState >= 1")
        assert abs(page.evaluate("player.duration") - SECONDS) < 1
        page.evaluate("player.play()")
        page.wait_for_function("player.currentTime > 0.1")
        page.evaluate(f"player.currentTime = {SECONDS - 1}")
        page.wait_for_function("player.ended", timeout=15_000)
        assert page.evaluate("player.error") is None
        page.close()
    assert asked
    assert {status for _, status in asked} == {206}
    assert all(wanted and wanted.startswith("bytes=") for wanted, _ in asked)


def _kept(database: Database, acme: Seeded, file: Path) -> str:
    kind = file.suffix[1:]
    token = add_recording(database, acme, add_call(database, acme))
    with database.transaction() as session:
        row = session.query(RecordingRow).filter_by(token=token).one()
        row.file_name = f"{token}.{kind}"
        row.content_type = {"mp3": "audio/mpeg", "wav": "audio/wav"}[kind]
    file.replace(file.with_name(f"{token}.{kind}"))
    return token
