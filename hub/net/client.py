"""The one outbound HTTP client."""

from __future__ import annotations

import logging
import os
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from importlib.metadata import version
from typing import BinaryIO, TypeVar

from urllib3 import BaseHTTPResponse, HTTPHeaderDict, Timeout
from urllib3.exceptions import HTTPError, LocationParseError, SSLError
from urllib3.exceptions import TimeoutError as PoolTimeout
from urllib3.util import Url, parse_url

from hub.domain.errors import DeliveryError, OutcomeUnknown, Rejected, Unreachable
from hub.net.guard import parse_allow_hosts
from hub.net.http import HttpAnswer
from hub.net.multipart import multipart
from hub.net.wire import PATIENCE, Dialer, GuardedPools, Patience, Resolve, system_resolve, tls_context

T = TypeVar("T")

_CONNECT_SECONDS = 3.0
_SLICE_BYTES = 64 * 1024
_DEFAULT_PORTS = {"http": 80, "https": 443}
_WHAT_BREAKS = (HTTPError, HTTPException, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class _Exchange:
    """What an error may say of a request: the method's word and the host, never path, query or body."""

    method: str
    host: str
    write: bool
    max_bytes: int
    connect_timeout_seconds: float
    patience: Patience

    def attempt(self, act: Callable[[], T]) -> T:
        """The result of `act`, or the delivery error for what broke in it."""
        try:
            return act()
        except _WHAT_BREAKS as error:
            failure = self._failure(error)
        raise failure  # outside the handler: the library's own words hold the URL and must not be chained to it

    def require_size(self, size_bytes: int) -> None:
        """Raise when the answer is over the cap; a write was carried out all the same, as far as we know."""
        if size_bytes > self.max_bytes:
            what = f"the answer is larger than {self.max_bytes} bytes"
            raise self._lost(what) if self.write else Rejected(f"{self.method} to {self.host}: {what}.")

    def _failure(self, error: Exception) -> DeliveryError:
        if self.patience.sent_bytes:
            return self._lost(_what_happened(error, self.patience.read_timeout_seconds))
        if isinstance(error, SSLError):
            words = f"{self.host} has no valid TLS certificate or speaks no TLS ({_reason(error)})."
            return Unreachable(words).because("no_tls", host=self.host)
        if isinstance(error, ValueError):
            return Rejected(f"{self.method} to {self.host}: a header or the address has characters not allowed.")
        words = f"No connection to {self.host} within {self.connect_timeout_seconds:g} s, or it was cut."
        return Unreachable(words).because("no_connection", host=self.host)

    def _lost(self, what: str) -> DeliveryError:
        """The error for a request that left, or may have left, the machine."""
        sentence = f"{self.method} to {self.host}: {what}."
        error = OutcomeUnknown(sentence) if self.write else Unreachable(sentence)
        return error.because("no_answer", host=self.host)


class HubHttp:
    """`hub.net.http.Http` over pooled connections that are kept open; safe to share between threads.

    `allow_hosts` are the entries of `DOZVON_ALLOW_HOSTS`; `ConfigurationError` when one is none.
    A forked child starts with pools of its own. Nothing is read from the environment.
    """

    def __init__(
        self,
        allow_hosts: Sequence[str],
        user_agent: str = f"Dozvon/{version('dozvon')}",
        *,
        resolve: Resolve = system_resolve,
        tls: ssl.SSLContext | None = None,
        connect_timeout_seconds: float = _CONNECT_SECONDS,
    ) -> None:
        _hush_urllib3()
        self._headers = {"user-agent": user_agent, "accept-encoding": "gzip"}
        self._dialer = Dialer(parse_allow_hosts(allow_hosts), resolve, connect_timeout_seconds)
        self._tls = tls or tls_context()
        self._lock = threading.Lock()
        self._pools = GuardedPools(self._dialer, self._tls)
        self._pid = os.getpid()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        write: bool,
        read_timeout_seconds: float = 20.0,
        max_bytes: int = 8 * 1024 * 1024,
        sink: BinaryIO | None = None,
        files: Mapping[str, tuple[str, BinaryIO]] | None = None,
    ) -> HttpAnswer:
        """See `hub.net.http.Http.request`."""
        target = _checked(url)
        patience = Patience(read_timeout_seconds)
        exchange = _Exchange(method, str(target.host), write, max_bytes, self._dialer.connect_timeout_seconds, patience)
        with _in_exchange(patience):
            answer = exchange.attempt(lambda: self._send(exchange, target, headers, _content(body, files)))
            return _read(exchange, answer, sink)

    def close(self) -> None:
        """Close the kept connections; the client can be used again."""
        self._pools.clear()

    def _send(
        self,
        exchange: _Exchange,
        target: Url,
        headers: Mapping[str, str] | None,
        content: tuple[bytes | Iterable[bytes] | None, Mapping[str, str]],
    ) -> BaseHTTPResponse:
        body, about_body = content
        together = HTTPHeaderDict(self._headers)
        together.update(headers or {})
        together.update(about_body)
        pool = self._own_pools().connection_from_host(target.host, target.port, target.scheme)
        return pool.urlopen(
            exchange.method,
            target.request_uri,
            body=body,
            headers=together,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=Timeout(self._dialer.connect_timeout_seconds, exchange.patience.read_timeout_seconds),
            preload_content=False,
        )

    def _own_pools(self) -> GuardedPools:
        """Pools of this process: two processes on one socket would read each other's answers."""
        with self._lock:
            if self._pid != os.getpid():
                self._pools = GuardedPools(self._dialer, self._tls)
                self._pid = os.getpid()
            return self._pools


