"""What is sent and what comes back: caps, encodings, forms, headers, and nothing of it in a log."""

from __future__ import annotations

import gzip
import io
import logging
import socket
import tracemalloc

import pytest

from hub.domain.errors import OutcomeUnknown, Rejected
from hub.net.client import HubHttp
from tests.net.secrecy import CANARY, assert_says_nothing_secret
from tests.net.servers import RawServer, answer, answering, reset, serving


@pytest.fixture
def http() -> HubHttp:
    return HubHttp(["127.0.0.1"])


def reset_after_request(peer: socket.socket, server: RawServer) -> None:
    server.read_request(peer)
    reset(peer)


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
