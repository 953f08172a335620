"""What an account holds. The rules are elsewhere."""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators.common.ledger import Ledger

from .clock import Clock
from .faults import Faults
from .limits import Gate
from .settings import Settings

Entity = dict[str, Any]

WON, LOST = 142, 143
SINGULAR = {"leads": "lead", "contacts": "contact", "companies": "company"}


@dataclass(frozen=True)
class User:
    """A person in the account; `rights` name what differs from all ("A"), such as `{"leads.edit": "D"}`."""

    id: int
    name: str
    email: str
    phone: str = ""
    is_admin: bool = False
    is_active: bool = True
    rights: Mapping[str, str] = field(default_factory=dict)

    def may(self, entity_type: str, action: str) -> bool:
        """Whether the right is anything but denied."""
        return self.is_admin or self.rights.get(f"{entity_type}.{action}", "A") != "D"


@dataclass
class Integration:
    """An OAuth client; `kind` is private, public or external (amocrm.md §1.1)."""

    client_id: str
    client_secret: str
    redirect_uri: str
    disconnect_url: str = ""
    kind: str = "private"
    name: str = "Dozvon"
    has_widget: bool = False


@dataclass
class Grant:
    """A pair of tokens. A long-lived token has no refresh token."""

    access: str
    refresh: str
    account_id: int
    client_id: str
    user_id: int
    expires_at: float
    refresh_expires_at: float
    replaced: bool = False
    used: bool = False
    refused: bool = False
    revoked: bool = False
    successor: Grant | None = None


@dataclass(frozen=True)
class Code:
    """A code of the consent step."""

    account_id: int
    client_id: str
    user_id: int
    expires_at: float


@dataclass(frozen=True)
class Occurrence:
    """Something that webhooks may tell: `code` is the name in `settings`, `body` what is posted beside the account."""

    code: str
    body: Mapping[str, Any]


def _nobody_listens(_occurrence: Occurrence) -> None:
    return None


_FIRST_IDS = {"leads": 7700, "contacts": 1100, "companies": 2100, "notes": 37000000, "tasks": 4100, "tags": 60}
_FIRST_IDS |= {"sources": 900, "webhooks": 80, "fields": 900, "enums": 50, "events": 1}


@dataclass
class Account:
    """Everything that one account owns. Change it only while holding `lock`."""

    id: int
    subdomain: str
    host: str
    api_domain: str
    users: dict[int, User]
    clock: Clock
    ledger: Ledger
    settings: Settings = field(default_factory=Settings)
    gate: Gate = field(default_factory=Gate)
    lock: threading.RLock = field(default_factory=threading.RLock)
    emit: Callable[[Occurrence], None] = _nobody_listens
    faults: Faults = field(init=False)
    old_ports: set[int] = field(default_factory=set)

    installed: set[str] = field(default_factory=set)
    entities: dict[str, dict[int, Entity]] = field(default_factory=lambda: defaultdict(dict))
    fields: dict[str, dict[int, Entity]] = field(default_factory=lambda: defaultdict(dict))
    pipelines: dict[int, Entity] = field(default_factory=dict)
    links: list[Entity] = field(default_factory=list)
    notes: dict[int, Entity] = field(default_factory=dict)
    tasks: dict[int, Entity] = field(default_factory=dict)
    tags: dict[str, dict[int, Entity]] = field(default_factory=lambda: defaultdict(dict))
    unsorted: dict[str, Entity] = field(default_factory=dict)
    sources: dict[int, Entity] = field(default_factory=dict)
    webhooks: dict[int, Entity] = field(default_factory=dict)
    widgets: dict[str, Entity] = field(default_factory=dict)
    cards: list[Entity] = field(default_factory=list)
    events: list[Entity] = field(default_factory=list)
    _counters: dict[str, int] = field(default_factory=lambda: dict(_FIRST_IDS))

    def __post_init__(self) -> None:
        self.faults = Faults(self.clock)

    @property
    def base_url(self) -> str:
        """The address of the account."""
        return f"http://{self.host}"

    def now(self) -> int:
        """Whole unix seconds."""
        return int(self.clock())

    def next_id(self, kind: str) -> int:
        """The next number of a kind of thing."""
        self._counters[kind] = self._counters.get(kind, 0) + 1
        return self._counters[kind]

    def active_user(self, user_id: Any) -> bool:
        """Whether there is such a user, who was not fired."""
        user = self.users.get(user_id) if isinstance(user_id, int) else None
        return user is not None and user.is_active

    def living(self, entity_type: str) -> list[Entity]:
        """Entities that were not deleted, oldest first."""
        return [one for one in self.entities[entity_type].values() if not one["is_deleted"]]

    def living_one(self, entity_type: str, entity_id: Any) -> Entity | None:
        """The entity, unless it is unknown or deleted."""
        found = self.entities[entity_type].get(entity_id) if isinstance(entity_id, int) else None
        return None if found is None or found["is_deleted"] else found

    def main_pipeline(self) -> Entity:
        """The pipeline that is meant when none is named."""
        return next(one for one in self.pipelines.values() if one["is_main"])

    def href(self, path: str) -> Entity:
        """A HAL link to an address of the API."""
        return {"self": {"href": f"{self.base_url}/api/v4/{path}"}}

    def happened(self, code: str, body: Mapping[str, Any]) -> None:
        """Tells the webhooks, after the answer, that something happened."""
        self.emit(Occurrence(code, body))

    def offence(self, code: str, detail: str) -> None:
        """Notes that the client did what it should not do."""
        self.ledger.write("offence", account=self.subdomain, code=code, detail=detail, time=self.clock())


class World:
    """The accounts of one simulator with their integrations, codes and tokens."""

    def __init__(self, clock: Clock, ledger: Ledger) -> None:
        self.clock = clock
        self.ledger = ledger
        self.lock = threading.RLock()
        self.accounts: dict[int, Account] = {}
        self.integrations: dict[str, Integration] = {}
        self.codes: dict[str, Code] = {}
        self.used_codes: set[str] = set()
        self.grants: list[Grant] = []

    def grant_of_access(self, token: str) -> Grant | None:
        """The pair with this access token."""
        return next((one for one in self.grants if one.access == token), None)

    def grant_of_refresh(self, token: str) -> Grant | None:
        """The pair with this refresh token."""
        return next((one for one in self.grants if one.refresh and one.refresh == token), None)


def new_secret(length: int = 40) -> str:
    """An invented credential of so many hexadecimal digits."""
    return secrets.token_hex(length // 2)
