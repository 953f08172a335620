"""The stand-in as people start it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from simulators.mango import MangoSimulator
from simulators.mango.cli import command
from tests.services import free_port
from tests.simulators.hub import listening_hub
from tests.simulators.mango_client import fetch


def test_help_has_an_example() -> None:
    result = CliRunner().invoke(command, ["--help"])
    assert result.exit_code == 0
    assert "--traffic 6/min" in result.output


def test_a_taken_port_is_one_clear_line() -> None:
    with MangoSimulator(hub_url="") as pbx:
        result = CliRunner().invoke(command, ["--port", str(pbx.port)])
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"Error: port {pbx.port} on 127.0.0.1 cannot be used (Address already in use): choose another one with --port"
    ]


def test_traffic_without_a_hub_is_wrong_use() -> None:
    result = CliRunner().invoke(command, ["--traffic", "6/min"])
    assert result.exit_code == 2
    assert "--traffic needs --hub" in result.output


def test_a_rate_that_is_none_is_explained() -> None:
    result = CliRunner().invoke(command, ["--traffic", "often"])
    assert result.exit_code == 2
    assert "6/min" in result.output


def test_the_process_plays_on_demand_keeps_its_ledger_and_ends_at_once(tmp_path: Path) -> None:
    ledger, port = tmp_path / "mango.jsonl", free_port()
    with listening_hub() as hub:
        process = subprocess.Popen(
            [sys.executable, "-m", "simulators.mango", "--port", str(port), "--hub", f"{hub.url}/hooks/T",
             "--ledger", str(ledger), "--speed", "0", "--delivery", "in_order"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            assert str(port) in process.stdout.readline()
            address = f"http://127.0.0.1:{port}"
            assert fetch(f"{address}/play", "POST", '{"timeline": "nonsense"}').status == 400
            assert fetch(f"{address}/play", "POST", '{"timeline": "missed", "colour": 1}').status == 400
            assert fetch(f"{address}/play", "POST", '{"timeline": "missed"}').status == 202
            while not hub.events("/events/summary"):
                assert process.poll() is None
            fetch(f"{address}/play", "POST", '{"timeline": "G", "wait_for_command_seconds": 600}')
        finally:
            process.terminate()
            assert process.wait(timeout=10) == 0
    kinds = {json.loads(line)["path"] for line in ledger.read_text().splitlines()}
    assert "/events/summary" in kinds
