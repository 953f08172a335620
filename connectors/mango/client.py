"""What the hub asks of Mango: signed posts, a recording, a sign of life (`mango.md` §1, §4.1). Thin."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import BinaryIO
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

from connectors.contract import ConnectionFacts, Door
from connectors.mango.errors import error_of, read_answer
from connectors.mango.settings import DEFAULT_BASE_URL
from connectors.mango.signature import sign
from hub.domain.access import QuotaRule
from hub.domain.errors import AuthRevoked, NotReady, Rejected, Unreachable
from hub.net.http import HttpAnswer

_FORM = {"content-type": "application/x-www-form-urlencoded"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOTHING_YET = frozenset({204, 404, 410})
_LONGEST_ID_BYTES = 128
_LONGEST_RECORDING_BYTES = 512 * 1024 * 1024
_RECORDING_TIMEOUT_SECONDS = 60.0
_TRUSTED_DOMAIN = "mango-office.ru"
_REQUESTS_PER_SECOND = 5  # a bucket of 5 refilled at 5/s never lets more than 10 into one second
_MPEG = "audio/mpeg"
_OTHER_NAMES_OF_MPEG = frozenset({"", "audio/mp3", "audio/x-mp3", "audio/mpeg3"})


def post(door: Door, path: str, parameters: Mapping[str, object], *, write: bool) -> HttpAnswer:
    """One signed request to `path` under the base address; the answer as it came, good or bad.

    Raises `AuthRevoked` when the connection has no key or salt, and what `door` raises.
    """
    key, salt = _keys(door.connection)
    text = json.dumps(parameters, separators=(",", ":"), ensure_ascii=False)
    form = {"vpbx_api_key": key, "sign": sign(key, salt, text.encode()), "json": text}
    door.spend(path)
    url = f"{_base_url(door.connection).rstrip('/')}/{path}"
    return door.http.request("POST", url, headers=_FORM, body=urlencode(form).encode(), write=write)


def call(door: Door, path: str, parameters: Mapping[str, object], *, write: bool) -> Mapping[str, object]:
    """Post, and return the JSON of a good answer. Raises the delivery error of a bad one."""
    answer = post(door, path, parameters, write=write)
    _refuse_error(answer, door, write=write)
    return read_answer(answer)


def check(door: Door) -> str:
    """Ask for the balance: needs nothing but right keys and a connector that is switched on."""
    said = call(door, "account/balance", {}, write=False)
    balance, currency = said.get("balance"), said.get("currency")
    if balance is None:
        return "Mango Office answers."
    return f"Mango Office answers. The balance of the account is {balance} {currency or ''}".strip() + "."


class MangoPbx:
    """The `Pbx` of Mango Office."""

    def fetch_recording(self, key: str, door: Door, sink: BinaryIO) -> str:
        """Write the recording `key` into `sink`; returns its content type.

        What is in `sink` after an error is nobody's recording. Raises `NotReady` while Mango has
        no file, `Rejected` for an id that cannot be one and for a link that leads elsewhere.
        """
        _check_recording_id(key)
        answer = post(door, "queries/recording/post", {"recording_id": key, "action": "download"}, write=False)
        link = _single_use_link(answer, door)
        return _download(link, door, sink)

    def quota(self, connection: ConnectionFacts) -> QuotaRule:
        """Ten requests a second for a product, however many connections share it (`mango.md §6.1`)."""
        product = hashlib.sha256(connection.secrets.get("api_key", "").encode()).hexdigest()[:12]
        return QuotaRule(f"mango:{product}", _REQUESTS_PER_SECOND, _REQUESTS_PER_SECOND)


def _base_url(connection: ConnectionFacts) -> str:
    return str(connection.settings.get("base_url") or DEFAULT_BASE_URL)


def _keys(connection: ConnectionFacts) -> tuple[str, str]:
    key, salt = connection.secrets.get("api_key", ""), connection.secrets.get("api_salt", "")
    if not key or not salt:
        raise AuthRevoked("The connection has no key or no salt.", "Enter both from Mango's API connector.")
    return key, salt


def _refuse_error(answer: HttpAnswer, door: Door, *, write: bool) -> None:
    error = error_of(answer, write=write, now=door.now())
    if error is not None:
        raise error


def _check_recording_id(key: str) -> None:
    """Two invalid requests lock the whole API, so what cannot be an id is not asked for."""
    if not key or not key.isprintable() or len(key.encode()) > _LONGEST_ID_BYTES:
        raise Rejected("This is no id of a Mango recording.")


def _single_use_link(answer: HttpAnswer, door: Door) -> str:
    """Where Mango sends us for the file. Raises `Rejected` when that is no place of Mango's."""
    location = answer.headers.get("location", "")
    if answer.status not in _REDIRECTS or not location:
        if answer.status in _NOTHING_YET or (answer.status == 200 and not answer.body.strip()):
            raise NotReady("Mango has no file of this recording yet.")
        _refuse_error(answer, door, write=False)
        raise Unreachable(f"Mango answered HTTP {answer.status} without a link to the recording.")
    base = _base_url(door.connection)
    link = _resolved(base, location)
    if link is None or not _is_trusted(urlsplit(link), urlsplit(base)):
        raise Rejected("Mango's link to the recording leads to a host that is not Mango's.")
    return link


def _resolved(base: str, location: str) -> str | None:
    """The absolute address of a `Location`; None when it is no address at all."""
    try:
        link = urljoin(base, location)
        _ = urlsplit(link).port
    except ValueError:
        return None
    return link


def _is_trusted(target: SplitResult, ours: SplitResult) -> bool:
    """https under Mango's domain, or the host that the connection itself names, on any port."""
    if target.username is not None or target.password is not None or not target.hostname:
        return False
    if target.hostname == ours.hostname:
        return target.scheme in ("https", ours.scheme)
    return target.scheme == "https" and target.hostname.endswith("." + _TRUSTED_DOMAIN)


def _download(link: str, door: Door, sink: BinaryIO) -> str:
    """Follow the link, once: it works a single time, and a further redirect is not followed."""
    start = sink.tell()
    door.spend("recording")
    answer = door.http.request(
        "GET",
        link,
        write=False,
        read_timeout_seconds=_RECORDING_TIMEOUT_SECONDS,
        max_bytes=_LONGEST_RECORDING_BYTES,
        sink=sink,
    )
    if answer.status in _REDIRECTS:
        raise Rejected("Mango's link to the recording leads on to another place.")
    if answer.status in _NOTHING_YET or (answer.status == 200 and sink.tell() == start):
        raise NotReady("Mango's file of this recording is not there yet.")
    _refuse_error(answer, door, write=False)
    content_type = answer.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type in _OTHER_NAMES_OF_MPEG:
        return _MPEG
    if not content_type.startswith(("audio/", "application/octet-stream")):
        raise NotReady(f"Mango sent {content_type} in place of the recording.")
    return content_type
