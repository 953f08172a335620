"""Callbacks under attack and under fire: numbers that must not be rung, floods of one number, dead workers (F4, F6)."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.hub import until
from tests.faults.judge import judge
from tests.faults.rig import Rig, new_clients

KEY = "dz_callbacks0123456789abcdef01234567"
_MORE = f"""
[hours]
{chr(10).join(f'{day} = ["00:00-24:00"]' for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}

[[api_key]]
name = "site-backend"
key = "{KEY}"
scopes = ["callbacks:write"]
"""

FORBIDDEN = [
    "+78095050505", "+88162143123456", "+8816 2143 1234", "+870773111632", "+12025550143", "+442079460958", "112",
    "911", "+79005552001;ext=5", "+79005552001,,5", "+7900555\n2001", "1" * 40, "", "+", "sip:x@evil.example",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _hub(rig: Rig) -> None:
    rig.apply(rig.document() + _MORE)
    rig.web(workers=2)
    rig.worker()


def ask(rig: Rig, phone: str) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(
        rig.url + "/api/v1/callbacks", json.dumps({"phone": phone}).encode(), headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read())


def commands(rig: Rig, client: str | None = None) -> list[dict[str, Any]]:
    sent = [one["json"] for one in rig.pbx.ledger.entries("command")]
    return [one for one in sent if client is None or one.get("to_number") == client.removeprefix("+")]


def state_of(rig: Rig, client: str) -> str:
    rows = rig.rows(f"SELECT state FROM callbacks WHERE e164 = '{client}' ORDER BY id DESC LIMIT 1")
    return str(rows[0]["state"]) if rows else ""


def test_a_number_that_must_not_be_rung_is_refused_and_nobody_is_rung(rig: Rig) -> None:
    before = len(commands(rig))
    answers = [ask(rig, phone) for phone in FORBIDDEN]
    assert {status for status, _ in answers} == {422}
    assert all(body["reason"] and body["detail"] for _, body in answers)
    rig.settle()
    assert len(commands(rig)) == before


def test_five_hundred_requests_for_one_number_at_two_processes_are_one_call(rig: Rig) -> None:
    (client,) = new_clients(1)
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: ask(rig, f"+{client}"), range(500)))
    assert {status for status, _ in answers} <= {200, 202, 429}
    assert [status for status, _ in answers].count(202) == 1
    assert len({body["id"] for status, body in answers if status in (200, 202)}) == 1
    until(lambda: state_of(rig, f"+{client}") == "done", 60, "the one call is made")
    assert len(commands(rig, client)) == 1


@pytest.mark.parametrize("point", ["after_callback_order_commit", "after_command_sent_before_close"])
def test_a_worker_killed_around_the_command_rings_nobody_twice(rig: Rig, point: str) -> None:
    rig.running("worker").stop()
    (client,) = new_clients(1)
    dying = rig.worker(crash_at=point, wait=False)
    assert ask(rig, f"+{client}")[0] == 202
    until(lambda: dying.has_killed_itself, 30, f"the worker died at {point}")
    rig.worker()
    until(lambda: state_of(rig, f"+{client}") == "done", 120, "the call is made by the worker that came after")
    assert len(commands(rig, client)) == 1


def test_afterwards_everything_is_in_order(rig: Rig) -> None:
    rig.settle()
    # What the PBX played by command is judged like any answered call with a recording: one log, one lead, one file.
    rig.played += [("A", str((call.summary or {})["to"]["number"]), call) for call in rig.pbx.played]
    assert judge(rig).complaints == []
