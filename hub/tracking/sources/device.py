"""The device behind a user agent, as reports show it."""

from __future__ import annotations

from functools import lru_cache

import ua_parser

from hub.domain.attribution import Device

_LONGEST_USER_AGENT = 1000
_TABLETS = ("ipad", "tablet")
_PHONES = ("iphone", "ipod", "mobile", "windows phone")


@lru_cache(maxsize=4096)
def device_of(user_agent: str) -> Device:
    """Kind (phone, tablet, desktop, bot, unknown), browser and system; None for what cannot be told."""
    text = user_agent[:_LONGEST_USER_AGENT]
    if not text.strip():
        return Device("unknown")
    parsed = ua_parser.parse(text)
    device = parsed.device.family if parsed.device else ""
    browser = parsed.user_agent.family if parsed.user_agent else None
    system = parsed.os.family if parsed.os else None
    return Device(_kind(text.lower(), device, system), browser, system)


def _kind(text: str, device: str, system: str | None) -> str:
    if device == "Spider" or "bot/" in text:
        return "bot"
    if any(word in text for word in _TABLETS):
        return "tablet"
    if any(word in text for word in _PHONES):
        return "phone"
    # Android without the word "Mobile" is how tablets name themselves.
    if "android" in text:
        return "tablet"
    return "desktop" if system else "unknown"
