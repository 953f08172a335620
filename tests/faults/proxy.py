"""A TCP proxy that is rude on command: it stands between the hub and whatever the hub talks to."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 65536
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Rudeness:
    """Switches; all may be turned at any moment, and hold for open connections too.

    `answers_to_cut`: so many answers are swallowed, and their connections reset, after the request was
    carried out. `reset_after_bytes`: so much of an answer gets through before the reset. `half_open`:
    connections are accepted, and then nothing moves in either direction. `refuses`: each new connection is
    reset at once. `delay_seconds` passes before each piece of an answer; `bytes_per_second` bounds answers.
    """

    delay_seconds: float = 0.0
    bytes_per_second: float | None = None
    answers_to_cut: int = 0
    reset_after_bytes: int | None = None
    half_open: bool = False
    refuses: bool = False


class _Cut(Exception):
    """This connection is to be reset."""


@dataclass
class Proxy:
    """Listens on 127.0.0.1 while the block runs and hands everything on to `target_port` there.

    `port` 0 takes a free one; `target_port` may be changed, for a server that is started again elsewhere.
    """

    target_port: int = 0
    port: int = 0
    rude: Rudeness = field(default_factory=Rudeness)
    cuts: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name=f"proxy-{self.port}", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def behave(self) -> None:
        """Be an honest proxy from now on."""
        self.rude = Rudeness()

    def drop_all(self) -> None:
        """Reset every open connection."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _reset(connection)

    def close(self) -> None:
        self._closed.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_all()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self.rude.refuses:
            _reset(client)
            return
        self._hold_while_half_open()
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
        except OSError:
            _reset(client)
            return
        server.settimeout(None)
        with self._lock:
            self._open |= {client, server}
        there = threading.Thread(target=self._pump, args=(client, server, False), daemon=True)
        there.start()
        self._pump(server, client, True)
        there.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket, is_answer: bool) -> None:
        passed = 0
        try:
            while received := source.recv(_CHUNK_BYTES):
                self._hold_while_half_open()
                passed = self._hand_on(sink, received, passed) if is_answer else self._send(sink, received)
        except (OSError, _Cut):
            _reset(source)
            _reset(sink)
            return
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def _send(self, sink: socket.socket, received: bytes) -> int:
        sink.sendall(received)
        return 0

    def _hand_on(self, sink: socket.socket, answer: bytes, passed: int) -> int:
        rude = self.rude
        if rude.delay_seconds:
            self._closed.wait(rude.delay_seconds)
        if self._takes_a_cut():
            raise _Cut
        if rude.reset_after_bytes is not None and passed + len(answer) >= rude.reset_after_bytes:
            sink.sendall(answer[: max(0, rude.reset_after_bytes - passed)])
            self.cuts += 1
            raise _Cut
        if rude.bytes_per_second:
            self._trickle(sink, answer, rude.bytes_per_second)
        else:
            sink.sendall(answer)
        return passed + len(answer)

    def _takes_a_cut(self) -> bool:
        with self._lock:
            if self.rude.answers_to_cut <= 0:
                return False
            self.rude.answers_to_cut -= 1
            self.cuts += 1
            return True

    def _trickle(self, sink: socket.socket, answer: bytes, bytes_per_second: float) -> None:
        step = max(1, int(bytes_per_second / 10))
        for start in range(0, len(answer), step):
            sink.sendall(answer[start : start + step])
            self._closed.wait(0.1)

    def _hold_while_half_open(self) -> None:
        while self.rude.half_open and not self._closed.wait(0.05):
            pass


def _reset(connection: socket.socket) -> None:
    """End a connection with RST, as a machine does that lost its power; also wakes who reads from it."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)  # wakes the reader; the other direction would send an orderly end
    with contextlib.suppress(OSError):
        connection.close()
