"""An event and a delivery end every worker that reads them: both are put aside, and all else flows (C10)."""

from __future__ import annotations

import signal
import sys

import hub.db.callbacks  # noqa: F401 - a table that rows of the outbox refer to
from hub.calls.replay import replay_inbox
from hub.db.engine import Database
from hub.delivery.replay import replay_dead
from tests.e2e.hub import until
from tests.faults.judge import judge
from tests.faults.process import Process
from tests.faults.rig import Rig, new_clients

MOST_DEATHS = 8
"""Four of each: one in company, which proves nothing, and three alone."""


def worker_with_bugs(rig: Rig, item: str, step: str) -> Process:
    command = (sys.executable, "-m", "tests.faults.deadly")
    return rig.start("worker", command=command, DOZVON_LEASE_SECONDS="1", DEADLY_ITEM=item, DEADLY_STEP=step)


def replay_all(rig: Rig) -> None:
    """What a person does after the update that mends it."""
    database = Database(rig.database)
    replay_inbox(database, [row["id"] for row in rig.rows("SELECT id FROM inbox WHERE state = 'quarantined'")])
    assert replay_dead(database) == 1
    database.close()


def is_over(rig: Rig) -> bool:
    """Whether nothing is under way; what waits for a dead step is blocked, and not under way."""
    return not rig.count(
        "SELECT (SELECT count(*) FROM inbox WHERE state = 'received')"
        " + (SELECT count(*) FROM deliveries WHERE state IN ('pending','leased','waiting','verifying'))"
    )


def test_rows_that_end_their_workers_are_put_aside_and_their_neighbours_flow(rig: Rig) -> None:
    deadly_item, deadly_step, *innocent = new_clients(6)
    rig.web()
    rig.play_many("A", [deadly_item, deadly_step, *innocent])
    workers = worker_with_bugs(rig, deadly_item, f"+{deadly_step}")
    until(lambda: is_over(rig), 90, "all but two rows is done")
    workers.stop()
    deaths = workers.text().count(f"ended with {int(signal.SIGSEGV)}")
    assert 4 <= deaths <= MOST_DEATHS
    quarantined = rig.rows("SELECT topic, body, reason FROM inbox WHERE state = 'quarantined'")
    assert [(row["topic"], deadly_item.encode() in bytes(row["body"])) for row in quarantined] == [
        ("events/summary", True)
    ]
    assert "replay it after an update" in quarantined[0]["reason"]
    dead = rig.rows(
        "SELECT step_key, client_e164, last_error FROM deliveries JOIN calls ON calls.id = call_id"
        " WHERE deliveries.state = 'dead'"
    )
    assert [(row["step_key"], row["client_e164"]) for row in dead] == [("finish", f"+{deadly_step}")]
    assert "replay it after an update" in dead[0]["last_error"]
    logged = {str(call["PHONE_NUMBER"]) for call in rig.b24.calls()}
    assert {f"+{client}" for client in innocent} <= logged

    replay_all(rig)
    healthy = rig.worker()  # the update
    rig.settle()
    healthy.stop()
    assert judge(rig).complaints == []
