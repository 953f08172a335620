"""How much may be asked: which limit stands in the way, and until when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.callbacks.numbers import destination_of
from hub.callbacks.rules import Limit

Earlier = tuple[datetime, str | None]
"""When somebody asked, and for which number (E.164)."""


@dataclass(frozen=True, slots=True)
class Spent:
    """A limit that is used up, and how many seconds until a request is free again (at least 1)."""

    limit: Limit
    retry_seconds: int


def spent_limit(
    limits: Iterable[Limit], earlier: Mapping[str, Sequence[Earlier]], e164: str, now: datetime
) -> Spent | None:
    """The limit that lasts longest among those that one more request would break.

    `earlier`: scope to what was asked within the scope's longest limit. A visitor's limit counts different
    numbers: the same one again is nothing new.
    """
    broken = [spent for limit in limits if (spent := _spent(limit, earlier.get(limit.scope, ()), e164, now))]
    return max(broken, key=lambda spent: spent.retry_seconds, default=None)


def _spent(limit: Limit, earlier: Sequence[Earlier], e164: str, now: datetime) -> Spent | None:
    since = now - timedelta(seconds=limit.seconds)
    moments = sorted(at for at, _ in earlier if at > since)
    if limit.scope == "visitor":
        last = {number: at for at, number in sorted(earlier, key=lambda one: one[0]) if at > since}
        if e164 in last:
            return None
        moments = sorted(last.values())
    if len(moments) < limit.most:
        return None
    frees = moments[len(moments) - limit.most] if limit.most else now
    return Spent(limit, max(1, int((frees - since).total_seconds()) + 1))


def over_alarm(numbers: Iterable[str], e164: str, alarm_per_hour: int) -> bool:
    """Whether different numbers of `e164`'s destination were asked for more often than the alarm allows."""
    destination = destination_of(e164)
    return len({one for one in numbers if destination_of(one) == destination} | {e164}) > alarm_per_hour
