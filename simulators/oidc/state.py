"""What one provider knows: its clients, its people, its keys, and the codes and tokens that it gave out."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.common.ledger import Ledger
from simulators.oidc.faults import FAULTS
from simulators.oidc.keys import SigningKey, new_key

CODE_SECONDS = 60


@dataclass(frozen=True)
class Client:
    """A client as it was registered; without a secret it is a public one."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]


@dataclass(frozen=True)
class Person:
    """`subject` never changes; the address may."""

    subject: str
    email: str
    email_verified: bool | str = True


@dataclass
class Grant:
    """A code that was given out, and what it is bound to. `access_token` is set once it was exchanged."""

    client_id: str
    redirect_uri: str
    person: Person
    nonce: str | None
    challenge: str
    given_at: float
    access_token: str = ""


@dataclass
class ProviderState:
    """`now` gives unix seconds, the provider's own clock."""

    issuer: str
    clients: dict[str, Client]
    people: dict[str, Person]
    ledger: Ledger
    now: Callable[[], float] = time.time
    alg: str = "RS256"
    slow_seconds: float = 5.0
    faults: set[str] = field(default_factory=set)
    grants: dict[str, Grant] = field(default_factory=dict)
    keys: list[SigningKey] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.keys = self.keys or [new_key(self.alg)]

    def switch(self, *names: str) -> None:
        """Do these faults from now on and no others. Raises `ValueError` for one that there is not."""
        unknown = set(names) - set(FAULTS)
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}")
        self.faults = set(names)

    def rotate(self, *, keep_name: bool = False, alg: str | None = None) -> None:
        """Sign with a new key and forget the old one; `keep_name` gives it the old one's name, as some do."""
        old = self.keys[0]
        self.keys = [new_key(alg or old.alg, old.kid if keep_name else None)]

    def offend(self, code: str, words: str) -> None:
        """Note what the other side may not do."""
        self.ledger.write("offence", code=code, words=words)

    def give_code(self, grant: Grant) -> str:
        code = secrets.token_urlsafe(24)
        with self.lock:
            self.grants[code] = grant
        return code

    def owner_of(self, access_token: str) -> Person | None:
        with self.lock:
            grants = list(self.grants.values())
        return next((one.person for one in grants if one.access_token and one.access_token == access_token), None)
