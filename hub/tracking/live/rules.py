"""What a site's owner decided about numbers, with the defaults for what they left open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hub.domain.codec import from_document

ALL_REGIONS = ""
"""The pool for visitors whose region has none of its own."""


@dataclass(frozen=True, slots=True)
class SiteRules:
    """The optional fields of `[[site]]`; docs/tracking.md says what each one is for.

    `channels` and `home_regions`: who gets a number of their own; empty means everybody. `consent` "required": before
    the visitor agreed there is no id, no storage, and at most the static number of their channel.
    `wait_for_interaction`: no number is asked for before the first move, scroll or key. `quality_groups` and
    `quality_lines`: only calls of these count as good ones; empty means all. `retention_days`: how long visits are
    kept. `touch_model`: which of a visitor's touches a CRM is told: first, last or last_non_direct.
    """

    show_delay_seconds: int = 0
    idle_seconds: int = 600
    quarantine_days: int = 10
    format: str = ""
    channels: tuple[str, ...] = ()
    home_regions: tuple[str, ...] = ()
    consent: str = "not_needed"
    selectors: tuple[str, ...] = ()
    visits_per_ip_hour: int = 600
    quality_seconds: int = 30
    quality_groups: tuple[str, ...] = ()
    quality_lines: tuple[str, ...] = ()
    unique_days: int = 30
    wait_for_interaction: bool = False
    retention_days: int = 400
    touch_model: str = "last_non_direct"

    @property
    def beat_seconds(self) -> int:
        """How often a page says that it is still there: thrice within the idle time, and never too often."""
        return max(5, min(30, self.idle_seconds // 3))


NAMES = tuple(field.name for field in fields(SiteRules))


def rules_of(settings: Mapping[str, Any]) -> SiteRules:
    """Rules from a site's kept settings; names of another version are passed over."""
    return from_document({name: settings[name] for name in NAMES if name in settings}, SiteRules)
