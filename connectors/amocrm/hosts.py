"""Which addresses may belong to an amoCRM or Kommo account. Pure.

amocrm.md §0.1: a token or a client secret goes to no other host, whoever names it. Another base
address than the vendor's own exists only because a person wrote it into the connection.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_ZONES = r"\.(?:amocrm\.ru|amocrm\.com|kommo\.com)"
_ACCOUNT = re.compile(rf"(?!www\.)[a-z0-9-]+{_ZONES}")
_SHARED_API = re.compile(rf"api-[a-z0-9-]+{_ZONES}")
_ZONE = re.compile(rf"{_ZONES}$")


def host_of(address: str) -> str:
    """Host and port in lower case, without the port that the scheme has anyway."""
    parts = urlsplit(address)
    usual = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    netloc = parts.netloc.rpartition("@")[2].lower()
    return netloc.removesuffix(usual) if usual else netloc


def is_account(host: str) -> bool:
    """Whether `host` is an account of the vendor: "acme.amocrm.ru"; "www" is none."""
    return _ACCOUNT.fullmatch(host) is not None


def is_kommo(base_url: str) -> bool:
    return host_of(base_url).endswith(".kommo.com")


def moved_base(base_url: str, domain: str) -> str | None:
    """The base address of an account that now answers at `domain`; None when it cannot be the same account.

    A vendor's account stays within its own zone. A base address that a person set to something
    else (a stand-in) may only change its port.
    """
    host = domain.strip().lower()
    parts = urlsplit(base_url)
    if is_account(host_of(base_url)):
        same_zone = _zone(host) == _zone(host_of(base_url))
        return f"https://{host}" if is_account(host) and same_zone else None
    named = urlsplit(f"//{host}")
    if not named.hostname or named.hostname != parts.hostname or named.netloc != host or named.username:
        return None
    return f"{parts.scheme}://{host}"


def shared_api(base_url: str, api_domain: str) -> str | None:
    """Where to ask under which name an account lives now; None when `api_domain` cannot be the vendor's.

    For a base address that is not the vendor's own, the account host itself is asked.
    """
    host = api_domain.strip().lower()
    if not is_account(host_of(base_url)):
        return moved_base(base_url, host) or base_url
    if _SHARED_API.fullmatch(host) and _zone(host) == _zone(host_of(base_url)):
        return f"https://{host}"
    return None


def _zone(host: str) -> str:
    found = _ZONE.search(host)
    return found.group() if found else ""