def _checked(url: str) -> Url:
    """The parts of an http or https address. Raises `Rejected`, which never repeats the address."""
    try:
        target = parse_url(url)
    except LocationParseError:
        target = Url()
    if target.scheme not in _DEFAULT_PORTS or not target.host or target.port == 0 or "%" in target.host:
        raise Rejected("The address is not a valid http or https one. Correct the address of the connection.")
    if target.auth is not None:
        raise Rejected(f"The address of {target.host} holds a user name or password. Remove them from it.")
    return target


def _content(
    body: bytes | None, files: Mapping[str, tuple[str, BinaryIO]] | None
) -> tuple[bytes | Iterable[bytes] | None, Mapping[str, str]]:
    if not files:
        return body, {}
    form = multipart(files)
    return form.chunks, {"content-type": form.content_type, "content-length": str(form.length)}


@contextmanager
def _in_exchange(patience: Patience) -> Iterator[None]:
    mark = PATIENCE.set(patience)
    try:
        yield
    finally:
        PATIENCE.reset(mark)


def _read(exchange: _Exchange, answer: BaseHTTPResponse, sink: BinaryIO | None) -> HttpAnswer:
    headers = {name.lower(): answer.headers[name] for name in answer.headers}
    body = bytearray()
    size_bytes = 0
    try:
        while piece := exchange.attempt(lambda: answer.read(_SLICE_BYTES)):
            size_bytes += len(piece)
            exchange.require_size(size_bytes)
            if sink is not None and answer.status == 200:
                sink.write(piece)
            else:
                body += piece
    except BaseException:
        answer.close()
        raise
    finally:
        answer.release_conn()
    return HttpAnswer(answer.status, headers, bytes(body))


def _what_happened(error: Exception, read_timeout_seconds: float) -> str:
    late = any(isinstance(reason, (PoolTimeout, TimeoutError)) for reason in (error, *error.args))
    if late:  # urllib3 wraps a time-out while sending into its general error
        return f"no whole answer in time ({read_timeout_seconds:g} s)"
    return f"the connection broke before the whole answer was there ({type(error).__name__})"


def _reason(error: SSLError) -> str:
    cause = error.args[0] if error.args else error
    return getattr(cause, "verify_message", None) or type(cause).__name__


def _nothing(_record: logging.LogRecord) -> bool:
    return False


def _hush_urllib3() -> None:
    """urllib3 writes whole URLs into its logs, tokens in queries with them: it writes none."""
    for name in ("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.response"):
        logging.getLogger(name).addFilter(_nothing)
