"""The people and groups of a workspace as the decision sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hub.routing.hours import Hours


@dataclass(frozen=True, slots=True)
class Colleague:
    """One of ours, on the PBX that is asked about. `users`: CRM connection id to user id.

    `absences` are (from, until) when they are away. `at_work` is what the CRM's time clock says, as long as that
    is fresh: False sends callers elsewhere, None says nothing.
    """

    name: str
    extension: str
    users: Mapping[int, str] = field(default_factory=dict)
    hours: Hours | None = None
    absences: tuple[tuple[datetime, datetime], ...] = ()
    at_work: bool | None = None

    def absent(self, at: datetime) -> bool:
        return any(since <= at < until for since, until in self.absences)


@dataclass(frozen=True, slots=True)
class Group:
    """A group on the PBX that may get callers nobody owns; `weight` 0 takes none."""

    name: str
    extension: str
    hours: Hours
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Staff:
    """Everybody who may get a call. `hours` are the workspace's: of who has none of their own.

    `default_extension` is where everybody else goes; None leaves it to the PBX's own scheme.
    """

    hours: Hours
    colleagues: tuple[Colleague, ...] = ()
    groups: tuple[Group, ...] = ()
    default_extension: str | None = None

    def by_extension(self, extension: str) -> Colleague | None:
        return next((one for one in self.colleagues if one.extension == extension), None)

    def by_user(self, connection_id: int, user_id: str) -> Colleague | None:
        return next((one for one in self.colleagues if one.users.get(connection_id) == user_id), None)
