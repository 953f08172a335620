"""Small raw servers for the client's tests: each connection is handled by a function in a thread."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Talk = Callable[[socket.socket, "RawServer"], None]


@dataclass
class RawServer:
    """`requests` are the heads received, in order; `bodies` beside them; `connections` counts accepts."""

    port: int
    requests: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def read_request(self, peer: socket.socket) -> bool:
        """Read one whole request (Content-Length bodies); False when the client has gone."""
        received = b""
        while b"\r\n\r\n" not in received:
            more = peer.recv(65536)
            if not more:
                return False
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        wanted = content_length(head.decode("latin-1"))
        while len(body) < wanted:
            body += peer.recv(65536)
        self.requests.append(head.decode("latin-1"))
        self.bodies.append(body)
        return True


def content_length(head: str) -> int:
    for line in head.split("\r\n"):
        if line.lower().startswith("content-length:"):
            return int(line.split(":")[1])
    return 0


def reset(peer: socket.socket) -> None:
    """Close with a TCP reset instead of a good-bye."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def answer(peer: socket.socket, body: bytes = b"ok", *, status: str = "200 OK", headers: str = "") -> None:
    peer.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)


def answering(body: bytes = b"ok", *, status: str = "200 OK", headers: str = "") -> Talk:
    """Keeps the connection open and gives the same answer to each request."""

    def talk(peer: socket.socket, server: RawServer) -> None:
        while server.read_request(peer):
            answer(peer, body, status=status, headers=headers)

    return talk


@contextmanager
def serving(talk: Talk, *, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = RawServer(listener.getsockname()[1])
    peers: list[socket.socket] = []

    def handle(peer: socket.socket) -> None:
        with suppress(OSError):
            if tls is not None:
                peer = tls.wrap_socket(peer, server_side=True)
                peers.append(peer)
            talk(peer, server)
        with suppress(OSError):
            peer.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                server.connections += 1
                peers.append(peer)
                threading.Thread(target=handle, args=(peer,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for peer in peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()
