"""What happens on the wire: sent once, cut in time, and an honest word about whether it was carried out."""

from __future__ import annotations

import gzip
import io
import logging
import multiprocessing
import socket
import threading
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hub.domain.errors import DeliveryError, OutcomeUnknown, Rejected, Unreachable
from hub.net import wire
from hub.net.client import HubHttp
from tests.net.servers import RawServer, answer, answering, reset, serving
from tests.services import free_port

CANARY = "canary-5f1e"


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


def assert_says_nothing_secret(error: BaseException) -> None:
    assert "POST" in str(error)
    assert "127.0.0.1" in str(error)
    seen: BaseException | None = error
    while seen is not None:
        assert CANARY not in repr(seen)
        seen = seen.__cause__ or seen.__context__


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
    assert 0.5 < time.monotonic() - started < 3  # 0.4 s × 1.5, and room for a busy machine


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


def test_an_answer_over_the_cap_is_refused_and_its_connection_dropped(http: HubHttp) -> None:
    with serving(answering(b"x" * 200_000)) as server:
        with pytest.raises(Rejected, match="larger than 1000 bytes"):
            http.request("GET", server.url, write=False, max_bytes=1000)
        with pytest.raises(OutcomeUnknown, match="larger than 1000 bytes"):
            http.request("POST", server.url, write=True, max_bytes=1000)
        assert server.connections == 2
        assert len(http.request("GET", server.url, write=False, max_bytes=200_000).body) == 200_000


def test_gzip_is_decoded(http: HubHttp) -> None:
    with serving(answering(gzip.compress(b"words " * 1000), headers="Content-Encoding: gzip\r\n")) as server:
        assert http.request("GET", server.url, write=False).body == b"words " * 1000
        assert "accept-encoding: gzip" in server.requests[0].lower()


@pytest.mark.parametrize("to_sink", [True, False])
def test_a_gzip_bomb_is_cut_at_the_cap_of_decoded_bytes(http: HubHttp, to_sink: bool) -> None:
    bomb = gzip.compress(bytes(200_000_000), compresslevel=6)
    sink = io.BytesIO() if to_sink else None
    with serving(answering(bomb, headers="Content-Encoding: gzip\r\n")) as server:
        tracemalloc.start()
        try:
            with pytest.raises(Rejected, match="larger than 1000000 bytes"):
                http.request("GET", server.url, write=False, max_bytes=1_000_000, sink=sink)
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak_bytes < 8_000_000
    assert sink is None or len(sink.getvalue()) <= 1_000_000


def test_only_a_200_goes_into_the_sink(http: HubHttp) -> None:
    sink = io.BytesIO()
    with serving(answering(b"sound")) as good, serving(answering(b"gone", status="404 Not Found")) as bad:
        assert http.request("GET", good.url, write=False, sink=sink).body == b""
        assert http.request("GET", bad.url, write=False, sink=sink).body == b"gone"
    assert sink.getvalue() == b"sound"


def test_a_full_disk_is_not_called_a_network_fault(http: HubHttp) -> None:
    class Full(io.BytesIO):
        def write(self, piece: object) -> int:
            raise OSError(28, "No space left on device")

    with serving(answering(b"sound")) as server, pytest.raises(OSError, match="No space"):
        http.request("GET", server.url, write=False, sink=Full())


def test_files_are_streamed_as_a_form_of_known_length(http: HubHttp) -> None:
    sound = bytes(range(256)) * 2000
    file = io.BytesIO(b"skipped" + sound)
    file.seek(7)
    with serving(answering()) as server:
        http.request("POST", server.url, write=True, files={"file": ("разговор.mp3", file)})
        head, body = server.requests[0], server.bodies[0]
    boundary = head.lower().split("boundary=")[1].split("\r\n")[0].encode()
    assert "content-length" in head.lower()
    assert "transfer-encoding" not in head.lower()
    assert body.startswith(b"--" + boundary + b"\r\n")
    assert 'name="file"; filename="разговор.mp3"'.encode() in body
    assert body.endswith(b"\r\n\r\n" + sound + b"\r\n--" + boundary + b"--\r\n")


def test_an_early_answer_to_a_large_body_is_heard(http: HubHttp) -> None:
    def too_large(peer: socket.socket, server: RawServer) -> None:
        peer.recv(1000)
        answer(peer, b"too large", status="413 Content Too Large")
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65536):
            pass

    with serving(too_large) as server:
        got = http.request("POST", server.url, body=b"x" * 2_000_000, write=True)
    assert (got.status, got.body) == (413, b"too large")


def test_headers_are_sent_as_given_and_come_back_in_lower_case(http: HubHttp) -> None:
    with serving(answering(headers="X-Request-Id: Ab\r\n")) as server:
        got = http.request("PUT", server.url, headers={"USER-AGENT": "other/1"}, body=b"{}", write=True)
        assert got.headers["x-request-id"] == "Ab"
        assert server.requests[0].lower().count("user-agent") == 1
        assert "other/1" in server.requests[0]


@pytest.mark.parametrize("value", [f"{CANARY}\r\nX-Evil: 1", f"{CANARY} имя"])
def test_a_header_that_cannot_be_sent_is_refused_without_showing_it(http: HubHttp, value: str) -> None:
    with serving(answering()) as server:
        with pytest.raises(Rejected, match="characters not allowed") as caught:
            http.request("POST", server.url, headers={"Authorization": value}, write=True)
        assert server.requests == []
    assert_says_nothing_secret(caught.value)


def test_nothing_of_a_request_is_logged(http: HubHttp, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "urllib3.connection", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=name)

    def odd_headers(peer: socket.socket, server: RawServer) -> None:
        server.read_request(peer)
        peer.sendall(b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 0\r\n\r\n")

    with serving(odd_headers) as server, serving(reset_after_request) as rude:
        http.request("POST", f"{server.url}/{CANARY}?auth={CANARY}", body=CANARY.encode(), write=True)
        with pytest.raises(OutcomeUnknown):
            http.request("POST", f"{rude.url}/{CANARY}?auth={CANARY}", body=CANARY.encode(), write=True)
    assert CANARY not in caplog.text


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
