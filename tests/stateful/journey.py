"""One hub between a PBX that repeats and shuffles itself and a CRM that fails: what may happen, and what must hold."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from connectors.contract import Connector, Door, LookUp, Step, Unclear
from hub.calls.intake import _claim as claim_items
from hub.calls.replay import replay_inbox
from hub.db.engine import Database
from hub.db.tables import CallRow, Connection
from hub.db.work import DeliveryRow, DeliveryState, InboxRow, InboxState
from hub.delivery.claim import OPEN, claim
from hub.delivery.health import pause, resume
from hub.delivery.replay import replay_deliveries
from hub.delivery.run import _try as carry_out
from hub.delivery.run import deliver
from hub.domain.call import Closing
from hub.domain.errors import (
    AlreadyThere,
    AuthExpired,
    AuthRevoked,
    NotReady,
    OutcomeUnknown,
    OverBudget,
    Paused,
    Rejected,
    Throttled,
    Unreachable,
)
from hub.domain.events import CallEvent
from hub.domain.intents import Lane
from tests.delivery.story import answers, ends, leaves, rings
from tests.delivery.world import LedgerCrm, NoSchema, World, make_world

ONCE_ONLY = frozenset({"register", "finish", "task"})
MOST_CALLS = 4
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_FOR_EVER = frozenset({"done", "superseded"})
_BY_REPLAY_ONLY = frozenset({"dead", "expired"})

NOT_DONE: dict[str, Callable[[], Exception]] = {
    "throttled": lambda: Throttled("too fast"),
    "throttled until": lambda: Throttled("too fast", until=datetime.now(UTC) + timedelta(minutes=10)),
    "method throttled": lambda: Throttled("too much of this", scope="method"),
    "over budget": lambda: OverBudget("our own budget"),
    "unreachable": lambda: Unreachable("refused"),
    "expired": lambda: AuthExpired("expired"),
    "revoked": lambda: AuthRevoked("invalid_grant"),
    "paused": lambda: Paused("blocked by hand"),
    "rejected": lambda: Rejected("no such field"),
    "not ready": lambda: NotReady("later"),
    "unknown": lambda: OutcomeUnknown("time-out"),
    "bug": ZeroDivisionError,
}
DONE_BUT: dict[str, Callable[[], Exception]] = {
    "unknown": lambda: OutcomeUnknown("reset"),
    "bug": ZeroDivisionError,
    "there": lambda: AlreadyThere("it is there", {"id": 1, "task_id": "t1"}),
}


class MoodyCrm(LedgerCrm):
    """Also fails, and hesitates, when it is asked what it has."""

    def __init__(self) -> None:
        super().__init__()
        self.when_asked: list[Exception | None] = []

    def look_up(self, step: Step, door: Door) -> LookUp:
        mood = self.when_asked.pop(0) if self.when_asked else None
        if isinstance(mood, Exception):
            if isinstance(mood, NotReady):
                return Unclear("not yet")
            raise mood
        return super().look_up(step, door)


def story(kind: str, call: str) -> list[CallEvent]:
    """All that a PBX states of one call."""
    if kind == "missed":
        return [rings("101", 1, call), leaves("101", 20, call), ends(20, call, answered_at=None, extension="101")]
    if kind == "two rung":
        return [
            rings("101", 1, call), rings("102", 1, call), answers("102", 6, call), leaves("101", 6, call),
            leaves("102", 50, call), ends(50, call, answered_at=6, extension="102"),
        ]  # fmt: skip
    return [
        rings("101", 1, call), answers("101", 5, call), leaves("101", 65, call),
        ends(65, call, answered_at=5, extension="101"),
    ]  # fmt: skip


class Journey(RuleBasedStateMachine):
    """`open_database` gives an empty, migrated database for each run."""

    open_database: Callable[[Path], Database]

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="dozvon-journey-"))
        self.world: World = make_world(type(self).open_database(self.home), self.home)
        self.crm = MoodyCrm()
        self.world.crm = self.crm
        self.world.runtime.registry["crm"] = Connector("crm", "CRM", NoSchema, NoSchema, crm=self.crm)  # type: ignore[index]
        self.world.clock.append(datetime.now(UTC))
        self.calls: dict[str, list[CallEvent]] = {}
        self.received = 0
        self.seen: dict[int, str] = {}
        self.replayed: set[int] = set()
        self.closed_items: dict[int, str] = {}

    def teardown(self) -> None:
        try:
            self.heal()
            self.everything_is_closed()
        finally:
            self.world.database.close()
            shutil.rmtree(self.home, ignore_errors=True)

    # --- The PBX -----------------------------------------------------------------------------------

    @precondition(lambda self: len(self.calls) < MOST_CALLS)
    @rule(kind=st.sampled_from(("answered", "missed", "two rung")))
    def somebody_calls(self, kind: str) -> None:
        call = f"c{len(self.calls)}"
        self.calls[call] = story(kind, call)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def pbx_states(self, data: st.DataObject) -> None:
        """Some events of a call, in any order, some of them twice, each alone or all in one body."""
        events = self.calls[data.draw(st.sampled_from(sorted(self.calls)), label="call")]
        told = data.draw(st.lists(st.sampled_from(events), min_size=1, max_size=8), label="events")
        bodies = [(event,) for event in told] if data.draw(st.booleans(), label="apart") else [tuple(told)]
        self.receive(*bodies)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def pbx_states_a_whole_call(self, data: st.DataObject) -> None:
        events = self.calls[data.draw(st.sampled_from(sorted(self.calls)), label="call")]
        self.receive(*[(event,) for event in data.draw(st.permutations(events), label="events")])

    @rule(body=st.sampled_from(("poison", "broken")))
    def pbx_states_nonsense(self, body: str) -> None:
        self.receive(body)

    def receive(self, *bodies: Any) -> None:
        self.world.receive(*bodies)
        self.received += len(bodies)

    # --- The workers -------------------------------------------------------------------------------

    @rule()
    def worker_drains(self) -> None:
        self.world.drain()

    @rule(limit=st.integers(1, 5))
    def worker_dies_with_items_in_hand(self, limit: int) -> None:
        claim_items(self.world.runtime, limit)

    @rule(limit=st.integers(1, 6), lanes=st.sampled_from(((Lane.URGENT,), (Lane.CALLS,), tuple(Lane))))
    def worker_delivers(self, limit: int, lanes: tuple[Lane, ...]) -> None:
        for step in claim(self.world.runtime, self.world.crm_id, lanes, limit):
            deliver(self.world.runtime, step)

    @rule(limit=st.integers(1, 3))
    def worker_dies_before_it_writes(self, limit: int) -> None:
        claim(self.world.runtime, self.world.crm_id, tuple(Lane), limit)

    @rule(limit=st.integers(1, 3))
    def worker_dies_after_it_wrote(self, limit: int) -> None:
        for step in claim(self.world.runtime, self.world.crm_id, tuple(Lane), limit):
            carry_out(self.world.runtime, step)

    # --- The CRM ------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(sorted(NOT_DONE)), times=st.integers(1, 3))
    def crm_will_refuse(self, name: str, times: int) -> None:
        self.crm.before += [NOT_DONE[name]() for _ in range(times)]

    @rule(name=st.sampled_from(sorted(DONE_BUT)))
    def crm_will_do_it_and_not_say_so(self, name: str) -> None:
        self.crm.after.append(DONE_BUT[name]())

    @rule(name=st.sampled_from(sorted(NOT_DONE)))
    def crm_will_fail_when_asked(self, name: str) -> None:
        self.crm.when_asked.append(NOT_DONE[name]())

    # --- People and time ---------------------------------------------------------------------------

    @rule(data=st.data())
    def person_replays_deliveries(self, data: st.DataObject) -> None:
        ids = sorted(self.seen)
        chosen = data.draw(st.lists(st.sampled_from(ids), max_size=4), label="rows") if ids else []
        self.replayed |= set(chosen)
        with self.world.database.reading() as session:  # what hangs on a replayed row goes on behind it
            calls = select(DeliveryRow.call_id).where(DeliveryRow.id.in_(chosen))
            self.replayed |= set(session.scalars(select(DeliveryRow.id).where(DeliveryRow.call_id.in_(calls))))
        replay_deliveries(self.world.database, chosen)

    @rule(data=st.data())
    def person_replays_items(self, data: st.DataObject) -> None:
        ids = sorted(self.closed_items)
        chosen = data.draw(st.lists(st.sampled_from(ids), max_size=4), label="items") if ids else []
        for one in chosen:
            self.closed_items.pop(one, None)
        replay_inbox(self.world.database, chosen)

    @rule()
    def person_pauses(self) -> None:
        pause(self.world.runtime, self.world.crm_id, "paused", "by hand", "resume it")

    @rule()
    def person_resumes(self) -> None:
        with self.world.database.transaction() as session:
            resume(session, self.world.crm_id)

    @rule(seconds=st.sampled_from((1, 20, 70, 200, 1000)))
    def time_passes(self, seconds: int) -> None:
        span = timedelta(seconds=seconds)
        self.world.clock.append(self.world.clock[-1] + span)
        with self.world.database.transaction() as session:
            for row in session.scalars(select(DeliveryRow).where(DeliveryRow.state.in_(OPEN))):
                row.due_at -= span
            for item in session.scalars(select(InboxRow).where(InboxRow.state == InboxState.RECEIVED)):
                item.due_at -= span
            link = session.get_one(Connection, self.world.crm_id)
            link.breaker_until = link.breaker_until and link.breaker_until - span

    # --- What must hold ------------------------------------------------------------------------------

    @invariant()
    def nothing_received_is_lost(self) -> None:
        with self.world.database.reading() as session:
            rows = session.execute(select(InboxRow.id, InboxRow.state, InboxRow.closed_at)).all()
        assert len(rows) == self.received
        for row in rows:
            assert str(row.state) in {"received", "processed", "ignored", "quarantined"}
            assert (row.closed_at is None) == (row.state == "received")
            before = self.closed_items.get(row.id)
            assert before is None or before == str(row.state), f"item {row.id} went from {before} to {row.state}"
            if row.state != "received":
                self.closed_items[row.id] = str(row.state)

    @invariant()
    def nothing_is_written_twice(self) -> None:
        for (call, key), times in Counter(self.crm.ledger).items():
            assert times == 1 or key not in ONCE_ONLY, f"{key} of {call} is {times} times in the CRM"

    @invariant()
    def states_move_along_their_edges(self) -> None:
        with self.world.database.reading() as session:
            rows = session.scalars(select(DeliveryRow)).all()
        assert self.seen.keys() <= {row.id for row in rows}, "a row of the outbox is gone"
        for row in rows:
            before, now = self.seen.get(row.id), str(row.state)
            assert now in {str(state) for state in DeliveryState}
            if before in _FOR_EVER:
                assert now == before, f"{row.step_key} went from {before} to {now}"
            if before in _BY_REPLAY_ONLY and now != before:
                assert row.id in self.replayed, f"{row.step_key} went from {before} to {now} by itself"
            if now in _FOR_EVER | _BY_REPLAY_ONLY:
                assert row.closed_at is not None, f"{row.step_key} is {now} and not closed"
            elif now != "blocked":
                assert row.closed_at is None, f"{row.step_key} is {now} and closed"
            if now == "leased":
                assert row.due_at < datetime.now(UTC) + timedelta(seconds=self.world.runtime.settings.lease_seconds + 1)
            self.seen[row.id] = now

    # --- In the end ---------------------------------------------------------------------------------

    def heal(self) -> None:
        """The CRM behaves, leases lapse, people resume the connection and replay what is dead."""
        self.crm.before.clear()
        self.crm.after.clear()
        self.crm.when_asked.clear()
        for _ in range(12):
            self.person_resumes()
            self.time_passes(1000)
            with self.world.database.transaction() as session:
                for row in session.scalars(select(DeliveryRow).where(DeliveryRow.state.in_(OPEN))):
                    row.due_at = _LONG_AGO
                dead = session.scalars(select(DeliveryRow.id).where(DeliveryRow.state.in_(("dead", "blocked")))).all()
            self.replayed |= set(dead)
            replay_deliveries(self.world.database, list(dead))
            self.world.drain()
            self.world.deliver(rounds=60)

    def everything_is_closed(self) -> None:
        self.nothing_received_is_lost()
        self.nothing_is_written_twice()
        self.states_move_along_their_edges()
        with self.world.database.reading() as session:
            waiting = session.scalars(select(InboxRow.id).where(InboxRow.state == InboxState.RECEIVED)).all()
            rows = session.scalars(select(DeliveryRow)).all()
            calls = session.scalars(select(CallRow)).all()
        assert not waiting
        states = {(row.call_id, row.step_key): str(row.state) for row in rows}
        still_open = {key: state for key, state in states.items() if state not in {"done", "superseded", "expired"}}
        assert not still_open
        ledger = Counter(self.crm.ledger)
        for call in calls:
            finished = call.closing == Closing.STATED
            assert ledger[(call.uid, "finish")] == (1 if finished else 0), f"{call.call_key} is logged wrongly"
            registered = ledger[(call.uid, "register")]
            assert registered == 1 or (registered == 0 and not finished), f"{call.call_key} is registered wrongly"
