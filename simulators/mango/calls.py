"""A call while it lives: its legs, their states and counters, its recordings, the PBX's clock (mango.md §2.1)."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from simulators.mango.ids import Ids
from simulators.mango.legs import STOP, Leg, Numbers, Order, Ordered, Place, Recording, Stopped
from simulators.mango.office import PRODUCT_ID, Office

Party = Mapping[str, str]
ENDED_BY_SCHEME = 1170
Emit = Callable[[str, Mapping[str, Any]], None]


@dataclass(slots=True)
class LiveCall:
    """What scripts play on. `at` is the PBX's clock; `speed` real seconds per second of it (0: no waiting)."""

    numbers: Numbers
    office: Office
    ids: Ids
    emit: Emit
    at: datetime
    speed: float
    direction: int = 1
    entry_id: str = ""
    legs: list[Leg] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    orders: queue.Queue[Order] = field(default_factory=queue.Queue)
    summary: dict[str, Any] | None = None
    created_at: int = 0
    forward_at: int = 0
    talk_at: int = 0
    line_of_outbound: str | None = None
    callback_initiator: str | None = None

    def __post_init__(self) -> None:
        self.entry_id = self.entry_id or self.ids.entry()
        self.created_at = self.clock

    @property
    def clock(self) -> int:
        return int(self.at.timestamp())

    @property
    def client_party(self) -> dict[str, str]:
        return {"number": self.numbers.client} if self.numbers.client else {}

    @property
    def live_legs(self) -> list[Leg]:
        return [leg for leg in self.legs if not leg.is_over]

    # --- time ---------------------------------------------------------------------------------------------------

    def passes(self, seconds: float) -> None:
        """Let that much of the PBX's time go by. Raises `Ordered` as soon as a command for this call comes."""
        started = time.monotonic()
        order = self._next_order(seconds * self.speed)
        if order is None:
            self.at += timedelta(seconds=seconds)
            return
        gone = (time.monotonic() - started) / self.speed if self.speed else 0.0
        self.at += timedelta(seconds=min(gone, seconds))
        raise Ordered(order)

    def waits_for_order(self, real_seconds: float) -> None:
        """Stay in this state until a command comes, which is raised as `Ordered`, or so many real seconds are over."""
        if order := self._next_order(real_seconds):
            raise Ordered(order)

    def _next_order(self, real_seconds: float) -> Order | None:
        """An order for a leg that still lives; one that came too late is passed over. Raises `Stopped`."""
        deadline = time.monotonic() + real_seconds
        while True:
            try:
                order = self.orders.get(timeout=max(deadline - time.monotonic(), 0.0001))
            except queue.Empty:
                return None
            if order is STOP:
                raise Stopped
            if any(leg.call_id == order.call_id for leg in self.live_legs):
                return order

    # --- legs ---------------------------------------------------------------------------------------------------

    def leg(
        self,
        place: Place,
        frm: Mapping[str, str],
        to: Mapping[str, str],
        *,
        after: Leg | None = None,
        command_id: str | None = None,
        transfer: str | None = None,
    ) -> Leg:
        """A new leg, told of as Appeared; `after` is the one that the caller was in before."""
        taken_from = {"taken_from_call_id": after.call_id} if after else {}
        leg = Leg(self.ids.leg(), place, {**frm, **taken_from}, dict(to), command_id, transfer)
        leg.appeared_at = self.clock
        self.legs.append(leg)
        self.says(leg, "Appeared")
        return leg

    def says(self, leg: Leg, state: str, **more: Any) -> None:
        """The next event of this leg."""
        leg.seq += 1
        leg.state = state
        if state == "Connected" and not leg.connected_at:
            leg.connected_at = self.clock
        self.emit("/events/call", {**self._facts_of(leg), "call_state": state, **more})

    def ends(self, leg: Leg, reason: int) -> None:
        """The leg is over, and so is what was recorded on it."""
        leg.ended_at, leg.reason = self.clock, reason
        self.says(leg, "Disconnected", disconnect_reason=reason)
        for recording in self.recordings:
            if recording.leg is leg and not recording.completed:
                self.completes(recording)

    def to_employee(self, extension: str, group: str | None = None) -> dict[str, str]:
        """The `to` of a leg that rings an employee."""
        employee = self.office.employee(extension)
        device = employee.device if employee else f"sip:user{extension}@demo.mangosip.ru"
        line = {"line_number": self.numbers.line} if self.direction == 1 else {}
        return {"extension": extension, "number": device, **line, **({"acd_group": group} if group else {})}

    def from_employee(self, extension: str) -> dict[str, str]:
        return {name: value for name, value in self.to_employee(extension).items() if name in {"extension", "number"}}

    def dials(self, leg: Leg, digits: str) -> None:
        """A packet of digits in the menu (mango.md §2.5)."""
        body = {
            "seq": 1,
            "dtmf": digits,
            "timestamp": self.clock,
            "call_id": leg.call_id,
            "entry_id": self.entry_id,
            "location": "ivr",
            "initiator": self.numbers.client or "",
            "to_number": self.numbers.line,
            "line_number": self.numbers.line,
        }
        self.emit("/events/dtmf", {**body, **({"from_number": self.numbers.client} if self.numbers.client else {})})

    def _facts_of(self, leg: Leg) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "entry_id": self.entry_id,
            "call_id": leg.call_id,
            "timestamp": self.clock,
            "seq": leg.seq,
            "location": leg.place,
            "from": dict(leg.frm),
            "to": dict(leg.to),
        }
        if self.numbers.tracking is not None and self.direction == 1:
            facts["dct"] = self._tracking()
        for name in ("command_id", "transfer"):
            if value := getattr(leg, name):
                facts[name] = value
        if self.callback_initiator:
            facts["callback_initiator"] = self.callback_initiator
        return facts

    def _tracking(self) -> dict[str, Any]:
        kind = self.numbers.tracking
        return {"type": kind, **({"number": self.numbers.line} if kind else {})}

    # --- recordings and the end -----------------------------------------------------------------------------------

    def records(self, leg: Leg, extension: str, command_id: str | None = None) -> None:
        """One recording for each recorded employee (mango.md §2.3)."""
        recording = Recording(self.ids.recording(), self.entry_id, extension, leg)
        self.recordings.append(recording)
        self._tells_recording(recording, "Started", **({"command_id": command_id} if command_id else {}))

    def moves_recording(self, old: Leg, new: Leg) -> None:
        """What was recorded on `old` goes on with `new`."""
        for recording in self.recordings:
            if recording.leg is old and not recording.completed:
                recording.leg = new
                self._tells_recording(recording, "Continued")

    def completes(self, recording: Recording) -> None:
        recording.completed = True
        self._tells_recording(recording, "Completed", completion_code=1000, recipient="Cloud")

    def adds_files(self) -> None:
        """The files reach the cloud (mango.md §2.4)."""
        for recording in self.recordings:
            if recording.completed and not recording.added:
                recording.added = True
                self.emit("/events/record/added", self._added(recording))

    def sums_up(self, reason: int, to: Mapping[str, str]) -> None:
        """The one summary of the call (mango.md §2.2); `to` is who talked, or who missed it first."""
        line = {"line_number": self.line_of_outbound or self.numbers.line} if self.direction else {}
        summary: dict[str, Any] = {
            "entry_id": self.entry_id,
            "call_direction": self.direction,
            "from": self.client_party if self.direction == 1 else self.from_employee(self.numbers.extension),
            "to": {name: value for name, value in to.items() if name in {"extension", "number"}},
            **line,
            "create_time": self.created_at,
            "forward_time": self.forward_at if self.direction == 1 else self.created_at,
            "talk_time": self.talk_at,
            "end_time": self.clock,
            # Mango's own sample of a call that ended in the menu says 1 (mango.md §2.2).
            "entry_result": 1 if self.talk_at or reason == ENDED_BY_SCHEME else 0,
            "disconnect_reason": reason,
        }
        if self.numbers.tracking is not None and self.direction == 1:
            summary["dct"] = self._tracking()
        self.summary = summary
        self.emit("/events/summary", summary)

    def _tells_recording(self, recording: Recording, state: str, **more: Any) -> None:
        recording.seq += 1
        body = {
            "recording_id": recording.recording_id,
            "recording_state": state,
            "seq": recording.seq,
            "entry_id": self.entry_id,
            "call_id": recording.leg.call_id,
            "extension": recording.extension,
            "timestamp": self.clock,
        }
        self.emit("/events/recording", {**body, **more})

    def _added(self, recording: Recording) -> dict[str, Any]:
        return {
            "entry_id": self.entry_id,
            "product_id": PRODUCT_ID,
            "user_id": self.office.user_id(recording.extension),
            "timestamp": self.clock,
            "recording_id": recording.recording_id,
        }
