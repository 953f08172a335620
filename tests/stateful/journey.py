"""One hub between a PBX that repeats and shuffles itself and a CRM that fails: what may happen, and what must hold."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from connectors.contract import Connector
from hub.calls.inbox import claim as claim_items
from hub.calls.replay import replay_inbox
from hub.db.engine import Database
from hub.db.tables import CallRow, Connection
from hub.db.work import DeliveryRow, DeliveryState, InboxRow, InboxState
from hub.delivery.claim import claim
from hub.delivery.health import resume, stop
from hub.delivery.readiness import OPEN
from hub.delivery.replay import replay_deliveries
from hub.delivery.run import _try as carry_out
from hub.delivery.run import deliver
from hub.domain.call import Closing
from hub.domain.events import CallEvent
from hub.domain.intents import Lane
from tests.delivery.world import NoSchema, World, make_world
from tests.stateful.moods import MOODS, Mood, MoodyCrm, story

ONCE_ONLY = frozenset({"register", "finish", "task"})
MOST_CALLS = 4
LANES = (tuple(Lane), (Lane.URGENT,), (Lane.CALLS,))
KINDS = ("answered", "missed", "two rung")
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
_FOR_EVER = frozenset({"done", "superseded"})
_BY_REPLAY_ONLY = frozenset({"dead", "expired"})


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

    @initialize(kind=st.sampled_from(KINDS))
    def first_call_is_known(self, kind: str) -> None:
        """Journeys on which nothing ever called prove little."""
        self.somebody_calls(kind, True)

    @precondition(lambda self: len(self.calls) < MOST_CALLS)
    @rule(kind=st.sampled_from(KINDS), at_once=st.booleans())
    def somebody_calls(self, kind: str, at_once: bool) -> None:
        """A call; `at_once` it is heard of from ring to end, else its events come as other rules tell them."""
        call = f"c{len(self.calls)}"
        self.calls[call] = story(kind, call)
        if at_once:
            self.receive(*[(event,) for event in self.calls[call]])
            self.world.drain()

    @rule(data=st.data(), then_drained=st.booleans())
    def pbx_states(self, data: st.DataObject, then_drained: bool) -> None:
        """Some events of a call in any order, some of them twice, some nonsense between; apart or in one body."""
        events = self.calls[data.draw(st.sampled_from(sorted(self.calls)), label="call")]
        whole, some = st.permutations(events), st.lists(st.sampled_from(events), min_size=1, max_size=8)
        told = data.draw(whole | some, label="events")
        apart = data.draw(st.booleans(), label="apart")
        nonsense = data.draw(st.lists(st.sampled_from(("poison", "broken")), max_size=2), label="nonsense")
        self.receive(*([(event,) for event in told] if apart else [tuple(told)]), *nonsense)
        if then_drained:
            self.world.drain()

    def receive(self, *bodies: Any) -> None:
        self.world.receive(*bodies)
        self.received += len(bodies)

    # --- The workers and the CRM ---------------------------------------------------------------------

    @rule(dies_holding=st.integers(0, 5))
    def worker_drains(self, dies_holding: int) -> None:
        """One worker dies with some rows in its hands, another takes what is left."""
        if dies_holding:
            claim_items(self.world.runtime, dies_holding)
        self.world.drain()

    @rule(limit=st.integers(1, 6), lanes=st.sampled_from(LANES), mood=MOODS)
    def worker_delivers(self, limit: int, lanes: tuple[Lane, ...], mood: Mood) -> None:
        self.crm.be(mood)
        for step in claim(self.world.runtime, self.world.crm_id, lanes, limit):
            deliver(self.world.runtime, step)

    @rule(limit=st.integers(1, 3), lanes=st.sampled_from(LANES), wrote=st.booleans(), mood=MOODS)
    def worker_dies(self, limit: int, lanes: tuple[Lane, ...], wrote: bool, mood: Mood) -> None:
        """It holds leases, and what it wrote, if it came to that, it told nobody."""
        self.crm.be(mood)
        for step in claim(self.world.runtime, self.world.crm_id, lanes, limit):
            if wrote:
                carry_out(self.world.runtime, step)

    # --- People and time ---------------------------------------------------------------------------

    @rule(data=st.data())
    def person_replays(self, data: st.DataObject) -> None:
        items, rows = sorted(self.closed_items), sorted(self.seen)
        again = data.draw(st.lists(st.sampled_from(items), max_size=4), label="items") if items else []
        chosen = data.draw(st.lists(st.sampled_from(rows), max_size=4), label="rows") if rows else []
        for one in again:
            self.closed_items.pop(one, None)
        replay_inbox(self.world.database, again)
        self.replay(chosen)

    def replay(self, ids: Sequence[int]) -> None:
        """What hangs on a replayed row goes on behind it, so the rows of its call may move as well."""
        with self.world.database.reading() as session:
            calls = select(DeliveryRow.call_id).where(DeliveryRow.id.in_(ids))
            self.replayed |= set(session.scalars(select(DeliveryRow.id).where(DeliveryRow.call_id.in_(calls))))
        replay_deliveries(self.world.database, list(ids))

    @rule(then_resumes=st.booleans())
    def person_pauses(self, then_resumes: bool) -> None:
        with self.world.database.transaction() as session:
            link = session.get_one(Connection, self.world.crm_id, with_for_update=True)
            stop(session, link, "paused", "by hand", "resume it")
        if then_resumes:
            self.person_resumes()

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
                row.unknown_at = row.unknown_at and row.unknown_at - span
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
        self.crm.be(Mood())
        for _ in range(12):
            self.person_resumes()
            self.time_passes(1000)
            with self.world.database.transaction() as session:
                for row in session.scalars(select(DeliveryRow).where(DeliveryRow.state.in_(OPEN))):
                    row.due_at = _LONG_AGO
                dead = session.scalars(select(DeliveryRow.id).where(DeliveryRow.state.in_(("dead", "blocked")))).all()
            self.replay(dead)
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
