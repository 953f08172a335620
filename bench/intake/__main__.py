"""Durable signed webhooks per second, as a ratio to a bare view on the same server, store and machine.

Run it by `python -m bench.intake`, or with all the others by `make bench`.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bench.intake.load import Measured, measure
from tests.services import free_port, running_broker, running_postgres

KEY, SALT = "benchapikey00000000000000000000k", "benchapisalt0000000000000000000s"
TOKEN = "B" * 24
THREADS = 4
WORKSPACE = f"""
[workspace]
slug = "bench"
name = "Bench"
timezone = "UTC"
region = "RU"
locale = "en"
[[connection]]
name = "mango"
vendor = "mango"
hook_token = "{TOKEN}"
[connection.secrets]
api_key = "{KEY}"
api_salt = "{SALT}"
"""


@click.command(epilog="Example:  python -m bench.intake --seconds 4 --rounds 3")
@click.option("--seconds", default=4.0, help="How long each run lasts.")
@click.option("--rounds", default=3, help="How often bare and hub take turns.")
@click.option("--connections", default=32, help="Open connections of the load.")
def main(seconds: float, rounds: int, connections: int) -> None:
    """Print a Markdown table: rate, p50 and p99 of the bare view and of the hub, and their ratio."""
    click.echo("| store | bare/s | hub/s | ratio | bare p50 / p99 ms | hub p50 / p99 ms | hub at 300/s p50 / p99 ms |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        click.echo(_row("SQLite", Path(folder), "", seconds, rounds, connections))
    with tempfile.TemporaryDirectory() as folder, running_postgres(durable=True) as server:
        click.echo(_row("PostgreSQL", Path(folder), server.create("bench"), seconds, rounds, connections))


def _row(name: str, home: Path, database_url: str, seconds: float, rounds: int, connections: int) -> str:
    bare_runs, hub_runs = [], []
    with running_broker() as broker:
        environment = _environment(home, database_url, broker.url)
        _provision(home, environment)
        for round_number in range(rounds):
            with _bare(home, database_url) as port:
                bare_runs.append(measure(port, _plain(40_000), connections=connections, seconds=seconds))
            with _hub(environment, on_sqlite=not database_url) as port:
                bodies = _signed(40_000, f"{name}{round_number}")
                hub_runs.append(measure(port, bodies, connections=connections, seconds=seconds))
                calm = measure(port, _signed(600, f"calm{name}{round_number}"), connections=1, seconds=2)
    refused = sum(run.refused for run in [*bare_runs, *hub_runs])
    if refused:
        raise click.ClickException(f"{refused} requests were not answered by 200: the figures would say nothing")
    bare, hub = _middle(bare_runs), _middle(hub_runs)
    return (
        f"| {name} | {bare.per_second:.0f} | {hub.per_second:.0f} | {hub.per_second / bare.per_second:.2f} "
        f"| {bare.p50_ms:.1f} / {bare.p99_ms:.1f} | {hub.p50_ms:.1f} / {hub.p99_ms:.1f} "
        f"| {calm.p50_ms:.1f} / {calm.p99_ms:.1f} |"
    )


def _middle(runs: list[Measured]) -> Measured:
    middle = statistics.median_low([run.per_second for run in runs])
    return next(run for run in runs if run.per_second == middle)


def _environment(home: Path, database_url: str, redis_url: str) -> dict[str, str]:
    environment = {**os.environ, "DOZVON_HOME": str(home / "home"), "DOZVON_REDIS_URL": redis_url}
    if database_url:
        environment["DOZVON_DATABASE_URL"] = database_url
    return environment


def _provision(home: Path, environment: dict[str, str]) -> None:
    file = home / "bench.toml"
    file.write_text(WORKSPACE)
    subprocess.run(
        [sys.executable, "-m", "hub.cli", "apply", str(file)], env=environment, check=True, stdout=subprocess.DEVNULL
    )


@contextmanager
def _bare(home: Path, database_url: str) -> Iterator[int]:
    port = free_port()
    store = database_url.replace("postgresql+psycopg", "postgresql") or str(home / "bare.sqlite3")
    environment = {
        **os.environ,
        "BENCH_DATABASE": store,
        "BENCH_PORT": str(port),
        "BENCH_THREADS": str(THREADS),
        "BENCH_WORKERS": "2" if database_url else "1",
    }
    with _served([sys.executable, "-m", "bench.intake.bare"], environment, port):
        yield port


@contextmanager
def _hub(environment: dict[str, str], *, on_sqlite: bool) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "hub.cli", "web", "--port", str(port), "--threads", str(THREADS)]
    with _served([*command, "--workers", "1" if on_sqlite else "2"], environment, port):
        yield port


@contextmanager
def _served(command: list[str], environment: dict[str, str], port: int) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    pause = threading.Event()
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pause.wait(1.0)  # the server's processes start behind its open port
                return
        if process.poll() is not None:
            break
        pause.wait(0.1)
    raise click.ClickException("a server did not start")


def _plain(count: int) -> list[bytes]:
    return [_http("/", urllib.parse.urlencode(_form(number, "bare")).encode()) for number in range(count)]


def _signed(count: int, name: str) -> list[bytes]:
    path = f"/hooks/{TOKEN}/events/call"
    return [_http(path, urllib.parse.urlencode(_form(number, name)).encode()) for number in range(count)]


def _form(number: int, name: str) -> dict[str, str]:
    event = {
        "entry_id": f"{name}{number}",
        "call_id": f"leg{name}{number}",
        "timestamp": 1767225605,
        "seq": 1,
        "call_state": "Appeared",
        "location": "abonent",
        "from": {"number": "79001234567"},
        "to": {"extension": "101", "number": "sip:anna@acme.example", "line_number": "74950000001"},
        "dct": {"type": 0},
    }
    text = json.dumps(event, separators=(",", ":"))
    sign = hashlib.sha256((KEY + text + SALT).encode()).hexdigest()
    return {"vpbx_api_key": KEY, "sign": sign, "json": text}


def _http(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


if __name__ == "__main__":
    main()
