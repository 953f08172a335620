"""One running provider as tests and demos see it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from simulators.common.ledger import Ledger
from simulators.common.serving import LOOPBACK, serving
from simulators.oidc.server import provider_app
from simulators.oidc.state import Client, Person, ProviderState


class SimulatedProvider:
    """A provider that listens; `state` has its faults, keys, people and ledger."""

    def __init__(self, state: ProviderState) -> None:
        self.state = state

    @property
    def issuer(self) -> str:
        return self.state.issuer

    def register(self, client_id: str, client_secret: str, *redirect_uris: str) -> None:
        self.state.clients[client_id] = Client(client_id, client_secret, redirect_uris)

    def add(self, subject: str, email: str, *, email_verified: bool | str = True) -> None:
        """A person who can log in; the same subject again changes their address."""
        self.state.people[subject] = Person(subject, email, email_verified)

    def offences(self) -> list[str]:
        """The codes of what the other side did wrong, oldest first."""
        return [str(entry["code"]) for entry in self.state.ledger.offences()]

    def asked(self, path: str) -> int:
        """How often an address was asked for."""
        return len(self.state.ledger.entries("asked", path=path))


@contextmanager
def simulated(
    *,
    port: int = 0,
    ledger: Path | None = None,
    clients: Sequence[Client] = (),
    people: Sequence[Person] = (),
    alg: str = "RS256",
    now: Callable[[], float] = time.time,
) -> Iterator[SimulatedProvider]:
    """Serve a provider on 127.0.0.1 while the block runs. `now` gives its clock in unix seconds."""
    state = ProviderState(
        "", {one.client_id: one for one in clients}, {one.subject: one for one in people}, Ledger(ledger), now, alg
    )
    with serving(provider_app(state), port) as listening:
        state.issuer = f"http://{LOOPBACK}:{listening}"
        try:
            yield SimulatedProvider(state)
        finally:
            state.stop.set()  # answers that are slow on purpose come at once
