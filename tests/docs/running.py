"""A running hub with everything that the pages speak of, the shell of a reader beside it, and more stand-ins."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.docs.howto import Place
from tests.e2e.hub import Stage, stage, until

KEY = "dz_fedcba9876543210fedcba9876543210"
WEBHOOK_TOKEN, WEBHOOK_SECRET = "W" * 24, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SCOPES = [
    "calls:read",
    "reports:read",
    "callbacks:write",
    "routing:read",
    "rules:read",
    "rules:write",
    "connections:read",
]
VIP = "79001234567"
MORE = f"""
[[api_key]]
name = "docs"
key = "{KEY}"
scopes = {json.dumps(SCOPES)}
[[connection]]
name = "our-pbx"
vendor = "webhook"
hook_token = "{WEBHOOK_TOKEN}"
[connection.secrets]
signing_secret = "{WEBHOOK_SECRET}"
[[vip]]
phone = "+{VIP}"
extension = "102"
note = "the landlord"
[[site]]
key = "shop"
name = "shop.example"
origins = ["https://shop.example"]
default_number = "+74950000001"
pool = ["+74951110001"]
"""


@dataclass
class Scene:
    """The running hub, and the shell of somebody who reads the pages beside it."""

    stage: Stage
    shell: Place

    @property
    def url(self) -> str:
        return self.stage.hub.url

    def ask(self, path: str, method: str = "GET", body: object = None) -> Any:
        told = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, told, headers, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    def calls_of(self, phone: str) -> list[Any]:
        return list(self.ask(f"/api/v1/calls?phone={urllib.parse.quote(phone)}")["items"])

    def crm_id(self) -> str:
        return str(next(one["id"] for one in self.ask("/api/v1/connections")["items"] if one["name"] == "b24"))


@contextmanager
def running_hub(home: Path, shell: Path) -> Iterator[Scene]:
    with stage(home, more=MORE) as running:
        environment = {name: value for name, value in running.hub.environment.items() if name.startswith("DOZVON_")} | {
            "HOOK": f"{running.hub.url}/hooks/{WEBHOOK_TOKEN}",
            "SECRET": WEBHOOK_SECRET,
        }
        yield Scene(running, Place(shell, environment))


@contextmanager
def standing(shell: Place, line: str, instead: Mapping[str, str], port: int) -> Iterator[str]:
    """A stand-in, started as printed, while the block runs."""
    process: subprocess.Popen[str] = shell.start(line, instead)
    try:
        until(lambda: process.poll() is not None or _listens(port), 30, "the stand-in listens")
        assert process.poll() is None, process.communicate()[0]
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=20)


def _listens(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
