"""Which calls count for reports and conversions: unique, new, and of quality."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class QualityRules:
    """What a site counts. `groups` and `lines`: only these count, empty means all.

    `unique_within`: a client is unique once in this time; None: once for ever.
    """

    least_talk_seconds: int = 30
    groups: Collection[str] = ()
    lines: Collection[str] = ()
    unique_within: timedelta | None = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Flags:
    """`is_new`: the client's first call ever; `is_unique`: the first one within the site's time; `is_quality`: talked
    long enough, with a group and on a line that count."""

    is_unique: bool
    is_new: bool
    is_quality: bool


def flags_of(
    *,
    at: datetime,
    client: str | None,
    earlier_calls_at: Iterable[datetime],
    known_to_crm: bool = False,
    talk_seconds: int,
    group: str | None,
    line: str | None,
    rules: QualityRules,
) -> Flags:
    """The flags of one call. `earlier_calls_at` are the times of the same client's calls; later ones do not matter.

    A hidden caller (`client` None) is never new: nobody can tell; and always unique, as no other call is known to be
    theirs. A person whom the CRM knew before the call is not new.
    """
    earlier = [moment for moment in earlier_calls_at if moment < at] if client is not None else []
    within = rules.unique_within
    recent = [moment for moment in earlier if within is None or at - moment < within]
    return Flags(
        is_unique=not recent,
        is_new=client is not None and not earlier and not known_to_crm,
        is_quality=_is_quality(talk_seconds, group, line, rules),
    )


def _is_quality(talk_seconds: int, group: str | None, line: str | None, rules: QualityRules) -> bool:
    if talk_seconds < rules.least_talk_seconds:
        return False
    if rules.groups and group not in rules.groups:
        return False
    return not rules.lines or line in rules.lines
