"""What the PBX tells, and how the CRM may behave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from connectors.contract import Door, LookUp, Step, Unclear
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
from tests.delivery.story import answers, ends, leaves, rings
from tests.delivery.world import LedgerCrm

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


@dataclass(frozen=True)
class Mood:
    """What the next requests meet: refusals before the work, silence after it, trouble when asked what is there."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


def _few(names: Mapping[str, object]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(sorted(names)), max_size=2).map(tuple)


MOODS = st.one_of(
    st.just(Mood()),
    st.builds(Mood, _few(NOT_DONE), _few(DONE_BUT), _few(NOT_DONE)),
    st.builds(Mood, after=_few(DONE_BUT)),
)


class MoodyCrm(LedgerCrm):
    """Also fails, and hesitates, when it is asked what it has."""

    def __init__(self) -> None:
        super().__init__()
        self.when_asked: list[Exception] = []

    def be(self, mood: Mood) -> None:
        self.before = [NOT_DONE[name]() for name in mood.before]
        self.after = [DONE_BUT[name]() for name in mood.after]
        self.when_asked = [NOT_DONE[name]() for name in mood.asked]

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
