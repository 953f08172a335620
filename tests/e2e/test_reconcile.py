"""A PBX that loses events, a whole hub, a CRM with a ledger: `dozvon reconcile` makes the three agree."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.hub import Stage, dozvon, stage, until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("home")) as running:
        running.pbx.faults.stats_polls = 1
        yield running


def reconcile(scene: Stage, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        dozvon("reconcile", *options), env=scene.hub.environment, capture_output=True, text=True, timeout=120
    )


def calls_of(scene: Stage, client: str) -> list[dict[str, Any]]:
    return [call for call in scene.b24.calls() if call["PHONE_NUMBER"] == f"+{client}"]


def lose(scene: Stage, *topics: str) -> None:
    """From now on the PBX sends nothing of these topics; with none, it sends everything."""
    scene.pbx.faults.drop_if = lambda path, _body: any(path.startswith(one) for one in topics)


def test_lost_calls_come_into_the_crm_once_and_the_three_agree(scene: Stage) -> None:
    scene.pbx.play("A", client="79001110001")
    lose(scene, "/events")
    scene.pbx.play("A", client="79001110002")
    scene.pbx.play("B", client="79001110003")
    scene.pbx.play("E", client="79001110004")
    lose(scene, "/events/summary", "/events/record")
    scene.pbx.play("A", client="79001110005")
    lose(scene)
    until(scene.all_done, what="what came is delivered")
    assert calls_of(scene, "79001110002") == []

    too_early = reconcile(scene, "--grace", "3600")
    assert "mended" not in too_early.stdout.split("\n", 1)[1]
    first = reconcile(scene)
    assert first.returncode == 0, first.stdout + first.stderr
    assert first.stdout.count("mended lost") == 3
    assert first.stdout.count("mended unfinished") == 1
    clients = [f"7900111000{number}" for number in range(1, 6)]
    until(lambda: all(len(calls_of(scene, client)) == 1 for client in clients), 60, "each call is in the CRM once")
    until(scene.all_done, 60, what="nothing under way any more")

    second = reconcile(scene)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "mended" not in second.stdout.split("\n", 1)[1]
    assert "b24 5 of 5" in second.stdout


def test_repaired_calls_look_like_those_that_were_heard(scene: Stage) -> None:
    heard, repaired = calls_of(scene, "79001110001")[0], calls_of(scene, "79001110002")[0]
    same = ("PORTAL_USER_ID", "CALL_DURATION", "CALL_FAILED_CODE", "CALL_TYPE")
    assert {name: heard[name] for name in same} == {name: repaired[name] for name in same}
    until(lambda: calls_of(scene, "79001110002")[0]["RECORDS_EVER"] == 1, what="the recording is attached")
    missed, outbound = calls_of(scene, "79001110003")[0], calls_of(scene, "79001110004")[0]
    assert (missed["CALL_DURATION"], missed["CALL_FAILED_CODE"]) == (0, "304")
    assert (outbound["CALL_TYPE"], outbound["PORTAL_USER_ID"]) == ("1", 7)


def test_statement_is_kept_and_told_by_the_api(scene: Stage) -> None:
    items = scene.hub.get("/api/v1/statements")["items"]
    today = items[0]
    assert (today["connection"], today["agrees"], today["pbx"]["calls"], today["hub"]["calls"]) == ("mango", True, 5, 5)
    assert sorted(one["kind"] for one in today["repairs"]) == ["lost", "lost", "lost", "unfinished"]
    assert today["differences"] == []


def test_nothing_was_lost_and_no_rule_was_broken(scene: Stage) -> None:
    assert scene.conserved()
    assert scene.pbx.ledger.offences() == []
    assert scene.b24.ledger.offences() == []
    assert set(scene.b24.ledger.registers().values()) == {1}
    assert set(scene.b24.ledger.finishes().values()) == {1}


def test_wrong_names_and_moments_are_refused_in_a_line(scene: Stage) -> None:
    unknown = reconcile(scene, "--connection", "nobody")
    assert (unknown.returncode, "PBX connections: mango" in unknown.stderr) == (2, True)
    backwards = reconcile(scene, "--since", "2126-01-01")
    assert (backwards.returncode, "Traceback" in backwards.stderr) == (2, False)
