"""Which addresses may belong to a portal. Pure."""

from __future__ import annotations

from urllib.parse import urlsplit

_CLOUD_ZONES = frozenset(
    "by cn com com.br com.tr de es eu fr id in it jp kz mx net pl ru tech ua uk vn".split()  # noqa: SIM905 - a word list
)


def host_of(address: str) -> str:
    """Host and port of an address, in lower case, without the port that its scheme has anyway."""
    parts = urlsplit(address)
    usual = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return parts.netloc.rpartition("@")[2].lower().removesuffix(usual) if usual else parts.netloc.lower()


def origin_of(address: str) -> str:
    """Scheme, host and port: "https://oauth.bitrix.info"."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def is_cloud(host: str) -> bool:
    """Whether `host` is a portal of the vendor's own cloud: "acme.bitrix24.ru"."""
    name, dot, zone = host.partition(".bitrix24.")
    return bool(name and dot) and zone in _CLOUD_ZONES


def may_move(old_address: str, new_address: str) -> bool:
    """Whether a portal at `old_address` can turn up at `new_address` at all.

    A cloud portal stays in the cloud, and nothing moves from https to http. Where a portal of one's
    own may be is up to the destinations that the hub is allowed to reach.
    """
    old, new = urlsplit(old_address), urlsplit(new_address)
    if not new.hostname or new.username is not None or new.scheme not in {"http", "https"}:
        return False
    if old.scheme == "https" and new.scheme != "https":
        return False
    return not is_cloud(host_of(old_address)) or is_cloud(host_of(new_address))
