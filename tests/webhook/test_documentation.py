"""The examples of docs/webhook-connector.md really sign."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from connectors.webhook.events import DIRECTIONS, KINDS, RESULTS, WebhookHook
from connectors.webhook.schema import EventSchema
from hub.domain.errors import BadSignature
from tests.webhook.signing import CONTEXT, SECRET
from webhooks.contract import HookRequest, Stated

PAGE = (Path(__file__).parents[2] / "docs" / "webhook-connector.md").read_text()
HOOK = WebhookHook()


class Receiver(HTTPServer):
    """Answers 200 to what verifies, as the hub does."""

    heard: list[HookRequest]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = HookRequest("POST", "", "", headers, body, datetime.now(UTC))
        self.server.heard.append(request)
        try:
            HOOK.admit(request, [{"signing_secret": SECRET}])
            self.send_response(200)
        except BadSignature:
            self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver(("127.0.0.1", 0), Handler)
    server.heard = []
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def example(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    assert found is not None
    return found[1]


def run(command: list[str], receiver: Receiver) -> None:
    environment = {**os.environ, "HOOK": f"http://127.0.0.1:{receiver.server_port}/hooks/T", "SECRET": SECRET}
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert finished.returncode == 0, finished.stderr
    assert len(receiver.heard) == 1
    [item] = HOOK.admit(receiver.heard[0], [{"signing_secret": SECRET}]).items
    parsed = HOOK.parse(item, CONTEXT)
    assert isinstance(parsed, Stated)
    assert parsed.drift == ()


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="needs curl and openssl")
def test_the_shell_example_is_accepted(receiver: Receiver) -> None:
    run(["sh", "-eu", "-c", example("sh")], receiver)


def test_the_python_example_is_accepted(receiver: Receiver) -> None:
    run([sys.executable, "-c", example("python")], receiver)


def test_every_field_and_word_is_on_the_page() -> None:
    words = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert set(EventSchema().fields) <= words
    assert {*KINDS, *DIRECTIONS, *RESULTS} - {"unknown"} <= words
