"""The simulator as a process of its own, and the page that people look at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from click.testing import CliRunner

from simulators.bitrix24 import Bitrix24Simulator
from simulators.bitrix24.cli import command
from tests.services import free_port
from tests.simulators.bitrix24_talk import Talk

ROOT = Path(__file__).parents[2]


@pytest.fixture
def portal() -> Iterator[Bitrix24Simulator]:
    with Bitrix24Simulator() as simulator:
        yield simulator


def test_process_prints_a_connection_that_works_and_writes_its_ledger(tmp_path: Path) -> None:
    port, auth_port, ledger = free_port(), free_port(), tmp_path / "b24.jsonl"
    arguments = ["--port", str(port), "--auth-port", str(auth_port), "--ledger", str(ledger)]
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators.bitrix24", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        block = ""
        while "application_token" not in block:
            line = process.stdout.readline()
            assert line, "the process ended before it printed the connection"
            block += line
        (connection,) = tomllib.loads(block)["connection"]
        assert connection["vendor"] == "bitrix24"
        url = connection["settings"]["client_endpoint"] + "profile"
        answer = urllib3.request("POST", url, json={"auth": connection["secrets"]["access_token"]})
        assert answer.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    (entry,) = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
    assert (entry["kind"], entry["method"], entry["status"]) == ("request", "profile", 200)
    assert connection["secrets"]["access_token"] not in ledger.read_text(encoding="utf-8")


def test_taken_port_is_said_in_one_line(portal: Bitrix24Simulator) -> None:
    port = portal.domain.rpartition(":")[2]
    result = CliRunner().invoke(command, ["--port", port, "--auth-port", "0"])
    assert result.exit_code == 1
    assert result.output.count("\n") == 1
    assert "choose another port" in result.output


def test_help_has_an_example() -> None:
    assert "dozvon simulate bitrix24 --port 9201" in CliRunner().invoke(command, ["--help"]).output


def test_provisioning_block_names_every_credential(portal: Bitrix24Simulator) -> None:
    (oauth,) = tomllib.loads(portal.provisioning())["connection"]
    assert oauth["settings"]["domain"] == portal.domain
    wanted = {"client_id", "client_secret", "access_token", "refresh_token", "expires_at", "application_token"}
    assert set(oauth["secrets"]) == wanted
    (webhook,) = tomllib.loads(portal.provisioning("hook", auth="webhook"))["connection"]
    assert (webhook["name"], webhook["secrets"]["webhook_url"]) == ("hook", portal.webhook_url)


def test_seed_invents_the_same_credentials_again() -> None:
    with Bitrix24Simulator(seed="demo") as first:
        known = (first.client_id, first.access_token, first.member_id)
    with Bitrix24Simulator(seed="demo") as second:
        assert (second.client_id, second.access_token, second.member_id) == known


def test_page_shows_cards_calls_leads_and_recordings_in_the_readers_language(portal: Bitrix24Simulator) -> None:
    talk = Talk(portal)
    permission = talk.ok("telephony.externalCall.attachRecord", CALL_ID=talk.finished_call(), FILENAME="a.mp3")
    content = b"ID3" + bytes(32)
    urllib3.request("POST", permission["uploadUrl"], fields={"file": ("a.mp3", content)})
    talk.register(PHONE_NUMBER="+79007654321", EXTERNAL_CALL_ID="pbx-2", SHOW=1)
    pages = {
        language: urllib3.request("GET", portal.base_url + "/", headers={"Accept-Language": language}).data.decode()
        for language in ("ru", "en")
    }
    assert "Открытые карточки" in pages["ru"]
    assert "Open call cards" in pages["en"]
    for page in pages.values():
        assert "+79001234567" in page
        assert "+79007654321" in page
        assert "<audio" in page
        assert "Анна Лебедева" in page


def test_page_escapes_what_callers_write(portal: Bitrix24Simulator) -> None:
    portal.add_entity("LEAD", {"TITLE": "<script>alert(1)</script>"})
    assert b"<script>alert" not in urllib3.request("GET", portal.base_url + "/").data
