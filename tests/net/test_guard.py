from __future__ import annotations

from ipaddress import ip_address

import pytest

from hub.domain.errors import ConfigurationError, Rejected
from hub.net.guard import AllowHosts, is_metadata, is_public, parse_allow_hosts, permitted

NOTHING = AllowHosts()
METADATA = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "fd00:ec2::254",
    "fd20:ce::254",
    "::ffff:169.254.169.254",
    "::ffff:100.100.100.200",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "::169.254.169.254",
    "2002:a9fe:a9fe::1",
    "64:ff9b::6464:64c8",
]
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "203.0.113.5",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::10.0.0.1",
    "::8.8.8.8",
    "64:ff9b::a00:1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::808:808",
    "2002:a00:1::",
    "2001::1",
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "5f00::1",
]
PUBLIC = ["8.8.8.8", "95.163.0.1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2a00:1450:4010::8a"]


@pytest.mark.parametrize("text", METADATA)
def test_metadata_is_never_called_whatever_is_allowed(text: str) -> None:
    everything = parse_allow_hosts(["0.0.0.0/0", "::/0", "crm.local"])
    assert is_metadata(ip_address(text))
    with pytest.raises(Rejected, match=r"crm\.local leads to a cloud metadata address"):
        permitted("crm.local", 443, tls=True, addresses=["8.8.8.8", text], allow=everything)


@pytest.mark.parametrize("text", PRIVATE)
def test_what_is_not_public_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(Rejected, match=r"crm\.local leads to a private address.*add crm\.local:443 to DOZVON_ALLOW"):
        permitted("crm.local", 443, tls=True, addresses=[text], allow=NOTHING)


@pytest.mark.parametrize("text", PRIVATE)
def test_what_is_not_public_is_reached_when_its_name_is_allowed(text: str) -> None:
    allow = parse_allow_hosts(["CRM.local."])
    assert permitted("crm.local", 80, tls=False, addresses=[text], allow=allow) == (ip_address(text),)


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_called_over_https_only(text: str) -> None:
    assert is_public(ip_address(text))
    assert permitted("crm.example", 443, tls=True, addresses=[text], allow=NOTHING)
    with pytest.raises(Rejected, match=r"crm\.example is called over https only.*DOZVON_ALLOW_HOSTS"):
        permitted("crm.example", 80, tls=False, addresses=[text], allow=NOTHING)


def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    with pytest.raises(Rejected, match="private"):
        permitted("crm.example", 443, tls=True, addresses=["8.8.8.8", "10.0.0.1"], allow=NOTHING)


def test_only_the_allowed_addresses_of_a_name_are_used() -> None:
    allow = parse_allow_hosts(["127.0.0.1"])
    found = permitted("localhost", 80, tls=False, addresses=["::1", "127.0.0.1"], allow=allow)
    assert [str(address) for address in found] == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("entry", "host", "port", "address"),
    [
        ("crm.local", "crm.local", 80, "10.0.0.1"),
        ("crm.local:8080", "crm.local", 8080, "10.0.0.1"),
        ("10.0.0.0/8", "crm.local", 80, "10.9.9.9"),
        ("10.0.0.5/8", "crm.local", 80, "10.9.9.9"),
        ("10.0.0.0/8", "crm.local", 80, "::ffff:10.9.9.9"),
        ("10.0.0.5:9000", "10.0.0.5", 9000, "10.0.0.5"),
        ("fd00::1", "fd00::1", 80, "fd00::1"),
        ("[fd00::1]", "[fd00::1]", 80, "fd00::1"),
        ("[fd00::1]:8080", "[fd00::1]", 8080, "fd00::1"),
        ("fd00::/8", "crm.local", 80, "fd12::1"),
    ],
)
def test_an_entry_opens_what_it_names(entry: str, host: str, port: int, address: str) -> None:
    allow = parse_allow_hosts([entry])
    assert permitted(host, port, tls=False, addresses=[address], allow=allow) == (ip_address(address),)


@pytest.mark.parametrize(
    ("entry", "host", "port", "address"),
    [
        ("crm.local", "evil.crm.local", 80, "10.0.0.1"),
        ("crm.local", "crm.local.evil.example", 80, "10.0.0.1"),
        ("crm.local:8080", "crm.local", 8081, "10.0.0.1"),
        ("10.0.0.0/24", "crm.local", 80, "10.0.1.1"),
        ("10.0.0.5:9000", "10.0.0.5", 9001, "10.0.0.5"),
        ("127.0.0.1:9000", "127.0.0.1", 6379, "127.0.0.1"),
        ("fd00::1", "fd00::2", 80, "fd00::2"),
    ],
)
def test_an_entry_opens_nothing_else(entry: str, host: str, port: int, address: str) -> None:
    with pytest.raises(Rejected, match="private"):
        permitted(host, port, tls=True, addresses=[address], allow=parse_allow_hosts([entry]))


@pytest.mark.parametrize("entry", ["http://crm.local", "crm.local/path", "*.local", "user@crm", "10.0.0.0/40", ""])
def test_an_entry_that_is_neither_host_nor_network_stops_the_start(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="DOZVON_ALLOW_HOSTS"):
        parse_allow_hosts([entry])
