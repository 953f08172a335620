"""Recordings by address: only from hosts that the connection's settings name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO
from urllib.parse import urlsplit

from connectors.contract import ConnectionFacts, Door
from hub.domain.access import QuotaRule
from hub.domain.errors import NotReady, Rejected, Throttled, Unreachable
from hub.net.http import HttpAnswer

MOST_BYTES = 200 * 1024 * 1024
_NOT_YET = {202, 204, 404, 425}
_BY_SUFFIX = {".mp3": "audio/mpeg", ".wav": "audio/wav", ".ogg": "audio/ogg"}


class WebhookPbx:
    """The `Pbx` of this folder: it has recordings and no commands."""

    def fetch_recording(self, key: str, door: Door, sink: BinaryIO) -> str:
        """Write the audio at the address `key` into `sink`; returns its content type.

        Raises `Rejected` for a host that is not listed, a redirect, or something that is not audio;
        `NotReady` while the answer is 404 or 425; `Throttled` and `Unreachable` as they are.
        """
        require_listed(key, _hosts(door.connection))
        door.spend("recording")
        answer = door.http.request("GET", key, write=False, max_bytes=MOST_BYTES, sink=sink, read_timeout_seconds=60.0)
        _require_file(answer)
        return _content_type(answer, key)

    def quota(self, connection: ConnectionFacts) -> QuotaRule | None:
        """A gentle bucket: a PBX at a customer's site is a small machine."""
        return QuotaRule(f"webhook:{connection.id}", capacity=10, per_second=2)


def require_listed(url: str, hosts: Iterable[str]) -> None:
    """Raises `Rejected` unless `url` is http(s) on one of `hosts` ("name", or "name:port" for an unusual port).

    Whether plain http may be used at all is for the HTTP client and `DOZVON_ALLOW_HOSTS` to say.
    """
    try:
        parts = urlsplit(url)
        name, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise Rejected("the recording's address is not an address") from None
    if parts.scheme not in {"https", "http"} or not name or parts.username is not None:
        raise Rejected("the recording's address must be https:// and carry no user name")
    default = 443 if parts.scheme == "https" else 80
    wanted = name if port in {None, default} else f"{name}:{port}"
    if wanted not in {host.lower() for host in hosts}:
        raise Rejected(
            f"recordings are not fetched from {wanted}",
            hint=f'add "{wanted}" to recording_hosts in the settings of this connection, then replay',
        )


def _hosts(connection: ConnectionFacts) -> list[str]:
    listed = connection.settings.get("recording_hosts")
    return [str(host) for host in listed] if isinstance(listed, list | tuple) else []


def _require_file(answer: HttpAnswer) -> None:
    if answer.status == 200:
        return
    if answer.status in _NOT_YET:
        raise NotReady(f"the recording is not there yet (HTTP {answer.status})")
    if answer.status == 429:
        raise Throttled("the recording's host asks for a pause (HTTP 429)")
    if answer.status >= 500:
        raise Unreachable(f"the recording's host answers HTTP {answer.status}")
    raise Rejected(f"the recording's host answers HTTP {answer.status}", hint="redirects are not followed")


def _content_type(answer: HttpAnswer, url: str) -> str:
    stated = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    if stated.startswith("audio/"):
        return stated
    by_name = next((kind for end, kind in _BY_SUFFIX.items() if urlsplit(url).path.lower().endswith(end)), None)
    if by_name is None or stated not in {"", "application/octet-stream", "binary/octet-stream"}:
        raise Rejected(f"the recording's address does not lead to audio but to {stated or 'something unnamed'}")
    return by_name
