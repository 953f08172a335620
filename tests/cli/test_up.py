"""`dozvon up` as people run it: a real process with real children, judged from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from tests.cli.processes import descendants, gone, until
from tests.services import Postgres, free_port

pytestmark = pytest.mark.faults
_POOL = urllib3.PoolManager(retries=False, timeout=2.0)
_WORKSPACE = (
    '[workspace]\nslug = "acme"\n[[connection]]\nname = "pbx"\nvendor = "mango"\n'
    'hook_token = "BBBBBBBBBBBBBBBBBBBBBBBB"\n[connection.secrets]\napi_key = "k"\napi_salt = "s"\n'
)


@dataclass
class Up:
    """One running `dozvon up`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def status(self, path: str = "/readyz") -> int:
        try:
            return _POOL.request("GET", f"http://127.0.0.1:{self.port}{path}").status
        except urllib3.exceptions.HTTPError:
            return 0

    def ready(self) -> Up:
        """By its own word first: on a port taken over, a server of the one before may still answer for a moment."""
        until(lambda: self.says_ready() or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.log.read_text()
        until(lambda: self.status() == 200, 20)
        return self

    def says_ready(self) -> bool:
        return "Dozvon is ready:" in self.log.read_text()

    def children(self, word: str = "") -> dict[int, str]:
        return {pid: line for pid, line in descendants(self.pid).items() if word in line}

    def one(self, word: str) -> int:
        (pid,) = [pid for pid, line in self.children(word).items() if os.getpgid(pid) == pid]
        return pid


Start = Callable[..., Up]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Up] = []

    def run(home: Path | None = None, *words: str, port: int | None = None, **environment: str) -> Up:
        log = tmp_path / f"up-{len(started)}.log"
        port = port or free_port()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DOZVON_")}
        with log.open("wb") as out:
            place = str(home or tmp_path / "home")
            arguments = [sys.executable, "-m", "hub.cli", "up", "--port", str(port), "--home", place, *words]
            process = subprocess.Popen(arguments, stdout=out, stderr=out, env={**clean, **environment}, cwd=tmp_path)
        up = Up(process, port, log)
        started.append(up)
        return up

    yield run
    for up in started:
        if up.process.poll() is None:
            up.process.terminate()
        up.process.wait(timeout=20)


def test_it_gets_ready_and_runs_web_workers_scheduler_and_broker(start: Start, tmp_path: Path) -> None:
    up = start(tmp_path / "a home with spaces").ready()
    until(lambda: f"Dozvon is ready: http://127.0.0.1:{up.port}" in up.log.read_text())
    assert up.children("hub.cli web")
    assert up.children("--lane urgent,calls ")
    assert up.children("--lane bulk")
    assert up.children("hub.cli scheduler")
    assert up.children("valkey")
    assert (tmp_path / "a home with spaces" / "secret.keys").stat().st_mode & 0o777 == 0o600


def test_sigterm_ends_it_and_all_its_children_within_ten_seconds(start: Start) -> None:
    up = start().ready()
    everybody = [up.pid, *up.children()]
    assert len(everybody) >= 6
    began = time.monotonic()
    up.process.terminate()
    assert up.process.wait(timeout=10) == 0
    until(lambda: all(gone(pid) for pid in everybody), 10 - (time.monotonic() - began))
    assert up.status() == 0
    assert "Traceback" not in up.log.read_text()


def test_ctrl_c_ends_it_too(start: Start) -> None:
    up = start().ready()
    everybody = [up.pid, *up.children()]
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(timeout=10) == 0
    until(lambda: all(gone(pid) for pid in everybody), 2)
    assert "Traceback" not in up.log.read_text()


def test_sigkill_of_the_supervisor_leaves_nothing_behind(start: Start) -> None:
    up = start().ready()
    everybody = list(up.children())
    up.process.kill()
    up.process.wait(timeout=5)
    until(lambda: all(gone(pid) for pid in everybody), 10)


@pytest.mark.parametrize("word", ["hub.cli web", "--lane urgent,calls", "hub.cli scheduler", "valkey"])
def test_a_killed_child_is_started_again(start: Start, word: str) -> None:
    up = start().ready()
    victim = up.one(word)
    os.kill(victim, signal.SIGKILL)
    until(lambda: gone(victim) and any(os.getpgid(pid) == pid for pid in up.children(word)), 15)
    assert up.one(word) != victim
    until(lambda: up.status() == 200, 20)


def test_a_killed_server_process_below_web_is_replaced(start: Start) -> None:
    up = start().ready()
    main = up.one("hub.cli web")
    (worker,) = [pid for pid in up.children("hub.cli web") if pid != main]
    os.kill(worker, signal.SIGKILL)
    until(lambda: gone(worker) and up.status() == 200, 20)
    assert up.one("hub.cli web") == main


def test_started_again_it_goes_on_where_it_was(start: Start, tmp_path: Path) -> None:
    first = start().ready()
    file = tmp_path / "acme.toml"
    file.write_text(_WORKSPACE, encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DOZVON_")}
    words = [sys.executable, "-m", "hub.cli", "apply", str(file), "--home", str(tmp_path / "home")]
    applied = subprocess.run(words, env=clean, cwd=tmp_path, capture_output=True, timeout=60)
    assert b"+ connection pbx" in applied.stdout, applied.stderr
    hook = "/hooks/BBBBBBBBBBBBBBBBBBBBBBBB/ping"
    assert first.status(hook) == 200
    first.process.kill()
    first.process.wait(timeout=5)
    second = start(port=first.port).ready()
    assert second.status(hook) == 200


def test_a_second_one_on_the_same_home_says_so_in_one_line(start: Start) -> None:
    first = start().ready()
    second = start()
    assert second.process.wait(timeout=20) == 1
    error, hint = second.log.read_text().splitlines()
    assert f"Another `dozvon up` (process {first.pid}) runs on" in error
    assert hint.startswith("hint: ")
    assert first.status() == 200


def test_a_taken_port_is_one_line_before_anything_is_started(start: Start, tmp_path: Path) -> None:
    first = start().ready()
    second = start(tmp_path / "other", port=first.port)
    assert second.process.wait(timeout=20) == 1
    error, _ = second.log.read_text().splitlines()
    assert f"error: Port {first.port} on 127.0.0.1 cannot be used" in error
    assert not (tmp_path / "other" / "dozvon.sqlite3").exists()


def test_port_0_picks_one_and_prints_it(start: Start, tmp_path: Path) -> None:
    up = start(None, "--port", "0")
    until(lambda: "Dozvon is ready: http://127.0.0.1:" in up.log.read_text(), 60)


def test_it_runs_on_postgresql_and_a_given_redis(start: Start, postgres: Postgres, redis_url: str) -> None:
    url = postgres.create(f"up_{os.getpid()}")
    up = start(None, "--workers", "1", DOZVON_DATABASE_URL=url, DOZVON_REDIS_URL=redis_url).ready()
    assert not up.children("valkey")
    main = up.one("hub.cli web")
    assert len([pid for pid in up.children("hub.cli web") if pid != main]) == 2
    assert len(up.children("--lane urgent,calls,bulk")) == 1
    answer = _POOL.request("GET", f"http://127.0.0.1:{up.port}/healthz")
    assert answer.status == 200
    assert json.loads(answer.data) if answer.headers.get("content-type", "").startswith("application/json") else True
