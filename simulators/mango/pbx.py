"""A Mango PBX to test one's set-up with: it plays calls to a hub and answers what the hub asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from simulators.common.ledger import Ledger
from simulators.common.serving import LOOPBACK, serving
from simulators.mango.app import Parts, make_app
from simulators.mango.callbacks import callback
from simulators.mango.calls import LiveCall
from simulators.mango.commands import Switchboard
from simulators.mango.exchange import Exchange
from simulators.mango.faults import Faults
from simulators.mango.ids import Ids
from simulators.mango.legs import STOP, Numbers, Stopped
from simulators.mango.limits import Limits
from simulators.mango.office import Office
from simulators.mango.orders import play_through
from simulators.mango.pieces import Script
from simulators.mango.queries import Desk
from simulators.mango.sending import Body, Delivery, Sender
from simulators.mango.stats import Statistics
from simulators.mango.tape import Tape
from simulators.mango.timelines import LETTERS, TIMELINES

Scenario = str | Script


@dataclass(slots=True)
class PlayedCall:
    """A call that was played, and what became of each of its events.

    `summary` is the body of its `/events/summary`. Events that were dropped on purpose are among `deliveries`.
    """

    entry_id: str
    call_ids: tuple[str, ...]
    recording_ids: tuple[str, ...]
    summary: Mapping[str, Any] | None
    deliveries: tuple[Delivery, ...]

    @property
    def accepted(self) -> bool:
        """Whether the hub took everything that it was sent."""
        return all(delivery.accepted or delivery.dropped for delivery in self.deliveries)

    @property
    def answered(self) -> bool:
        return bool(self.summary and self.summary["talk_time"])


class MangoSimulator:
    """The PBX. Use it as a context manager: it listens on 127.0.0.1 while the block runs.

    `hub_url` is the hub's address, `hook_token` the connection's token in `/hooks/<token>` (leave it empty when
    `hub_url` is the whole hook address already). `speed` is real seconds per second of the PBX's clock: 0 plays at
    once, 1 in real time. `clock` (monotonic seconds) drives
    rate limits, lock-out, delays of recordings, leases and keys.
    """

    def __init__(
        self,
        *,
        hub_url: str,
        hook_token: str = "",
        api_key: str = "demoapikey000000000000000000abcd",
        api_salt: str = "demoapisalt00000000000000000wxyz",
        port: int = 0,
        seed: int = 1,
        speed: float = 0.0,
        ledger_file: Path | None = None,
        faults: Faults | None = None,
        office: Office | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.faults = faults or Faults()
        self.office = office or Office()
        self.ledger = Ledger(ledger_file)
        self.exchange = Exchange(self.faults, clock)
        self.callback_numbers = Numbers(ring_seconds=3, talk_seconds=20, file_after_seconds=2)
        self._key, self._salt, self._port, self._clock = api_key, api_salt, port, clock
        self._speed = speed
        self._ids = Ids()
        hook = f"{hub_url.rstrip('/')}/hooks/{hook_token}" if hook_token else hub_url
        self._sender = Sender(hook, api_key, api_salt, self.faults, self.ledger, seed)
        self._pool = ThreadPoolExecutor(64, thread_name_prefix="mango-call")
        self._under_way: set[Future[Any]] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._serving: AbstractContextManager[int] | None = None
        self.played: list[PlayedCall] = []

    def __enter__(self) -> Self:
        self._serving = serving(make_app(self._parts()), self._port)
        self._port = self._serving.__enter__()
        return self

    def stop(self) -> None:
        """End the calls that are being played where they stand; nothing more is sent."""
        self._stopping = True
        for call in self.exchange.all():
            call.orders.put(STOP)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._serving is not None:
            self._serving.__exit__(kind, error, trace)
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._sender.close()

    def sends_to(self, hook_address: str) -> None:
        """What the owner of the PBX does last: enter the hub's hook address."""
        self._sender.hook_address = hook_address

    @property
    def port(self) -> int:
        return self._port

    @property
    def base_url(self) -> str:
        """What the connection's `base_url` must be."""
        return f"http://{LOOPBACK}:{self._port}/vpbx"

    # --- playing ------------------------------------------------------------------------------------------------------

    def play(self, timeline: Scenario, **numbers: Any) -> PlayedCall:
        """Play one call to its end; returns when every event was answered, or given up.

        `timeline` is a letter of mango.md §2.8 ("A" … "G"), a name of `TIMELINES`, "callback", or a function of a
        `LiveCall`. `numbers` are fields of `Numbers`. Without `start` the call ends about now when `speed` is 0, else
        it starts now. Raises `ValueError` for a name that does not exist.
        """
        return self._play(_script(timeline), Numbers(**numbers), self._speed)

    def tell_past(self, timeline: Scenario, **numbers: Any) -> PlayedCall:
        """A call that was over long ago, told at once; `start` is when it began."""
        return self._play(_script(timeline), Numbers(**numbers), 0.0)

    def says(self, path: str, body: Body) -> None:
        """One signed event that belongs to no call of this PBX."""
        self._sender.send(path, body)

    def play_many(self, calls: Iterable[tuple[Scenario, Mapping[str, Any]]], at_once: int = 8) -> list[PlayedCall]:
        """Play several calls, up to `at_once` at a time; the results are in the order of `calls`."""
        with ThreadPoolExecutor(at_once, thread_name_prefix="mango-many") as pool:
            futures = [pool.submit(self.play, timeline, **numbers) for timeline, numbers in calls]
            return [future.result() for future in futures]

    def start(self, timeline: Scenario, **numbers: Any) -> Future[PlayedCall]:
        """Play a call in the background, for tests that send commands while it lasts."""
        return self._in_background(self._play, _script(timeline), Numbers(**numbers), self._speed)

    def check_connection(self) -> int | None:
        """Press the "check connection" button; returns the hub's HTTP status."""
        return self._sender.check_connection()

    def wait_until_idle(self, within_seconds: float = 30.0) -> None:
        """Return when calls and results that commands began are over; `TimeoutError` when they are not in time."""
        deadline = time.monotonic() + within_seconds
        while under_way := self._pending():
            for future in under_way:
                future.result(timeout=max(deadline - time.monotonic(), 0.001))

    def _pending(self) -> list[Future[Any]]:
        with self._lock:
            return [future for future in self._under_way if not future.done()]

    def _in_background(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        future = self._pool.submit(function, *arguments)
        with self._lock:
            self._under_way = {each for each in self._under_way if not each.done()} | {future}
        return future

    def _play(self, script: Script, numbers: Numbers, speed: float) -> PlayedCall:
        tape = Tape(self._sender, self.faults)
        call = self._call(numbers, self._start_of(script, numbers), tape.takes, speed)
        tape.after_sending = lambda path: self._files_reach_cloud(call, path)
        self.exchange.begins(call)
        if self._stopping:
            raise Stopped
        play_through(call, script)
        played = PlayedCall(
            call.entry_id,
            tuple(leg.call_id for leg in call.legs),
            tuple(recording.recording_id for recording in call.recordings),
            call.summary,
            tape.runs_out(),
        )
        with self._lock:
            self.played.append(played)
        return played

    def _call(self, numbers: Numbers, start: datetime, emit: Callable[[str, Body], None], speed: float) -> LiveCall:
        return LiveCall(numbers, self.office, self._ids, emit, start, speed)

    def _start_of(self, script: Script, numbers: Numbers) -> datetime:
        if numbers.start is not None:
            return numbers.start
        now = datetime.now(UTC)
        return now if self._speed else now - self._length(script, numbers)

    def _length(self, script: Script, numbers: Numbers) -> timedelta:
        """How long the call will take by the PBX's clock: it is played once to nobody."""
        start = datetime(2026, 1, 1, tzinfo=UTC)
        rehearsal = self._call(
            replace(numbers, wait_for_command_seconds=0, rings_really_seconds=0), start, _to_nobody, 0.0
        )
        play_through(rehearsal, script)
        return rehearsal.at - start

    def _files_reach_cloud(self, call: LiveCall, path: str) -> None:
        if path == "/events/record/added":
            for recording in call.recordings:
                if recording.added:
                    self.exchange.file_added(recording)

    def _plays_on_demand(self, wish: Mapping[str, Any]) -> None:
        """`POST /play`: {"timeline": "A", "client": …}. Raises `ValueError` in words for people."""
        names = {each.name for each in fields(Numbers)} - {"start"}
        numbers = {name: value for name, value in wish.items() if name != "timeline"}
        if unknown := set(numbers) - names:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known: timeline, {', '.join(sorted(names))}")
        self.start(str(wish.get("timeline", "A")), **numbers)

    # --- answering ----------------------------------------------------------------------------------------------------

    def _parts(self) -> Parts:
        board = Switchboard(self.exchange, self.office, self.faults, self._starts, self.callback_numbers)
        statistics = Statistics(self.exchange, self.office, self.faults, self._clock, self._offends)
        return Parts(
            api_key=self._key,
            api_salt=self._salt,
            faults=self.faults,
            ledger=self.ledger,
            limits=Limits(self._clock),
            exchange=self.exchange,
            board=board,
            desk=Desk(self.office, self.faults, self._clock),
            statistics=statistics,
            answers=self._answers,
            wall=time.time,
            plays=self._plays_on_demand,
        )

    def _offends(self, code: str, what: str) -> None:
        self.ledger.write("offence", code=code, what=what, path="stats")

    def _starts(self, script: Script, numbers: Numbers) -> None:
        """A call that a command asked for begins a moment later, before or after the command's result."""

        def later() -> PlayedCall:
            time.sleep(self._sender.pick(*self.faults.result_delay_seconds))
            return self._play(script, replace(numbers, start=datetime.now(UTC)), self._speed)

        self._in_background(later)

    def _answers(self, command: str, body: Mapping[str, Any], code: int | None) -> None:
        """`/result/…` comes 50 to 500 ms after the command; `code` None for a report that is ready."""
        if code is None:
            path, answer = f"/result/{self.faults.stats_result_path}", dict(body)
        else:
            path, answer = f"/result/{command}", {"command_id": body.get("command_id") or "", "result": code}

        def later() -> None:
            time.sleep(self._sender.pick(*self.faults.result_delay_seconds))
            for future in self._sender.send(path, answer):
                future.result()

        self._in_background(later)


def _script(timeline: Scenario) -> Script:
    if not isinstance(timeline, str):
        return timeline
    name = LETTERS.get(timeline, timeline)
    if name == "callback":
        return callback("answered")
    if name not in TIMELINES:
        raise ValueError(f"no timeline is called {timeline!r}: {', '.join([*LETTERS, *TIMELINES, 'callback'])}")
    return TIMELINES[name]


def _to_nobody(path: str, body: Body) -> None:
    """Where a rehearsal's events go."""
