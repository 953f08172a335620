"""Short ways to say what a PBX stated."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hub.domain.events import CallEvent, Direction, EventKind, Place
from hub.domain.phone import Phone
from tests.delivery.world import START, seconds

CLIENT = Phone("79001234567", "+79001234567")
LINE = Phone("74950000001", "+74950000001")


def event(kind: EventKind, second: float, call: str = "c1", **facts: Any) -> CallEvent:
    at: datetime = START + seconds(second)
    key = f"{kind}:{facts.get('leg_key', '')}:{second}"
    facts.setdefault("client", CLIENT)
    facts.setdefault("line", LINE)
    facts.setdefault("direction", Direction.INBOUND)
    return CallEvent(kind, call, key, at, **facts)


def rings(extension: str, second: float, call: str = "c1", **facts: Any) -> CallEvent:
    return event(
        EventKind.APPEARED, second, call, leg_key=f"leg{extension}", seq=1, extension=extension,
        place=Place.EMPLOYEE, **facts,
    )  # fmt: skip


def answers(extension: str, second: float, call: str = "c1", **facts: Any) -> CallEvent:
    return event(
        EventKind.ANSWERED, second, call, leg_key=f"leg{extension}", seq=2, extension=extension,
        place=Place.EMPLOYEE, **facts,
    )  # fmt: skip


def leaves(extension: str, second: float, call: str = "c1", **facts: Any) -> CallEvent:
    return event(
        EventKind.ENDED, second, call, leg_key=f"leg{extension}", seq=3, extension=extension,
        place=Place.EMPLOYEE, **facts,
    )  # fmt: skip


def ends(
    second: float, call: str = "c1", *, answered_at: float | None, extension: str | None, **facts: Any
) -> CallEvent:
    return event(
        EventKind.SUMMARY,
        second,
        call,
        extension=extension,
        started_at=START,
        answered_at=None if answered_at is None else START + seconds(answered_at),
        ended_at=START + seconds(second),
        talk_seconds=0 if answered_at is None else int(second - answered_at),
        **facts,
    )
