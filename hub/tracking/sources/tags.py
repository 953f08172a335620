"""What a landing address carries: labels, click ids and old tags (analytics.md §2)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from hub.tracking.sources.referrers import split_url

LONGEST_VALUE = 255

# Every click id that we keep; the first that is present names the source.
CLICK_IDS: Mapping[str, tuple[str, str] | None] = {
    "gclid": ("google", "cpc"),
    "gbraid": ("google", "cpc"),
    "wbraid": ("google", "cpc"),
    "dclid": ("google", "cpc"),
    "gad_campaignid": ("google", "cpc"),
    "gad_source": ("google", "cpc"),
    "yclid": ("yandex", "cpc"),
    "msclkid": ("bing", "cpc"),
    "ttclid": ("tiktok", "cpc"),
    "twclid": ("twitter", "cpc"),
    "li_fat_id": ("linkedin", "cpc"),
    "rb_clickid": ("vk", "cpc"),
    "fbclid": ("facebook", "social"),
    "ysclid": ("yandex", "organic"),
    "etext": ("yandex", "organic"),
    "roistat": None,
    "rs": None,
}
_MACRO = re.compile(r"\{[^{}]*\}|\{\{.*?\}\}|%%.*?%%|\[[A-Z_]+\]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def tags_of(landing_url: str) -> dict[str, str]:
    """All parameters by lower-case name, cleaned; macros that nobody replaced and empty values are left out."""
    parts = split_url(landing_url)
    if parts is None:
        return {}
    found: dict[str, str] = {}
    for name, value in parse_qsl(parts.query):
        cleaned = _CONTROL.sub("", value).strip()[:LONGEST_VALUE]
        if cleaned and not _MACRO.search(cleaned):
            found.setdefault(name.strip().lower(), cleaned)
    return found


def openstat_of(tags: Mapping[str, str]) -> tuple[str, str, str, str] | None:
    """Service, campaign, ad and source of an `_openstat` label; None when there is none that can be read."""
    label = tags.get("_openstat") or tags.get("openstat")
    if not label:
        return None
    try:
        plain = base64.urlsafe_b64decode(label + "=" * (-len(label) % 4)).decode("utf-8")
    except (binascii.Error, ValueError):
        plain = label
    fields = [_CONTROL.sub("", field).strip() for field in plain.split(";")]
    if len(fields) < 2 or not fields[0]:
        return None
    service, campaign, ad, source = (*fields, "", "", "")[:4]
    return service, campaign, ad, source
