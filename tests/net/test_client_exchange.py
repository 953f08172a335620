"""What happens on the wire: sent once, cut in time, and an honest word about whether it was carried out."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hub.domain.errors import DeliveryError, OutcomeUnknown, Unreachable
from hub.net import wire
from hub.net.client import HubHttp
from tests.net.certificates import certificate_for
from tests.net.secrecy import CANARY, assert_says_nothing_secret
from tests.net.servers import RawServer, answer, answering, reset, serving
from tests.services import free_port


@pytest.fixture
def http() -> HubHttp:
    return HubHttp(["127.0.0.1"])


def reset_after_request(peer: socket.socket, server: RawServer) -> None:
    server.read_request(peer)
    reset(peer)


def closed_after_request(peer: socket.socket, server: RawServer) -> None:
    server.read_request(peer)


def silent(peer: socket.socket, server: RawServer) -> None:
    server.read_request(peer)
    server.stopping.wait(30)


def cut_in_the_body(peer: socket.socket, server: RawServer) -> None:
    server.read_request(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")


def not_http(peer: socket.socket, server: RawServer) -> None:
    server.read_request(peer)
    peer.sendall(b"220 mail.example ESMTP\r\n")


def broken_gzip(peer: socket.socket, server: RawServer) -> None:
    server.read_request(peer)
    answer(peer, b"not gzip at all", headers="Content-Encoding: gzip\r\n")


BREAKS = [reset_after_request, closed_after_request, silent, cut_in_the_body, not_http, broken_gzip]


@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.parametrize(("write", "expected"), [(True, OutcomeUnknown), (False, Unreachable)])
def test_what_breaks_after_sending_is_unknown_for_a_write(
    http: HubHttp, breaks: Any, write: bool, expected: type[DeliveryError]
) -> None:
    with serving(breaks) as server:
        with pytest.raises(expected) as caught:
            http.request(
                "POST",
                f"{server.url}/rest/{CANARY}?auth={CANARY}",
                headers={"Authorization": CANARY},
                body=CANARY.encode(),
                write=write,
                read_timeout_seconds=0.2,
            )
        assert len(server.requests) == 1  # sent once, never again by itself
    assert type(caught.value) is expected
    assert_says_nothing_secret(caught.value)


@pytest.mark.parametrize("write", [True, False])
def test_a_refused_connection_is_unreachable(http: HubHttp, write: bool) -> None:
    with pytest.raises(Unreachable, match="refused the connection"):
        http.request("POST", f"http://127.0.0.1:{free_port()}/?{CANARY}", body=b"x", write=write)


def test_a_peer_that_speaks_no_tls_is_unreachable_even_for_a_write(http: HubHttp) -> None:
    def plain(peer: socket.socket, server: RawServer) -> None:
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(plain) as server, pytest.raises(Unreachable, match="TLS"):
        http.request("POST", f"https://127.0.0.1:{server.port}/", body=b"x", write=True)


def test_a_peer_that_never_shakes_hands_is_unreachable_even_for_a_write() -> None:
    impatient = HubHttp(["127.0.0.1"], connect_timeout_seconds=0.2)

    def mute(peer: socket.socket, server: RawServer) -> None:
        server.stopping.wait(30)

    with serving(mute) as server, pytest.raises(Unreachable, match="No connection to"):
        impatient.request("POST", f"https://127.0.0.1:{server.port}/", body=b"x", write=True)


def test_a_resolver_that_hangs_is_cut() -> None:
    released = threading.Event()

    def hanging(host: str, port: int) -> list[str]:
        released.wait(30)
        return ["127.0.0.1"]

    with pytest.raises(Unreachable, match="not resolved within"):
        HubHttp(["127.0.0.1"], resolve=hanging, connect_timeout_seconds=0.1).request(
            "GET", "http://slow.example/", write=False
        )
    released.set()


@pytest.mark.parametrize("part", ["head", "body", "chunks"])
def test_a_server_that_drips_is_cut(http: HubHttp, part: str) -> None:
    starts = {
        "head": b"HTTP/1.1 200 OK\r\nX-Slow: ",
        "body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
    }

    def drips(peer: socket.socket, server: RawServer) -> None:
        server.read_request(peer)
        peer.sendall(starts[part])
        while not server.stopping.wait(0.05):  # each wait alone is well within the read time-out
            peer.sendall(b"x")

    started = time.monotonic()
    with serving(drips) as server, pytest.raises(OutcomeUnknown, match="no whole answer in time"):
        http.request("POST", server.url, write=True, read_timeout_seconds=0.4)
    assert 0.5 < time.monotonic() - started < 10  # 0.4 s × 1.5, and much room for a busy machine


def test_over_tls_too_a_body_arrives_whole_and_a_drip_is_cut(tmp_path: Path) -> None:
    def takes_then_drips(peer: socket.socket, server: RawServer) -> None:
        server.read_request(peer)
        answer(peer)
        server.read_request(peer)
        while not server.stopping.wait(0.05):
            peer.sendall(b"H")

    authority, server_side = certificate_for("crm.example", tmp_path)
    client = HubHttp(["127.0.0.1"], resolve=lambda host, port: ["127.0.0.1"], tls=authority)
    with serving(takes_then_drips, tls=server_side) as server:
        url = f"https://crm.example:{server.port}/"
        assert client.request("POST", url, body=b"x" * 1_000_000, write=True).status == 200
        with pytest.raises(OutcomeUnknown, match="no whole answer in time"):
            client.request("POST", url, write=True, read_timeout_seconds=0.3)
        assert (len(server.bodies[0]), server.connections) == (1_000_000, 1)


def test_a_server_that_does_not_take_the_body_is_cut(http: HubHttp) -> None:
    def deaf(peer: socket.socket, server: RawServer) -> None:
        server.stopping.wait(30)

    with serving(deaf) as server, pytest.raises(OutcomeUnknown, match="no whole answer in time"):
        http.request("POST", server.url, body=b"x" * 64_000_000, write=True, read_timeout_seconds=0.2)


def test_bytes_that_move_buy_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(wire, "monotonic", lambda: clock[0])
    patience = wire.Patience(read_timeout_seconds=20)
    assert patience.next_wait_seconds() == 20
    clock[0] += 29
    assert patience.next_wait_seconds() == pytest.approx(1)
    patience.note_received(640 * 1024)
    assert patience.next_wait_seconds() == pytest.approx(11)
    clock[0] += 11
    with pytest.raises(TimeoutError):
        patience.next_wait_seconds()


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 X", "308 X"])
def test_a_redirect_is_an_answer_and_is_not_followed(http: HubHttp, status: str) -> None:
    with serving(answering(b"inside")) as inside:
        moved = answering(b"moved", status=status, headers=f"Location: {inside.url}/\r\n")
        with serving(moved) as server:
            got = http.request("GET", server.url, headers={"Authorization": CANARY}, write=False)
    assert got.status == int(status[:3])
    assert got.headers["location"] == f"{inside.url}/"
    assert inside.connections == 0


@pytest.mark.parametrize("status", ["429 Too Many", "503 Busy", "413 Large"])
def test_an_answer_that_asks_for_a_retry_is_not_retried(http: HubHttp, status: str) -> None:
    with serving(answering(b"{}", status=status, headers="Retry-After: 0\r\n")) as server:
        assert http.request("GET", server.url, write=False).status == int(status[:3])
        assert len(server.requests) == 1


def test_cookies_are_not_kept(http: HubHttp) -> None:
    with serving(answering(headers="Set-Cookie: a=b; Path=/\r\n")) as server:
        for _ in range(2):
            http.request("GET", server.url, write=False)
        assert not any("cookie" in head.lower() for head in server.requests)


def test_connections_are_kept_open(http: HubHttp) -> None:
    with serving(answering()) as server:
        for _ in range(5):
            http.request("GET", server.url, write=False)
        assert (len(server.requests), server.connections) == (5, 1)


def test_an_idle_connection_is_not_used_again(http: HubHttp, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [time.monotonic()]
    monkeypatch.setattr(wire, "monotonic", lambda: clock[0])
    with serving(answering()) as server:
        http.request("GET", server.url, write=False)
        clock[0] += 9
        http.request("POST", server.url, write=True)
        assert server.connections == 1
        clock[0] += 10.1
        http.request("POST", server.url, write=True)
        assert server.connections == 2


def test_a_kept_connection_that_the_server_closed_is_seen_before_the_write(http: HubHttp) -> None:
    closed = threading.Event()

    def answers_once(peer: socket.socket, server: RawServer) -> None:
        server.read_request(peer)
        answer(peer)
        peer.close()
        closed.set()

    with serving(answers_once) as server:
        for _ in range(20):
            assert http.request("POST", server.url, write=True).status == 200
            assert closed.wait(5)
            closed.clear()
        assert server.connections == 20


def test_a_kept_connection_cut_at_the_moment_of_a_write_leaves_the_outcome_unknown(http: HubHttp) -> None:
    def cuts_the_second(peer: socket.socket, server: RawServer) -> None:
        server.read_request(peer)
        answer(peer)
        server.read_request(peer)
        reset(peer)

    with serving(cuts_the_second) as server:
        http.request("GET", server.url, write=False)
        with pytest.raises(OutcomeUnknown):
            http.request("POST", server.url, write=True)
        assert server.connections == 1  # not sent again on a new one: it may have been carried out


def test_threads_share_one_client(http: HubHttp) -> None:
    def work(number: int) -> bool:
        bodies = [f"{number}-{step}".encode() for step in range(20)]
        return all(http.request("POST", mirror.url, body=body, write=True).body == body for body in bodies)

    def mirrors(peer: socket.socket, server: RawServer) -> None:
        own = RawServer(server.port)
        while own.read_request(peer):
            answer(peer, own.bodies[-1])

    with serving(mirrors) as mirror, ThreadPoolExecutor(16) as threads:
        assert all(threads.map(work, range(16)))


def test_a_forked_child_does_not_talk_on_its_parents_connection(http: HubHttp) -> None:
    def ask(results: Any) -> None:
        results.put(http.request("GET", server.url, write=False).status)

    with serving(answering()) as server:
        http.request("GET", server.url, write=False)
        context = multiprocessing.get_context("fork")
        results = context.Queue()
        child = context.Process(target=ask, args=(results,))
        child.start()
        assert results.get(timeout=20) == 200
        child.join(20)
        assert http.request("GET", server.url, write=False).status == 200
        assert server.connections == 2
