"""A site as the tracker's doors know it: read from SQL, kept for a moment in the process."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.engine import Database
from hub.db.tables import Provisioned, Workspace
from hub.db.tracking import SiteRow
from hub.tracking.live.numbers import usable_numbers
from hub.tracking.live.rules import SiteRules, rules_of

_KEPT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class StaticLine:
    """A number that stands for one source."""

    number: str
    source: str
    medium: str | None = None
    campaign: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that answering a visitor takes. `numbers`: those that may be handed out now, to their region.

    `version` names exactly these numbers: Redis is loaded anew when it knows another one.
    """

    id: int
    workspace_id: int
    key: str
    name: str
    origins: tuple[str, ...]
    default_number: str | None
    post_default_number: str | None
    rules: SiteRules
    static: tuple[StaticLine, ...]
    numbers: Mapping[str, str]
    version: str
    country: str

    def admits(self, origin: str | None) -> bool:
        """Whether a page of `origin` may ask for this site's numbers."""
        if not origin:
            return False
        given = origin.lower()
        if self.origins:
            return given in self.origins
        host = urlsplit(given).hostname or ""
        return host.removeprefix("www.") == self.name.lower().removeprefix("www.")

    def static_number(self, source: str, medium: str) -> str | None:
        """The number that stands for this source, the medium too where the line names one."""
        lines = [line for line in self.static if line.source.lower() == source.lower()]
        lines = [line for line in lines if line.medium is None or line.medium.lower() == medium.lower()]
        return max(lines, key=lambda line: line.medium is not None).number if lines else None


def read_site(session: Session, key: str, now: datetime) -> Site | None:
    """The site called `key` with the numbers it may hand out at `now`."""
    found = session.execute(
        select(SiteRow, Workspace.region)
        .join(Workspace, Workspace.id == SiteRow.workspace_id)
        .where(SiteRow.key == key)
    ).one_or_none()
    if found is None:
        return None
    row, country = found
    numbers = usable_numbers(session, row.id, now)
    return Site(
        id=row.id,
        workspace_id=row.workspace_id,
        key=row.key,
        name=row.name,
        origins=tuple(row.origins),
        default_number=row.default_number,
        post_default_number=row.post_default_number,
        rules=rules_of(row.settings),
        static=_static_lines(session, row),
        numbers=numbers,
        version=_version(numbers),
        country=country,
    )


def _static_lines(session: Session, row: SiteRow) -> tuple[StaticLine, ...]:
    document: dict[str, Any] | None = session.scalar(
        select(Provisioned.document).where(
            Provisioned.workspace_id == row.workspace_id, Provisioned.section == "site", Provisioned.key == row.key
        )
    )
    lines = document.get("static", []) if document else []
    return tuple(StaticLine(line["number"], line["source"], line.get("medium"), line.get("campaign")) for line in lines)


def _version(numbers: Mapping[str, str]) -> str:
    spelled = "\n".join(f"{number} {region}" for number, region in sorted(numbers.items()))
    return hashlib.sha256(spelled.encode()).hexdigest()[:16]


class Sites:
    """Sites by key, read again after two seconds: a change of the provisioning file shows at once."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._known: dict[str, tuple[float, Site]] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> Site | None:
        kept = self._known.get(key)
        if kept is not None and time.monotonic() - kept[0] < _KEPT_SECONDS:
            return kept[1]
        with self._lock:
            with self._database.reading() as session:
                site = read_site(session, key, self._now())
            if site is None:
                self._known.pop(key, None)
            else:
                self._known[key] = (time.monotonic(), site)
        return site

    def seen(self) -> list[Site]:
        """The sites that this process was asked about."""
        return [site for _, site in list(self._known.values())]
