"""The channel of a touch for reports: groups that marketers know from GA4 (analytics.md §6.2)."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache

from hub.domain.attribution import Touch
from hub.tracking.sources.classify import DIRECT, NONE
from hub.tracking.sources.referrers import sources_of


class Channel(StrEnum):
    PAID_SEARCH = "paid_search"
    PAID_SOCIAL = "paid_social"
    PAID_OTHER = "paid_other"
    DISPLAY = "display"
    ORGANIC_SEARCH = "organic_search"
    ORGANIC_SOCIAL = "organic_social"
    MESSENGER = "messenger"
    MAPS = "maps"
    AI = "ai"
    EMAIL = "email"
    AFFILIATES = "affiliates"
    SMS = "sms"
    PUSH = "push"
    REFERRAL = "referral"
    DIRECT = "direct"
    UNASSIGNED = "unassigned"


_PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*)$")
_BY_MEDIUM = {
    **dict.fromkeys(("display", "banner", "expandable", "interstitial", "cpm"), Channel.DISPLAY),
    **dict.fromkeys(("email", "e-mail", "e_mail"), Channel.EMAIL),
    **dict.fromkeys(("social", "social-network", "social-media", "sm"), Channel.ORGANIC_SOCIAL),
    **dict.fromkeys(("referral", "app", "link"), Channel.REFERRAL),
    "organic": Channel.ORGANIC_SEARCH,
    "messenger": Channel.MESSENGER,
    "maps": Channel.MAPS,
    "ai": Channel.AI,
    "affiliate": Channel.AFFILIATES,
    "sms": Channel.SMS,
    "push": Channel.PUSH,
}


def channel_of(touch: Touch) -> Channel:
    """The one channel that a touch belongs to; `unassigned` when neither source nor medium says."""
    if touch.source == DIRECT and touch.medium in {NONE, "(not set)"}:
        return Channel.DIRECT
    by_medium = _BY_MEDIUM.get(touch.medium)
    if by_medium is not None:
        return by_medium
    paid = _PAID.match(touch.medium) is not None
    if touch.source in _sources("organic"):
        return Channel.PAID_SEARCH if paid else Channel.ORGANIC_SEARCH
    if touch.source in _sources("social"):
        return Channel.PAID_SOCIAL if paid else Channel.ORGANIC_SOCIAL
    return Channel.PAID_OTHER if paid else Channel.UNASSIGNED


@cache
def _sources(medium: str) -> frozenset[str]:
    return sources_of(medium)
