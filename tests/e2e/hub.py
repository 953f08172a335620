"""A whole hub in real processes, between a PBX and a CRM that keep ledgers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.bitrix24 import Bitrix24Simulator
from simulators.mango import MangoSimulator
from tests.services import free_port

HOOK_TOKEN = "A" * 24
API_KEY = "dz_0123456789abcdef0123456789abcdef"
SCOPES = ["calls:read", "deliveries:read", "deliveries:write", "connections:read", "metrics:read"]

WORKSPACE = f"""
[workspace]
slug = "acme"
name = "ООО «Акме»"
timezone = "Europe/Moscow"
region = "RU"
locale = "ru"

[[user]]
email = "owner@acme.example"
password = "correct horse battery"
role = "owner"

[[api_key]]
name = "tests"
key = "{API_KEY}"
scopes = {json.dumps(SCOPES)}

[[employee]]
name = "Анна"
extension = "101"
users = {{ b24 = "7" }}

[[employee]]
name = "Борис"
extension = "102"
users = {{ b24 = "8" }}
"""


def mango_connection(pbx: MangoSimulator, api_key: str, api_salt: str) -> str:
    return f"""
[[connection]]
name = "mango"
vendor = "mango"
hook_token = "{HOOK_TOKEN}"
[connection.settings]
base_url = "{pbx.base_url}"
[connection.secrets]
api_key = "{api_key}"
api_salt = "{api_salt}"
"""


def until(condition: Callable[[], object], within_seconds: float = 30.0, what: str | Callable[[], str] = "") -> None:
    """Wait for a condition of real processes; fails with `what`, asked then, when it does not come true in time."""
    deadline = time.monotonic() + within_seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            why = what if isinstance(what, str) else what()
            raise AssertionError(f"not within {within_seconds:g} s: {why or condition}")
        pause.wait(0.1)


@dataclass
class Hub:
    """A running `dozvon up`: `get` asks its API."""

    port: int
    home: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {API_KEY}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def metrics(self) -> dict[str, float]:
        with urllib.request.urlopen(self.url + "/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return {
            name: float(value)
            for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
        }

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def log(self) -> str:
        return (self.home / "up.log").read_text(errors="replace")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout=5)


def dozvon(*words: str) -> list[str]:
    return [sys.executable, "-m", "hub.cli", *words]


def apply(home: Path, environment: Mapping[str, str], text: str) -> None:
    file = home / "acme.toml"
    file.write_text(text)
    done = subprocess.run(dozvon("apply", str(file)), env=dict(environment), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def environment_for(home: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "DOZVON_HOME": str(home),
        "DOZVON_ALLOW_HOSTS": "127.0.0.1",
        "DOZVON_RETRY_SECONDS": "0,1,2,3",
        "DOZVON_SWEEP_SECONDS": "2",
        **more,
    }


def start_hub(home: Path, environment: dict[str, str], port: int) -> Hub:
    with (home / "up.log").open("ab") as log:
        process = subprocess.Popen(
            dozvon("up", "--port", str(port)), env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    hub = Hub(port, home, environment, process)
    try:
        until(lambda: hub.is_ready() or process.poll() is not None, 40, "the hub is ready")
        assert process.poll() is None, hub.log()[-2000:]
    except BaseException:
        hub.stop()
        raise
    return hub


@dataclass
class Stage:
    """Hub, PBX and CRM, running."""

    hub: Hub
    pbx: MangoSimulator
    b24: Bitrix24Simulator

    def all_done(self) -> bool:
        """Whether nothing is under way any more, by the hub's own numbers."""
        numbers = self.hub.metrics()
        waiting = numbers.get('dozvon_inbox{state="waiting"}', 0)
        open_rows = sum(
            numbers.get(f'dozvon_outbox{{state="{state}"}}', 0)
            for state in ("pending", "leased", "waiting", "verifying", "blocked")
        )
        return waiting == 0 and open_rows == 0

    def conserved(self) -> bool:
        """The conservation law: received = processed + ignored + quarantined + waiting."""
        numbers = self.hub.metrics()
        parts = ("processed", "ignored", "quarantined", "waiting")
        return numbers['dozvon_inbox{state="received"}'] == sum(
            numbers.get(f'dozvon_inbox{{state="{part}"}}', 0) for part in parts
        )


@contextmanager
def stage(home: Path, *, seed: int = 1, more: str = "", **environment: str) -> Iterator[Stage]:
    """A hub on `home` with Mango and Bitrix24 stand-ins, provisioned and ready."""
    port = free_port()
    api_key, api_salt = "demoapikey000000000000000000abcd", "demoapisalt00000000000000000wxyz"
    with (
        Bitrix24Simulator() as b24,
        MangoSimulator(
            hub_url=f"http://127.0.0.1:{port}", hook_token=HOOK_TOKEN, api_key=api_key, api_salt=api_salt, seed=seed
        ) as pbx,
    ):
        surroundings = environment_for(home, **environment)
        apply(home, surroundings, WORKSPACE + mango_connection(pbx, api_key, api_salt) + b24.provisioning("b24") + more)
        hub = start_hub(home, surroundings, port)
        try:
            yield Stage(hub, pbx, b24)
        finally:
            hub.stop()
