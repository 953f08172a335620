"""The whole way: the hub's web processes, a load over HTTP, and whose CPU time each request took."""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from bench.intake.load import Measured, measure
from tests.services import free_port, running_broker

_ORIGIN = "http://shop.example"
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
_WORKSPACE = """
[workspace]
slug = "bench"
name = "Bench"
timezone = "UTC"
region = "RU"
locale = "en"
[[site]]
key = "shop"
name = "shop.example"
origins = ["{origin}"]
default_number = "+74950000000"
visits_per_ip_hour = 1000000
pool = [{numbers}]
"""
_CONNECTIONS = 16
_THREADS = 4
_MOST = 60_000


@dataclass(frozen=True, slots=True)
class Door:
    """One run: `what` was asked of `workers` web processes; CPU milliseconds of each part for one request."""

    workers: int
    what: str
    measured: Measured
    hub_ms: float
    redis_ms: float
    load_ms: float


def measure_doors(folder: Path, numbers: int, seconds: float) -> list[Door]:
    """Assignments (new visits), and beats of one visit, with one web process and with two."""
    with running_broker() as broker:
        environment = {**os.environ, "DOZVON_HOME": str(folder / "home"), "DOZVON_REDIS_URL": broker.url}
        _provision(folder, environment, numbers)
        lines = []
        for workers in (1, 2):
            with _hub(environment, workers) as (port, pid):
                watched = (pid, broker.process.pid)
                lines.append(_run(port, watched, workers, "assignments", _visits(), seconds))
                lines.append(_run(port, watched, workers, "beats", [_beat(port)] * _MOST, seconds))
    return lines


def _run(port: int, watched: tuple[int, int], workers: int, what: str, asked: list[bytes], seconds: float) -> Door:
    hub, redis = watched
    before = _cpu_seconds(hub), _cpu_seconds(redis), _own_cpu_seconds()
    measured = measure(port, asked, connections=_CONNECTIONS, seconds=seconds)
    after = _cpu_seconds(hub), _cpu_seconds(redis), _own_cpu_seconds()
    if measured.refused:
        raise click.ClickException(f"{measured.refused} requests were not answered by 200: the figures say nothing")
    each = [(late - early) * 1000 / measured.answers for early, late in zip(before, after, strict=True)]
    return Door(workers, what, measured, *each)


def _visits() -> list[bytes]:
    said = {"url": f"{_ORIGIN}/?utm_source=yandex&utm_medium=cpc", "ref": "", "title": "Shop", "c": 1}
    return [_http("visit", said)] * _MOST


def _beat(port: int) -> bytes:
    """A beat of a visit that the hub knows."""
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(_visits()[0])
        answer = line.recv(65536).decode()
    found = re.search(r'"visit":\s*"(\w+)"', answer)
    assert found, answer
    return _http("beat", {"v": found[1]})


def _http(what: str, said: dict[str, object]) -> bytes:
    body = json.dumps(said).encode()
    head = (
        f"POST /t/shop/{what} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {_ORIGIN}\r\nUser-Agent: {_AGENT}\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _provision(folder: Path, environment: dict[str, str], numbers: int) -> None:
    file = folder / "bench.toml"
    pool = ", ".join(f'"+7495{1000000 + place}"' for place in range(numbers))
    file.write_text(_WORKSPACE.format(origin=_ORIGIN, numbers=pool), encoding="utf-8")
    command = [sys.executable, "-m", "hub.cli", "apply", str(file)]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def _hub(environment: dict[str, str], workers: int) -> Iterator[tuple[int, int]]:
    port = free_port()
    command = [sys.executable, "-m", "hub.cli", "web", "--port", str(port), "--threads", str(_THREADS)]
    process = subprocess.Popen(
        [*command, "--workers", str(workers)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(port: int) -> None:
    pause = threading.Event()
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pause.wait(1.5)  # the server's processes start behind its open port
                return
        pause.wait(0.1)
    raise click.ClickException("the hub did not start")


def _cpu_seconds(pid: int) -> float:
    """CPU time of a process and of those it started, so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(_cpu_seconds(int(child)) for child in children)


def _own_cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
