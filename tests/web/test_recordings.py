"""`/r/<token>`: the file in whole or in part, a request to wait, or one and the same no."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from hub.config import Settings
from hub.db.engine import Database
from tests.web.conftest import Notes
from tests.web.seed import Seeded, add_call, add_recording

AUDIO = bytes(range(256)) * 8


@pytest.fixture
def token(app: Flask, settings: Settings, database: Database, acme: Seeded) -> str:
    token = add_recording(database, acme, add_call(database, acme))
    (settings.recordings / f"{token}.mp3").write_bytes(AUDIO)
    return token


def test_whole_file_is_served_for_listening(app: Flask, token: str) -> None:
    answer = app.test_client().get(f"/r/{token}")
    assert (answer.status_code, answer.data) == (200, AUDIO)
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert answer.headers["Content-Disposition"] == "inline"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["Cache-Control"] == "private"
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    ("wanted", "part"), [("bytes=0-9", AUDIO[:10]), ("bytes=100-", AUDIO[100:]), ("bytes=-5", AUDIO[-5:])]
)
def test_part_of_the_file(app: Flask, token: str, wanted: str, part: bytes) -> None:
    answer = app.test_client().get(f"/r/{token}", headers={"Range": wanted})
    assert (answer.status_code, answer.data) == (206, part)
    assert answer.headers["Content-Range"].endswith(f"/{len(AUDIO)}")
    assert answer.headers["Content-Disposition"] == "inline"


def test_part_beyond_the_end_is_refused(app: Flask, token: str) -> None:
    answer = app.test_client().get(f"/r/{token}", headers={"Range": "bytes=99999-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(AUDIO)}"


def test_head_tells_the_length_and_sends_nothing(app: Flask, token: str) -> None:
    answer = app.test_client().head(f"/r/{token}")
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(AUDIO))


def test_unchanged_file_is_not_sent_twice(app: Flask, token: str) -> None:
    client = app.test_client()
    tag = client.get(f"/r/{token}").headers["ETag"]
    assert client.get(f"/r/{token}", headers={"If-None-Match": tag}).status_code == 304


def test_recording_on_its_way_asks_for_patience(app: Flask, database: Database, acme: Seeded, notes: Notes) -> None:
    token = add_recording(database, acme, add_call(database, acme), state="wanted")
    notes.pass_time(-timedelta(seconds=40))
    for method in ("GET", "HEAD"):
        answer = app.test_client().open(f"/r/{token}", method=method)
        assert answer.status_code == 425
        assert answer.headers["Retry-After"] == "40"


def test_failed_unknown_lost_and_odd_tokens_get_the_same_no(
    app: Flask, database: Database, acme: Seeded, settings: Settings
) -> None:
    call_id = add_call(database, acme)
    failed = add_recording(database, acme, call_id, state="failed", token="f" * 32)
    lost = add_recording(database, acme, call_id, token="l" * 32)
    client = app.test_client()
    answers = [client.get(f"/r/{token}") for token in (failed, lost, "u" * 32, "x" * 500, "a%00b", "%D1%8B")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.data for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers.items())) for answer in answers}) == 1
