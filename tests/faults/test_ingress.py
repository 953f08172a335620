"""The door: thousand-fold repetition, rotation of secrets, and bodies that nobody should send (A4, A8, A9, A11)."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from simulators.mango.signature import sign
from tests.e2e.hub import until
from tests.faults.judge import judge
from tests.faults.posting import Event, post, signed, small_event
from tests.faults.rig import PBX_KEY, PBX_SALT, Rig, new_clients

LARGEST_GROWTH_KIB = 64 * 1024


@pytest.fixture(scope="module", autouse=True)
def _hub(rig: Rig) -> None:
    rig.web()
    rig.worker()


def inbox(rig: Rig, state: str = "") -> int:
    return rig.count("SELECT count(*) FROM inbox" + (f" WHERE state = '{state}'" if state else ""))


def test_one_event_posted_a_thousand_times_by_fifty_senders_is_kept_once(rig: Rig) -> None:
    before = inbox(rig)
    event = small_event()
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: post(rig.hook_url, event), range(1000)))
    assert {answer.status for answer in answers} == {200}
    assert inbox(rig) == before + 1
    seconds = sorted(answer.seconds for answer in answers)
    print(f"\n1000 repetitions, 50 at once: p50 {seconds[500] * 1000:.0f} ms, p99 {seconds[990] * 1000:.0f} ms")


def test_whole_call_repeated_ten_times_is_one_call_and_one_lead(rig: Rig) -> None:
    call = rig.play("A", *new_clients(1))
    rig.settle()
    events = [signed(one.path.strip("/"), json.dumps(one.body)) for one in call.deliveries]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda event: post(rig.hook_url, event), events * 10))
    assert {answer.status for answer in answers} == {200}
    rig.settle()
    assert judge(rig).complaints == []


def test_old_and_new_secret_open_during_a_rotation_and_then_only_the_new(rig: Rig) -> None:
    new_key, new_salt = "canarykey0000000000000000000pbxn", "canarysalt000000000000000000pbxn"
    new = rig.document().replace(PBX_KEY, new_key).replace(PBX_SALT, new_salt)

    def opens(key: str, salt: str) -> bool:
        text = json.dumps({"seq": inbox(rig), "dtmf": key[-1], "timestamp": 1767225600})
        return post(rig.hook_url, signed("events/dtmf", text, key=key, salt=salt)).status == 200

    assert not opens(new_key, new_salt)
    rig.apply(new)
    until(lambda: opens(new_key, new_salt), 10, "the new secret opens")
    assert opens(PBX_KEY, PBX_SALT)
    rig.apply(new, "--end-rotation")
    until(lambda: not opens(PBX_KEY, PBX_SALT), 10, "the old secret opens nothing any more")
    assert opens(new_key, new_salt)
    rig.apply(rig.document())
    rig.apply(rig.document(), "--end-rotation")
    until(lambda: opens(PBX_KEY, PBX_SALT), 10, "back to the first secret")


def test_body_over_the_cap_is_413_and_a_deep_or_broken_one_costs_neither_memory_nor_an_error(rig: Rig) -> None:
    before = _resident_kib(rig)
    assert post(rig.hook_url, Event("events/call", b"x" * 300_000)).status == 413
    nasty = [
        "[" * 10_000 + "]" * 10_000,
        '{"entry_id": "E1", "entry_id": "E2"}',
        '{"entry_id": NaN, "timestamp": 1e999}',
        '{"entry_id": "a\\u0000b", "call_id": "c\\u0000", "timestamp": 1767225600, "seq": 1, "call_state": "Appeared"}',
        '{"timestamp": 9223372036854775808}',
        '{"entry_id": "' + "x" * 200_000 + '"}',
        "null",
        "",
    ]
    answers = [post(rig.hook_url, signed("events/call", text)).status for text in nasty]
    form = {"vpbx_api_key": PBX_KEY, "sign": sign(PBX_KEY, "\\ud800", PBX_SALT), "json": b"\xff\xfe"}
    answers.append(post(rig.hook_url, Event("events/call", urlencode(form).encode())).status)
    assert set(answers) <= {200, 400, 404, 413}
    rig.settle()
    assert _resident_kib(rig) - before < LARGEST_GROWTH_KIB
    assert rig.running("worker").is_alive


def test_what_could_not_be_read_is_in_quarantine_with_its_reason_and_can_be_replayed(rig: Rig) -> None:
    assert post(rig.hook_url, signed("events/call", '{"no": "call"}')).status == 200
    broken = "SELECT id, reason FROM inbox WHERE state = 'quarantined' ORDER BY id DESC LIMIT 1"
    until(lambda: rig.rows(broken), 10, "the event is in quarantine")
    assert rig.rows(broken)[0]["reason"]
    quarantined = inbox(rig, "quarantined")
    post(rig.hook_url, signed("events/nobody-knows-this", '{"a": 1}'))
    until(lambda: rig.waiting() == 0, 10, "the unknown kind was looked at")
    assert inbox(rig, "quarantined") == quarantined
    numbers = rig.metrics()
    parts = ("processed", "ignored", "quarantined", "waiting")
    assert numbers['dozvon_inbox{state="received"}'] == sum(
        numbers.get(f'dozvon_inbox{{state="{part}"}}', 0) for part in parts
    )


def _resident_kib(rig: Rig) -> int:
    """Memory of the web process and of what it started, by the kernel."""
    leader = rig.running("web").popen.pid
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            words = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            if int(Path(status.parent / "stat").read_text().rpartition(")")[2].split()[2]) == leader:
                total += int(words["VmRSS"].split()[0])
        except (OSError, KeyError):
            continue
    return total
