"""A rude CRM: too fast, answers lost, and several first calls at once (B6, D1, D4, D9, D15)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from simulators.mango import MangoSimulator
from tests.e2e.hub import mango_connection, until
from tests.faults.judge import judge
from tests.faults.rig import Rig, new_clients

SECOND_TOKEN = "B" * 24
SECOND_KEY, SECOND_SALT = "canarykey0000000000000000000pbx2", "canarysalt000000000000000000pbx2"


@pytest.fixture(scope="module", autouse=True)
def _hub(rig: Rig) -> Iterator[None]:
    """Two workers: whatever one of them does, the other may be doing at that moment."""
    rig.web()
    rig.worker()
    rig.worker()
    yield
    verdict = judge(rig)
    assert verdict.in_order, verdict.table()


def test_events_of_one_call_at_two_workers_at_once_make_one_call(rig: Rig) -> None:
    rig.pbx.faults.duplicate_share = 0.5
    rig.play_many("C", new_clients(6))
    rig.pbx.faults.duplicate_share = 0.0
    rig.settle()
    assert judge(rig).complaints == []


def test_crm_that_says_too_fast_for_a_while_costs_no_attempt_and_is_left_alone(rig: Rig) -> None:
    before = len(rig.b24.ledger.requests())
    fault = rig.b24.faults.add("throttle", "telephony.*", times=None)
    rig.play_many("A", new_clients(4))
    until(lambda: fault.hits >= 3, 30, "the CRM was asked again")
    asked = len(rig.b24.ledger.requests()) - before
    rig.b24.faults.clear()
    rig.settle()
    assert asked <= 20, "probes, and not a storm"
    assert rig.count("SELECT max(attempts) FROM deliveries") == 0
    assert judge(rig).complaints == []


@pytest.mark.parametrize(
    "method",
    ["telephony.externalCall.register", "telephony.externalCall.finish", "upload", "crm.activity.todo.add"],
)
def test_answer_that_is_lost_after_the_work_was_done_leads_to_no_second_write(rig: Rig, method: str) -> None:
    fault = rig.b24.faults.add("drop_after", method, times=2)
    rig.play("A", *new_clients(1))
    rig.play("B", *new_clients(1))
    rig.settle()
    assert fault.hits > 0
    rig.b24.faults.clear()
    assert judge(rig).complaints == []


def test_batch_whose_answer_is_lost_is_looked_up_row_by_row(rig: Rig) -> None:
    """The ends of several calls go out in one batch; each of them is a write that must not be made twice."""
    rig.play_many("A", new_clients(8))
    ends = "step_key = 'finish' AND state = 'pending'"

    def only_ends_are_left() -> bool:
        rig.change(f"UPDATE deliveries SET due_at = now() + interval '1 hour' WHERE {ends}")
        registering = rig.count("SELECT count(*) FROM deliveries WHERE step_key = 'register' AND state <> 'done'")
        return rig.waiting() + registering == 0 and rig.count(f"SELECT count(*) FROM deliveries WHERE {ends}") > 1

    until(only_ends_are_left, 30, "the calls are registered")
    lost = rig.b24.faults.add("drop_after", "batch", times=1)
    rig.change(f"UPDATE deliveries SET due_at = now() WHERE {ends}")
    rig.settle()
    assert lost.hits == 1
    assert rig.count("SELECT count(*) FROM delivery_attempts WHERE outcome = 'outcome_unknown'") > 1
    assert judge(rig).complaints == []


def test_line_that_cuts_answers_at_random_loses_and_doubles_nothing(rig: Rig) -> None:
    rig.proxies["crm"].rude.answers_to_cut = 6
    rig.play_many("A", new_clients(3))
    until(lambda: rig.proxies["crm"].rude.answers_to_cut == 0, 30, "six answers were cut")
    rig.settle()
    assert judge(rig).complaints == []


def test_answer_that_breaks_off_in_the_middle_is_no_refusal(rig: Rig) -> None:
    cuts = rig.proxies["crm"].cuts
    rig.proxies["crm"].rude.reset_after_bytes = 60
    rig.play("A", *new_clients(1))
    until(lambda: rig.proxies["crm"].cuts >= cuts + 2, 30, "two answers broke off")
    rig.proxies["crm"].behave()
    rig.settle()
    assert judge(rig).complaints == []


def test_crm_that_falls_silent_holds_up_no_event(rig: Rig) -> None:
    rig.proxies["crm"].rude.half_open = True
    calls = rig.play_many("A", new_clients(3))
    assert all(call.accepted for call in calls)
    assert all(delivery.tries == 1 for call in calls for delivery in call.deliveries)
    rig.proxies["crm"].behave()
    rig.proxies["crm"].drop_all()
    rig.settle(90)
    assert judge(rig).complaints == []


def test_two_first_calls_of_one_number_through_two_pbxs_make_one_lead(rig: Rig) -> None:
    with MangoSimulator(
        hub_url=rig.url, hook_token=SECOND_TOKEN, api_key=SECOND_KEY, api_salt=SECOND_SALT, seed=7
    ) as second:
        block = mango_connection(second, SECOND_KEY, SECOND_SALT).replace("A" * 24, SECOND_TOKEN)
        rig.apply(rig.document() + block.replace('name = "mango"', 'name = "mango2"'))
        clients = new_clients(4)
        with ThreadPoolExecutor(8) as pool:
            first = pool.map(lambda client: rig.play("A", client), clients)
            other = pool.map(lambda client: second.play("A", client=client), clients)
            calls = [*first, *other]
        rig.played += [("A", client, call) for client, call in zip(clients, calls[len(clients) :], strict=True)]
        assert all(call.accepted for call in calls)
        rig.settle()
        assert second.ledger.offences() == []
    assert judge(rig).complaints == []


def test_replay_by_hand_while_a_retry_is_due_sends_once(rig: Rig) -> None:
    fault = rig.b24.faults.add("error_before", "telephony.externalCall.finish", times=2, status=500)
    rig.play("A", *new_clients(1))
    until(lambda: fault.hits > 0, 30, "the first try failed")
    waiting = "SELECT id FROM deliveries WHERE state IN ('waiting','verifying') AND step_key = 'finish'"
    until(lambda: rig.rows(waiting), 10, "a retry is due")
    for row in rig.rows(waiting):
        rig.ask("POST", f"/api/v1/deliveries/{row['id']}/replay")
    rig.settle()
    rig.b24.faults.clear()
    assert judge(rig).complaints == []
