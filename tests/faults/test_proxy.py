"""The proxy itself can be trusted: each switch does what it says."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that repeats what it hears; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):
            while received := connection.recv(65536):
                connection.sendall(received)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy(echo) as running:
        yield running


def ask(proxy: Proxy, said: bytes, heard: bytearray | None = None, within_seconds: float = 5.0) -> bytes:
    """Say something and hear as much back; what came before an error is in `heard`."""
    heard = bytearray() if heard is None else heard
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=within_seconds) as client:
        client.sendall(said)
        while len(heard) < len(said) and (piece := client.recv(65536)):
            heard += piece
    return bytes(heard)


def test_an_honest_proxy_hands_everything_on(proxy: Proxy) -> None:
    said = b"x" * 300_000
    assert ask(proxy, said) == said


def test_so_many_answers_are_cut_and_the_next_gets_through(proxy: Proxy) -> None:
    proxy.rude.answers_to_cut = 1
    with pytest.raises(ConnectionResetError):
        ask(proxy, b"first")
    assert ask(proxy, b"second") == b"second"
    assert proxy.cuts == 1


def test_a_reset_comes_after_so_many_bytes(proxy: Proxy) -> None:
    proxy.rude.reset_after_bytes = 3
    heard = bytearray()
    with pytest.raises(ConnectionResetError):
        ask(proxy, b"abcdef", heard)
    assert b"abc".startswith(bytes(heard))  # a reset may overtake what was sent before it


def test_a_half_open_connection_never_answers_until_it_is_let_go(proxy: Proxy) -> None:
    proxy.rude.half_open = True
    with pytest.raises(TimeoutError):
        ask(proxy, b"anybody?", within_seconds=0.3)
    proxy.behave()
    assert ask(proxy, b"anybody?") == b"anybody?"


def test_a_refused_connection_is_reset(proxy: Proxy) -> None:
    proxy.rude.refuses = True
    with pytest.raises(ConnectionResetError):
        ask(proxy, b"x")


def test_a_delay_and_a_narrow_line_cost_time(proxy: Proxy) -> None:
    proxy.rude.delay_seconds = 0.2
    started = time.monotonic()
    assert ask(proxy, b"late") == b"late"
    assert time.monotonic() - started >= 0.2
    proxy.behave()
    proxy.rude.bytes_per_second = 1000
    started = time.monotonic()
    assert ask(proxy, b"n" * 300) == b"n" * 300
    assert time.monotonic() - started >= 0.2
