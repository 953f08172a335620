"""The simulator as a process of its own, its controls, and the page that people look at."""

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

from simulators.amocrm import AmoCrmSimulator
from simulators.amocrm.cli import command
from tests.services import free_port
from tests.simulators.amocrm_talk import KEY, PHONE, Talk, call, sip

ROOT = Path(__file__).parents[2]


@pytest.fixture
def amo() -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator() as simulator:
        simulator.settings.limited = False
        yield simulator


def test_process_prints_a_connection_that_works_and_writes_its_ledger(tmp_path: Path) -> None:
    port, ledger = free_port(), tmp_path / "amo.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "simulators.amocrm", "--port", str(port), "--ledger", str(ledger)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        block = ""
        while "expires_at" not in block:
            line = process.stdout.readline()
            assert line, "the process ended before it printed the connection"
            block += line
        (connection,) = tomllib.loads(block)["connection"]
        secrets = connection["secrets"]
        headers = {"Authorization": f"Bearer {secrets['access_token']}"}
        url = connection["settings"]["base_url"] + "/api/v4/account"
        assert urllib3.request("GET", url, headers=headers).status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    text = ledger.read_text(encoding="utf-8")
    (entry,) = [json.loads(line) for line in text.splitlines()]
    assert (entry["kind"], entry["path"], entry["status"]) == ("request", "account", 200)
    assert secrets["access_token"] not in text


def test_taken_port_is_said_in_one_line(amo: AmoCrmSimulator) -> None:
    port = amo.base_url.rpartition(":")[2]
    result = CliRunner().invoke(command, ["--port", port])
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert "choose another one" in result.output


def test_help_has_an_example() -> None:
    output = CliRunner().invoke(command, ["--help"]).output
    assert "Example: dozvon simulate amocrm --port 9301" in output


def test_provisioning_block_names_every_credential(amo: AmoCrmSimulator) -> None:
    (oauth,) = tomllib.loads(amo.provisioning())["connection"]
    assert (oauth["name"], oauth["vendor"]) == ("amo", "amocrm")
    assert oauth["settings"] == {"auth": "oauth", "base_url": amo.base_url}
    wanted = {"client_id", "client_secret", "redirect_uri", "access_token", "refresh_token", "expires_at"}
    assert set(oauth["secrets"]) == wanted
    (long_lived,) = tomllib.loads(amo.provisioning("amo2", auth="long_lived"))["connection"]
    assert set(long_lived["secrets"]) == {"access_token"}
    assert Talk(amo, long_lived["secrets"]["access_token"]).ask("GET", "account")[0] == 200


def test_seed_invents_the_same_client_and_refresh_token_again() -> None:
    with AmoCrmSimulator(seed="demo") as first:
        known = (first.client_id, first.client_secret, first.refresh_token)
    with AmoCrmSimulator(seed="demo") as second:
        assert (second.client_id, second.client_secret, second.refresh_token) == known


def test_controls_read_and_set_over_http(amo: AmoCrmSimulator) -> None:
    talk = Talk(amo)
    talk.ok("POST", "leads/unsorted/sip", [sip()])
    state = talk.ok("GET", "/_sim/state")
    assert state["unsorted"][0]["is_open"] is True
    assert talk.ok("GET", "/_sim/ledger")["unsorted_per_phone"] == {KEY: 1}
    fault = {"kind": "error_before", "route": "calls", "times": 2}
    assert talk.ok("POST", "/_sim/faults", fault)["times"] == 2
    assert talk.ask("POST", "/_sim/faults", {"kind": "boom"})[0] == 400
    assert talk.ask("POST", "calls", [call()])[0] == 500
    assert talk.ok("GET", "/_sim/faults")[0]["hits"] == 1
    assert talk.ok("DELETE", "/_sim/faults") == []
    assert talk.ok("POST", "/_sim/settings", {"refresh_mode": "grace"})["refresh_mode"] == "grace"
    assert talk.ask("POST", "/_sim/settings", {"nope": 1})[0] == 400
    talk.ok("POST", "/_sim/actions/accept", {"uid": state["unsorted"][0]["uid"]})
    assert amo.unsorted()[0]["state"] == "accept"
    talk.ok("POST", "/_sim/actions/expire_tokens", {})
    assert talk.ask("GET", "account")[0] == 401


def test_page_shows_leads_calls_with_players_and_tasks_in_the_readers_language(amo: AmoCrmSimulator) -> None:
    talk = Talk(amo)
    talk.ok("POST", "leads/unsorted/sip", [sip("+79007654321")])
    contact = amo.add_contact(PHONE)
    talk.ok("POST", "calls", [call(link="https://hub.example/r/1")])
    task = {"text": "Call back", "complete_till": 1_788_003_600, "entity_type": "contacts", "entity_id": contact}
    talk.ok("POST", "tasks", [task])
    pages = {
        language: urllib3.request("GET", amo.base_url + "/", headers={"Accept-Language": language}).data.decode()
        for language in ("ru", "en")
    }
    assert "Неразобранное" in pages["ru"]
    assert "Incoming leads" in pages["en"]
    for page in pages.values():
        for text in (PHONE, "+79007654321", '<audio controls preload="none" src="https://hub.example/r/1">'):
            assert text in page
        assert "Анна Лебедева" in page
        assert "Call back" in page


def test_page_escapes_what_callers_write_and_plays_no_script(amo: AmoCrmSimulator) -> None:
    amo.add_entity("leads", {"name": "<script>alert(1)</script>"})
    amo.add_contact(PHONE)
    Talk(amo).ok("POST", "calls", [call(link="javascript:alert(1)")])
    page = urllib3.request("GET", amo.base_url + "/").data
    assert b"<script>alert" not in page
    assert b"<audio" not in page
