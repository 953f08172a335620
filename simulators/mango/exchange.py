"""The PBX's memory: which calls live, which are over, which recordings there are."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.mango.calls import LiveCall
from simulators.mango.faults import Faults
from simulators.mango.legs import Leg, Recording


@dataclass(slots=True)
class StoredFile:
    """A recording in the cloud. `ready_at` is the exchange's clock; `misses` how many 404 it still gives."""

    recording: Recording
    ready_at: float
    misses: int


@dataclass(slots=True)
class Exchange:
    """Shared by the calls that are played and the commands that come in; every method may be called from any thread."""

    faults: Faults
    now: Callable[[], float] = time.monotonic
    calls: list[LiveCall] = field(default_factory=list)
    files: dict[str, StoredFile] = field(default_factory=dict)
    tokens: dict[str, str | None] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def begins(self, call: LiveCall) -> None:
        with self.lock:
            self.calls.append(call)

    def all(self) -> list[LiveCall]:
        with self.lock:
            return list(self.calls)

    def find_leg(self, call_id: str) -> tuple[LiveCall, Leg] | None:
        """The call and its leg of that id, over or not."""
        with self.lock:
            return next(((call, leg) for call in self.calls for leg in call.legs if leg.call_id == call_id), None)

    def finished(self) -> list[LiveCall]:
        """The calls whose summary has been made, oldest first: what statistics know."""
        with self.lock:
            return [call for call in self.calls if call.summary is not None]

    def file_added(self, recording: Recording) -> None:
        """The file of `recording` reaches the cloud, ready after the delay that the faults ask for."""
        ready_at = self.now() + self.faults.recording_delay_seconds
        with self.lock:
            stored = StoredFile(recording, ready_at, self.faults.recording_404_times)
            self.files.setdefault(recording.recording_id, stored)

    def one_shot_token(self, recording_id: str) -> str | None:
        """A new token for the file, or None while there is none to fetch."""
        with self.lock:
            stored = self.files.get(recording_id)
            if stored is None or self.now() < stored.ready_at:
                return None
            if stored.misses > 0:
                stored.misses -= 1
                return None
            token = secrets.token_urlsafe(24)
            self.tokens[token] = recording_id
            return token

    def use_token(self, token: str) -> tuple[str | None, bool]:
        """The recording behind a link and whether the link was ever given out; each token works once."""
        with self.lock:
            known = token in self.tokens
            recording_id = self.tokens.get(token)
            if known:
                self.tokens[token] = None
            return recording_id, known
