"""Which destinations the hub may call. Pure: names and addresses in, a decision out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from hub.domain.errors import ConfigurationError, Rejected

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_METADATA: tuple[Network, ...] = (
    IPv4Network("169.254.0.0/16"),  # AWS, Google, Azure, Oracle, Yandex, ECS task roles
    IPv4Network("100.100.100.200/32"),  # Alibaba
    IPv4Network("168.63.129.16/32"),  # Azure's agent: a public address that only answers inside
    IPv4Network("192.0.0.192/32"),  # Oracle, classic
    IPv6Network("fd00:ec2::/32"),  # AWS
    IPv6Network("fd20:ce::254/128"),  # Google
)
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_COMPATIBLE = IPv6Network("::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# `ipaddress` calls some of these global, depending on the Python version.
_NOT_PUBLIC: tuple[Network, ...] = (
    IPv4Network("100.64.0.0/10"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("198.18.0.0/15"),
    IPv6Network("2001::/23"),
    IPv6Network("2001:db8::/32"),
    IPv6Network("2002::/16"),
    IPv6Network("3fff::/20"),
)


@dataclass(frozen=True, slots=True)
class AllowedName:
    """A host, by name, that may be reached wherever it points; `port` None means any."""

    name: str
    port: int | None


@dataclass(frozen=True, slots=True)
class AllowedNetwork:
    """Addresses that may be reached; `port` None means any."""

    network: Network
    port: int | None


@dataclass(frozen=True, slots=True)
class AllowHosts:
    """What `DOZVON_ALLOW_HOSTS` opens beyond public addresses over https."""

    names: tuple[AllowedName, ...] = ()
    networks: tuple[AllowedNetwork, ...] = ()

    def has_name(self, host: str, port: int) -> bool:
        return any(entry.name == plain_name(host) and entry.port in (None, port) for entry in self.names)

    def has_address(self, address: Address, port: int) -> bool:
        return any(
            face in entry.network and entry.port in (None, port) for entry in self.networks for face in faces(address)
        )


def plain_name(host: str) -> str:
    """A host name as it is compared: lower-case, without a trailing dot or brackets."""
    return host.lower().rstrip(".").strip("[]")


def parse_allow_hosts(entries: Sequence[str]) -> AllowHosts:
    """Read entries of `DOZVON_ALLOW_HOSTS`: "crm.local", "crm.local:8080", "10.0.0.0/8", "fd00::1", "[fd00::1]:80".

    Raises `ConfigurationError` naming the entry that is none of these.
    """
    names: list[AllowedName] = []
    networks: list[AllowedNetwork] = []
    for entry in entries:
        read = _parse_entry(entry.strip())
        if isinstance(read, AllowedName):
            names.append(read)
        else:
            networks.append(read)
    return AllowHosts(tuple(names), tuple(networks))


def _parse_entry(entry: str) -> AllowedName | AllowedNetwork:
    try:
        return AllowedNetwork(ip_network(entry.strip("[]"), strict=False), None)
    except ValueError:
        pass
    host, port = _host_and_port(entry)
    try:
        return AllowedNetwork(ip_network(host), port)
    except ValueError:
        return AllowedName(host, port)


def _host_and_port(entry: str) -> tuple[str, int | None]:
    try:
        url = parse_url(f"http://{entry}")
    except LocationParseError:
        url = None
    odd = any(character in entry for character in "/?#@*%")
    if url is None or not url.host or odd:
        raise ConfigurationError(
            f"DOZVON_ALLOW_HOSTS has an entry that is no host and no network: {entry!r}.",
            "Write host, host:port or a network like 10.0.0.0/8, separated by commas.",
        )
    return plain_name(url.host), url.port


def faces(address: Address) -> tuple[Address, ...]:
    """The address itself, and the IPv4 address that it carries inside, if it does.

    A gateway or the kernel turns mapped, NAT64, 6to4 and Teredo addresses back into the inner one.
    """
    inner = _inner(address) if isinstance(address, IPv6Address) else None
    return (address,) if inner is None else (address, inner)


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64 or address in _NAT64_LOCAL or address in _COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        return address.sixtofour
    return address.teredo[1] if address.teredo is not None else None


def is_metadata(address: Address) -> bool:
    """Whether a cloud keeps its machine's secrets there. Such an address is never called."""
    return any(face in network for face in faces(address) for network in _METADATA)


def is_public(address: Address) -> bool:
    """Whether the address belongs to the open internet, seen through mapping and NAT64."""
    if isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address in _NAT64):
        address = faces(address)[-1]
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    odd = address.is_multicast or address.is_reserved or any(address in network for network in _NOT_PUBLIC)
    return address.is_global and not odd


def permitted(host: str, port: int, *, tls: bool, addresses: Sequence[str], allow: AllowHosts) -> tuple[Address, ...]:
    """The addresses of `host` that may be called, in the order given.

    Raises `Rejected` in words for people: metadata behind the name at all, an address that is
    neither public nor allowed, or plain http to what is not allowed.
    """
    found = tuple(ip_address(text) for text in addresses)
    if any(is_metadata(address) for address in found):
        raise Rejected(
            f"{host} leads to a cloud metadata address, which is never called. Correct the address of the "
            "connection; DOZVON_ALLOW_HOSTS cannot open this one."
        )
    if allow.has_name(host, port):
        return found
    allowed = tuple(address for address in found if allow.has_address(address, port))
    if allowed:
        return allowed
    _require_public(host, port, tls=tls, found=found)
    return found


def _require_public(host: str, port: int, *, tls: bool, found: Sequence[Address]) -> None:
    if not all(is_public(address) for address in found):
        raise Rejected(
            f"{host} leads to a private address, which is not called. If it is yours, "
            f"add {_spelled(host, port)} to DOZVON_ALLOW_HOSTS."
        ).because("private_address", host=_spelled(host, port))
    if not tls:
        raise Rejected(
            f"{host} is called over https only. Use https:// in the address of the connection, "
            f"or add {_spelled(host, port)} to DOZVON_ALLOW_HOSTS."
        ).because("https_only", host=_spelled(host, port))


def _spelled(host: str, port: int) -> str:
    name = plain_name(host)
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
