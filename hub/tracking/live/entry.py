"""What a browser says, cleaned: no control characters, no endless text, no personal data in addresses. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

LONGEST_URL = 2000
LONGEST_VALUE = 255
MOST_VALUES = 20
CLIENT_IDS = ("ga", "ga_session", "ym_uid", "fbp", "fbc", "roistat")
"""Ids of analytics that a visit may carry: GA client and session, Metrica client, Facebook, Roistat."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_UID = re.compile(r"[0-9a-f]{24}")
_EMAIL = re.compile(r"[^\s=&/]+(?:@|%40)[^\s=&/]+\.[a-z]{2,}", re.IGNORECASE)
_PHONE = re.compile(r"(?<!\d)(?:\+?7|8)?[\s(-]*9\d{2}[\s)-]*\d{3}[\s-]*\d{2}[\s-]*\d{2}(?!\d)")
_PERSONAL_NAMES = re.compile(
    r"^(e-?mail|phone|tel|telephone|mobile|name|first_?name|last_?name|surname|fio|password|passwd|token|secret|auth)$",
    re.IGNORECASE,
)
_TAGS = re.compile(
    r"^(utm_|_openstat|openstat|from$|[a-z_]*cl(ick)?id$|gad_|[gw]braid$|etext$|rs$|roistat$)", re.IGNORECASE
)


def text_of(value: object, longest: int = LONGEST_VALUE) -> str:
    """A value as text; "" for anything that is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return _CONTROL.sub("", str(value)).strip()[:longest]


def uid_of(value: object) -> str:
    """An id that the hub gave out, or "" for anything else."""
    return value if isinstance(value, str) and _UID.fullmatch(value) else ""


def values_of(value: object, names: tuple[str, ...] | None = None) -> dict[str, str]:
    """A flat table of short texts: at most twenty, only those in `names` where these are given."""
    if not isinstance(value, Mapping):
        return {}
    cleaned = ((text_of(name, 64), text_of(inner)) for name, inner in list(value.items())[: 2 * MOST_VALUES])
    kept = {name: inner for name, inner in cleaned if name and inner and (names is None or name in names)}
    return dict(list(kept.items())[:MOST_VALUES])


def url_of(value: object) -> str:
    """A web address without credentials, fragment and personal data; "" when it is none.

    Labels and click ids are kept; parameters that are called like personal data, or look like an e-mail address
    or a mobile number, are left out.
    """
    return _clean_url(text_of(value, 2 * LONGEST_URL))


@lru_cache(maxsize=2048)
def _clean_url(text: str) -> str:
    """Remembered, for a page's own address is read several times in a request, and where it came from in many."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https", "android-app"} or not host:
        return ""
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = urlencode([(name, inner) for name, inner in pairs if not _is_personal(name, inner)])
    place = f"{host}:{port}" if port else host
    return urlunsplit((parts.scheme, place, _EMAIL.sub("-", parts.path), query, ""))[:LONGEST_URL]


def _is_personal(name: str, value: str) -> bool:
    if _EMAIL.search(value):
        return True
    if _TAGS.match(name):
        return False
    return bool(_PERSONAL_NAMES.match(name) or _PHONE.search(value))


def own_page(url: str, origin: str) -> bool:
    """Whether the address belongs to the page's own origin."""
    return url.lower().startswith(origin.lower() + "/") or url.lower() == origin.lower()


def object_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
