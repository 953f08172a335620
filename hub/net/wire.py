"""Sockets and pooled connections that only go where `hub.net.guard` lets them, and that lose patience in time."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv6Address
from time import monotonic
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPResponse, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from hub.domain.errors import Rejected, Unreachable
from hub.net.guard import Address, AllowHosts, permitted

Resolve = Callable[[str, int], Sequence[str]]
"""Name and port in, addresses out, best first. Raises `OSError` when the name is not known."""

_IDLE_SECONDS = 10.0
_SLICE_BYTES = 64 * 1024
_SLOWEST_BYTES_PER_SECOND = 64 * 1024
_POOLS = 64
_CONNECTIONS_KEPT_PER_HOST = 16


@dataclass(slots=True)
class Patience:
    """How long one exchange may still take, and whether anything of it has left the machine.

    The whole exchange has one and a half read time-outs, plus a second for each 64 KiB moved: a
    big recording may take its time, a server that drips single bytes may not.
    """

    read_timeout_seconds: float
    sent_bytes: int = 0
    _received_bytes: int = field(default=0)
    _started: float | None = field(default=None)

    def next_wait_seconds(self) -> float:
        """The longest wait for the next bytes. Raises `TimeoutError` when the time is up."""
        now = monotonic()
        if self._started is None:
            self._started = now
        bonus = (self.sent_bytes + self._received_bytes) / _SLOWEST_BYTES_PER_SECOND
        left = self._started + self.read_timeout_seconds * 1.5 + bonus - now
        if left <= 0:
            raise TimeoutError("timed out")
        return min(left, self.read_timeout_seconds)

    def note_received(self, count: int) -> None:
        self._received_bytes += count


PATIENCE: ContextVar[Patience | None] = ContextVar("patience", default=None)
"""The exchange that this thread is in; sockets ask it before they wait."""


class PatientSocket(socket.socket):
    """A socket whose waits end with the exchange: a time-out for each read alone lets a server drip for ever."""

    __slots__ = ()

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        patience = PATIENCE.get()
        if patience is None:
            return super().recv_into(buffer, nbytes, flags)
        self.settimeout(patience.next_wait_seconds())
        count = super().recv_into(buffer, nbytes, flags)
        patience.note_received(count)
        return count

    def sendall(self, data: Any, flags: int = 0) -> None:
        patience = PATIENCE.get()
        if patience is None:
            super().sendall(data, flags)
            return
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _SLICE_BYTES):
            part = view[start : start + _SLICE_BYTES]
            self.settimeout(patience.next_wait_seconds())
            patience.sent_bytes += len(part)  # before the call: a failed send may have sent a part
            super().sendall(part, flags)


class PatientTlsSocket(PatientSocket, ssl.SSLSocket):  # type: ignore[misc]  # typeshed names one argument otherwise
    """The same over TLS."""


def tls_context() -> ssl.SSLContext:
    """Certificates and names verified against the system's authorities, TLS 1.2 or newer.

    Not `ssl.create_default_context`: that one writes session keys to wherever SSLKEYLOGFILE says.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_default_certs()
    return context


def system_resolve(host: str, port: int) -> Sequence[str]:
    """Addresses by the system's resolver, which also reads decimal, hex, octal and short IPv4 forms."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))


@dataclass(frozen=True, slots=True)
class Dialer:
    """Opens connections: resolves, checks, and connects to exactly the address that was checked."""

    allow: AllowHosts
    resolve: Resolve
    connect_timeout_seconds: float

    def dial(self, host: str, port: int, *, tls: bool) -> socket.socket:
        """A connected socket. Raises `Rejected` for a destination not allowed, `Unreachable` for the rest."""
        ends_at = monotonic() + self.connect_timeout_seconds
        addresses = permitted(host, port, tls=tls, addresses=self._addresses(host, port), allow=self.allow)
        refused = False
        for waiting, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            left = ends_at - monotonic()
            if left <= 0:
                break
            try:
                return _connect(address, port, left / waiting)
            except OSError as error:
                refused = isinstance(error, ConnectionRefusedError)
        else:
            if refused:
                raise Unreachable(f"{host} refused the connection at port {port}.")
        raise Unreachable(f"No connection to {host} within {self.connect_timeout_seconds:g} s.")

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        """Resolve within the connect time-out: the system's resolver itself has none."""
        outcome: list[Sequence[str] | Exception] = []

        def ask() -> None:
            try:
                outcome.append(self.resolve(host, port))
            except (OSError, UnicodeError) as error:
                outcome.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(self.connect_timeout_seconds)
        if not outcome:
            words = f"The name {host} was not resolved within {self.connect_timeout_seconds:g} s."
            raise Unreachable(words).because("name_unknown", host=host)
        if isinstance(outcome[0], UnicodeError):
            words = f"{host} is not a host name. Correct the address of the connection."
            raise Rejected(words).because("name_unknown", host=host)
        if isinstance(outcome[0], Exception) or not outcome[0]:
            raise Unreachable(f"The name {host} is not known.").because("name_unknown", host=host)
        return outcome[0]


def _connect(address: Address, port: int, timeout_seconds: float) -> socket.socket:
    family = socket.AF_INET6 if isinstance(address, IPv6Address) else socket.AF_INET
    connection = PatientSocket(family, socket.SOCK_STREAM)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(timeout_seconds)
        connection.connect((str(address), port))
    except BaseException:
        connection.close()
        raise
    return connection


class GuardedHttp(HTTPConnection):
    """A connection that is made by the dialer, and that is not used again after ten idle seconds.

    Servers close idle connections without a word; a write that meets such a moment would be left
    with an unknown outcome. urllib3 looks whether the other side has closed before each use; the
    limit keeps away from the common keep-alive ends, where look and close may cross.
    """

    tls = False
    _used_at = 0.0

    def __init__(self, *args: Any, dialer: Dialer, **options: Any) -> None:
        super().__init__(*args, **options)
        self._dialer = dialer

    def _new_conn(self) -> socket.socket:
        connection = self._dialer.dial(self._dns_host, self.port, tls=self.tls)
        connection.settimeout(self._dialer.connect_timeout_seconds)  # the TLS handshake has its own share
        self._used_at = monotonic()
        return connection

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3's answer, not http.client's
        answer = super().getresponse()
        self._used_at = monotonic()
        return answer

    @property
    def is_connected(self) -> bool:
        return monotonic() - self._used_at < _IDLE_SECONDS and super().is_connected


class GuardedHttps(GuardedHttp, HTTPSConnection):
    """The same over TLS: name and certificate are checked by the host's name, not by the address."""

    tls = True


class GuardedPools(PoolManager):
    """urllib3's pools with guarded connections in them."""

    def __init__(self, dialer: Dialer, tls: ssl.SSLContext) -> None:
        tls.sslsocket_class = PatientTlsSocket
        super().__init__(num_pools=_POOLS, maxsize=_CONNECTIONS_KEPT_PER_HOST, ssl_context=tls)
        self._dialer = dialer

    def _new_pool(
        self, scheme: str, host: str, port: int, request_context: dict[str, Any] | None = None
    ) -> HTTPConnectionPool:
        pool = super()._new_pool(scheme, host, port, request_context)
        kind = GuardedHttps if scheme == "https" else GuardedHttp
        pool.ConnectionCls = partial(kind, dialer=self._dialer)  # type: ignore[assignment]
        return pool
