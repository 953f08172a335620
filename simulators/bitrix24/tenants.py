"""Several portals in one process: which of them a request means."""

from __future__ import annotations

from .portal import Portal


class Tenants:
    """The portals of a simulator, found by the host and port that a request came to, or by `member_id`."""

    def __init__(self) -> None:
        self.portals: list[Portal] = []

    def add(self, portal: Portal) -> None:
        """Takes in one more portal."""
        self.portals.append(portal)

    def by_host(self, host: str) -> Portal | None:
        """The portal with this address, new or old; another name for the same port is good enough."""
        for portal in self.portals:
            if host == portal.domain or host in portal.old_domains:
                return portal
        port = host.rpartition(":")[2]
        return next(
            (one for one in self.portals if port in {_port(name) for name in (one.domain, *one.old_domains)}), None
        )

    def by_member(self, member_id: str) -> Portal | None:
        """The portal with this id, which never changes."""
        return next((one for one in self.portals if one.member_id == member_id), None)


def _port(domain: str) -> str:
    return domain.rpartition(":")[2]
