"""Who delivers what, when: wakes connections, keeps slow ones from holding up the others, renews leases.

The rows are the truth; everything here is memory and may be lost at any moment. What is missed is
found by the sweep.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from hub.db.engine import database_now
from hub.db.work import DeliveryRow, DeliveryState
from hub.delivery.claim import ClaimedStep, claim, due_connections
from hub.delivery.run import deliver, deliver_together
from hub.delivery.suspects import acquit
from hub.domain.intents import Lane
from hub.runtime import Runtime

log = structlog.get_logger()

THREADS = 24
SLOTS_PER_CONNECTION = 4
"""How many steps of one connection this process sends at once: a dead portal holds no more than these."""


class Dispatcher:
    """Delivers due rows of `lanes` until stopped. `wake` may be called from any thread."""

    def __init__(self, runtime: Runtime, lanes: Sequence[Lane], *, threads: int = THREADS) -> None:
        self._runtime = runtime
        self._lanes = tuple(lanes)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="deliver")
        self._changed = threading.Condition()
        self._alarms: list[tuple[float, int]] = []
        self._in_flight: dict[int, dict[int, Sequence[ClaimedStep]]] = {}
        self._passed_over: set[int] = set()
        """Connections whose suspects had to wait for another one's end."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)
        self._renewer = threading.Thread(target=self._renew_leases, name="lease-renewer", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._renewer.start()

    def stop(self) -> None:
        """Take nothing new, finish what is under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join()
        self._pool.shutdown(wait=True)

    def wake(self, connection_id: int, due_at: datetime | None = None) -> None:
        """There is, or will be at `due_at`, work for this connection."""
        wait_seconds = max((due_at - self._runtime.now()).total_seconds(), 0.0) if due_at else 0.0
        with self._changed:
            heapq.heappush(self._alarms, (time.monotonic() + wait_seconds, connection_id))
            self._changed.notify_all()

    def sweep(self) -> None:
        """Wake every connection that has due rows, whoever forgot to ring."""
        with self._runtime.database.reading() as session:
            connection_ids = due_connections(session, self._lanes)
        for connection_id in connection_ids:
            self.wake(connection_id)

    def _run(self) -> None:
        while True:
            with self._changed:
                awake = self._awake()
                while not awake and not self._stopping:
                    self._changed.wait(self._until_next_alarm())
                    awake = self._awake()
                if self._stopping:
                    return
            for connection_id in awake:
                self._serve(connection_id)

    def _awake(self) -> set[int]:
        awake = set()
        while self._alarms and self._alarms[0][0] <= time.monotonic():
            awake.add(heapq.heappop(self._alarms)[1])
        return awake

    def _until_next_alarm(self) -> float | None:
        return max(self._alarms[0][0] - time.monotonic(), 0.0) if self._alarms else None

    def _serve(self, connection_id: int) -> None:
        """Send what is due, as far as there are slots; the request that ends next wakes the connection again."""
        while (free := SLOTS_PER_CONNECTION - len(self._in_flight.get(connection_id, {}))) > 0:
            groups = self._claimed(connection_id, free)
            for group in groups:
                self._send(group)
            if all(len(group) == 1 and not group[0].is_suspect for group in groups):
                return  # either the slots are full or nothing more is due

    def _claimed(self, connection_id: int, free: int) -> Sequence[Sequence[ClaimedStep]]:
        """Due steps, those that may share a request side by side."""
        suspects = self._may_take_a_suspect(connection_id)
        try:
            if self._runtime.rests.is_scarce(connection_id, self._runtime.now()):
                steps = self._claim_sparingly(connection_id, free, suspects=suspects)
            else:
                steps = claim(self._runtime, connection_id, self._lanes, free, together=True, suspects=suspects)
        except OperationalError as error:
            self._runtime.database.presence.trouble(error, at="claim")
            return ()
        except Exception:
            log.exception("claim_failed", connection_id=connection_id)
            return ()
        return _grouped(steps)

    def _may_take_a_suspect(self, connection_id: int) -> bool:
        """One at a time in this process: when it dies, no other one is accused with it a second time."""
        with self._changed:
            is_held = any(group[0].is_suspect for groups in self._in_flight.values() for group in groups.values())
            if is_held:
                self._passed_over.add(connection_id)
        return not is_held

    def _claim_sparingly(self, connection_id: int, free: int, *, suspects: bool) -> list[ClaimedStep]:
        """Where the request budget is used up, one request of the less urgent asks at a time, and only when it may.

        If each due row asked for itself, a backlog would keep the database busy with refusals, in the way of the cards.
        """
        now, others = self._runtime.now(), [lane for lane in self._lanes if lane is not Lane.URGENT]
        urgent = [lane for lane in self._lanes if lane is Lane.URGENT]
        ask = partial(claim, self._runtime, connection_id, together=True)
        steps = ask(urgent, free, suspects=suspects) if urgent else []
        ends_at = self._runtime.rests.next_end(connection_id, others, now)
        if ends_at is not None:
            self.wake(connection_id, ends_at)
        awake = self._runtime.rests.awake(connection_id, others, now)
        if awake and len(steps) < free and not self._is_asking(connection_id):
            steps += ask(awake, 1, suspects=suspects and not any(step.is_suspect for step in steps))
        return steps

    def _is_asking(self, connection_id: int) -> bool:
        """Whether a request of the less urgent lanes is under way; when it ends, the connection is served again."""
        with self._changed:
            groups = list(self._in_flight.get(connection_id, {}).values())
        return any(step.lane is not Lane.URGENT for group in groups for step in group)

    def _send(self, group: Sequence[ClaimedStep]) -> None:
        first = group[0]
        with self._changed:
            self._in_flight.setdefault(first.connection_id, {})[first.id] = group
        future = self._pool.submit(_deliver, self._runtime, group)
        future.add_done_callback(lambda done: self._finished(group, done))

    def _finished(self, group: Sequence[ClaimedStep], future: Future[list[datetime]]) -> None:
        first = group[0]
        with self._changed:
            self._in_flight[first.connection_id].pop(first.id, None)
            passed_over = set(self._passed_over) if first.is_suspect else set()
            self._passed_over -= passed_over
        for connection_id in passed_over:
            self.wake(connection_id)
        error = future.exception()
        if error is not None:
            log.error("delivery_not_closed", delivery_id=first.id, error=type(error).__name__)
            if isinstance(error, OperationalError):
                acquit(self._runtime, group)
            return
        self.wake(first.connection_id)
        for due_at in future.result():
            self.wake(first.connection_id, due_at)

    def _renew_leases(self) -> None:
        """A long upload keeps its row: nobody else takes a lease for lapsed while its holder lives."""
        pause = threading.Event()
        while not self._stopping:
            pause.wait(self._runtime.settings.lease_seconds / 3)
            with self._changed:
                groups = [group for groups in self._in_flight.values() for group in groups.values()]
            held = [step for group in groups for step in group]
            if not held:
                continue
            try:
                self._renew(held)
            except Exception:
                log.exception("renewing_leases_failed")

    def _renew(self, held: Sequence[ClaimedStep]) -> None:
        with self._runtime.database.transaction() as session:
            until = database_now(session) + timedelta(seconds=self._runtime.settings.lease_seconds)
            for step in held:
                session.execute(
                    update(DeliveryRow)
                    .where(
                        DeliveryRow.id == step.id,
                        DeliveryRow.lease == step.lease,
                        DeliveryRow.state == DeliveryState.LEASED,
                    )
                    .values(due_at=until)
                    .execution_options(synchronize_session=False)
                )


def _grouped(steps: Sequence[ClaimedStep]) -> list[list[ClaimedStep]]:
    groups: dict[str | int, list[ClaimedStep]] = {}
    for step in steps:
        groups.setdefault(step.shares or step.id, []).append(step)
    return list(groups.values())


def _deliver(runtime: Runtime, group: Sequence[ClaimedStep]) -> list[datetime]:
    """Bring the steps of one request to their ends; returns when some of them are due again."""
    if len(group) > 1:
        return deliver_together(runtime, group)
    due_at = deliver(runtime, group[0])
    return [] if due_at is None else [due_at]
