"""Where the client goes and where it does not: names are resolved once, and the checked address is the one called."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from hub.domain.errors import Rejected, Unreachable
from hub.net.client import HubHttp
from tests.net.certificates import certificate_for
from tests.net.servers import answering, serving

LOOPBACK_BY_OTHER_NAMES = [
    "127.0.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "127.1",
    "0.0.0.0",
    "0",
    "localhost",
    "LOCALHOST",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
]
NEVER = ["169.254.169.254", "2852039166", "0xa9fea9fe", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]"]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", LOOPBACK_BY_OTHER_NAMES)
def test_loopback_is_refused_in_every_spelling(host: str, scheme: str) -> None:
    with serving(answering()) as server, pytest.raises(Rejected, match="DOZVON_ALLOW_HOSTS") as caught:
        HubHttp([]).request("GET", f"{scheme}://{host}:{server.port}/secret?token=canary", write=False)
    assert server.connections == 0
    assert "secret" not in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("host", NEVER)
def test_metadata_is_refused_although_everything_is_allowed(host: str) -> None:
    with pytest.raises(Rejected, match="metadata"):
        HubHttp(["0.0.0.0/0", "::/0"]).request("GET", f"http://{host}/latest/", write=False)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "100.64.0.1", "[fd00::1]", "[64:ff9b::a00:1]", "192.168.0.1", "[fe80::1]"]
)
def test_private_addresses_are_refused(host: str) -> None:
    with pytest.raises(Rejected, match="private"):
        HubHttp([]).request("GET", f"https://{host}/", write=False)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "ftp://acme.example/",
        "//acme.example/",
        "acme.example/x",
        "http://",
        "https://:443/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:99999/",
        "http://exa mple/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(Rejected, match="not a valid http or https"):
        HubHttp(["0.0.0.0/0", "::/0"]).request("GET", url, write=False)


@pytest.mark.parametrize("url", ["http://user:canary@127.0.0.1:9/", "http://127.0.0.1:9@acme.example/"])
def test_an_address_with_a_password_in_it_is_refused(url: str) -> None:
    with pytest.raises(Rejected, match="password") as caught:
        HubHttp(["127.0.0.1"]).request("GET", url, write=False)
    assert "canary" not in str(caught.value)


class Rebinding:
    """A name server that answers something else each time."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0)


def test_a_name_that_turns_private_after_the_check_gains_nothing() -> None:
    with serving(answering()) as server:
        names = Rebinding(["127.0.0.2"], ["127.0.0.1"])
        client = HubHttp(["127.0.0.2"], resolve=names)
        with pytest.raises(Unreachable):
            client.request("GET", f"http://rebind.example:{server.port}/", write=False)
        assert names.asked == 1  # the checked address was called; the name was not asked again
        with pytest.raises(Rejected, match="private"):
            client.request("GET", f"http://rebind.example:{server.port}/", write=False)
    assert server.connections == 0


def test_an_allowed_host_is_called_by_its_name_at_the_checked_address() -> None:
    with serving(answering(b"here")) as server:
        client = HubHttp([f"crm.local:{server.port}"], resolve=lambda host, port: ["127.0.0.1"])
        answer = client.request("GET", f"http://crm.local:{server.port}/a/b?c=d", write=False)
    assert (answer.status, answer.body) == (200, b"here")
    assert server.requests[0].startswith("GET /a/b?c=d HTTP/1.1\r\n")
    assert f"Host: crm.local:{server.port}" in server.requests[0]
    assert "user-agent: Dozvon/" in server.requests[0]


def test_the_next_address_is_tried_when_the_first_refuses() -> None:
    with serving(answering(b"here")) as server:
        client = HubHttp(["crm.local"], resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"])
        assert client.request("GET", f"http://crm.local:{server.port}/", write=False).body == b"here"


def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering(b"direct")) as server, serving(answering(b"proxy")) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert HubHttp(["127.0.0.1"]).request("GET", server.url, write=False).body == b"direct"
    assert proxy.connections == 0


def test_a_name_that_is_not_known_is_unreachable() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    with pytest.raises(Unreachable, match=r"nowhere\.example is not known"):
        HubHttp([], resolve=unknown).request("POST", "https://nowhere.example/?token=canary", write=True)


def test_tls_is_verified_by_name_at_the_checked_address(tmp_path: Path) -> None:
    authority, server_side = certificate_for("crm.example", tmp_path)
    with serving(answering(b"safe"), tls=server_side) as server:
        client = HubHttp(["127.0.0.1"], resolve=lambda host, port: ["127.0.0.1"], tls=authority)
        assert client.request("GET", f"https://crm.example:{server.port}/", write=False).body == b"safe"
        with pytest.raises(Unreachable, match=r"other\.example has no valid TLS certificate"):
            client.request("POST", f"https://other.example:{server.port}/", write=True)
        assert len(server.requests) == 1


def test_an_unknown_authority_is_unreachable_even_for_a_write(tmp_path: Path) -> None:
    _, server_side = certificate_for("crm.example", tmp_path)
    with serving(answering(), tls=server_side) as server:
        client = HubHttp(["127.0.0.1"], resolve=lambda host, port: ["127.0.0.1"])
        with pytest.raises(Unreachable, match="certificate"):
            client.request("POST", f"https://crm.example:{server.port}/", write=True)
        assert server.requests == []


def test_session_keys_are_not_written_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    authority, server_side = certificate_for("crm.example", tmp_path)
    with serving(answering(), tls=server_side) as server:
        client = HubHttp(["127.0.0.1"], resolve=lambda host, port: ["127.0.0.1"], tls=authority)
        client.request("GET", f"https://crm.example:{server.port}/", write=False)
    assert authority.verify_mode is ssl.CERT_REQUIRED
    assert not (tmp_path / "keys.log").exists()
