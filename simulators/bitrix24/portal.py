"""The state of one portal: people, CRM, calls, handlers, tokens. One `Portal` is one tenant."""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .clock import Clock
from .faults import Faults
from .ledger import Ledger
from .limits import LeakyBuckets, OperatingTime

ALL_SCOPES = ("crm", "telephony", "user_basic", "department", "timeman", "placement", "call")


@dataclass
class User:
    """An employee. `timeman` is the working-day state, `statistics` the right to see call statistics."""

    id: int
    name: str
    last_name: str = ""
    extension: str = ""
    email: str = ""
    work_phone: str = ""
    personal_mobile: str = ""
    departments: tuple[int, ...] = (1,)
    active: bool = True
    admin: bool = False
    online: bool = True
    timeman: str = "OPENED"
    user_type: str = "employee"
    statistics: bool = True


@dataclass
class Settings:
    """Switches of a portal; the first value of each is the strict one."""

    crm_mode: Literal["classic", "simple"] = "classic"
    webhook_telephony: Literal["deny", "allow"] = "deny"
    refresh_mode: Literal["strict", "grace"] = "strict"
    grace_seconds: float = 60.0
    rotated_access_error: str = "NO_AUTH_FOUND"
    omit_operating: bool = False
    empty_error_codes: bool = False
    limited: bool = True
    bucket_capacity: float = 50.0
    bucket_leak_per_second: float = 2.0
    operating_limit_seconds: float = 480.0
    lead_creation_error: str = ""
    event_delay_seconds: float = 0.0
    event_handler_id: bool = True
    event_server_endpoint: bool = True
    event_tokens: bool = True
    slow_handler_seconds: float = 2.0


@dataclass
class App:
    """The local application that is installed on the portal."""

    client_id: str
    client_secret: str
    application_token: str
    scope: tuple[str, ...] = ALL_SCOPES
    installed: bool = True
    removed: bool = False
    redirect_uri: str = ""
    name: str = "Dozvon"
    version: int = 1
    id: int = 17


@dataclass
class Grant:
    """One pair of tokens. `dead_since` is set when a refresh replaced the pair by `successor`."""

    access: str
    refresh: str
    user_id: int
    scope: tuple[str, ...]
    expires_at: float
    refresh_expires_at: float
    dead_since: float | None = None
    successor: Grant | None = None


@dataclass
class LiveCall:
    """A registered call that was not finished yet."""

    call_id: str
    app_id: str
    user_id: int
    phone: str
    type: int
    line: str
    external_call_id: str
    started_at: float
    entity_type: str = ""
    entity_id: int | None = None
    created: list[tuple[str, int]] = field(default_factory=list)
    click_to_call: bool = False
    lead_error: str = ""


@dataclass(frozen=True)
class Record:
    """An audio file that was attached to a call; `mime` came from its content."""

    file_id: int
    call_id: str
    filename: str
    mime: str
    content: bytes
    at: float


@dataclass
class UploadToken:
    """Permission to post one file for one call."""

    call_id: str
    filename: str
    expires_at: float
    used: bool = False


@dataclass(frozen=True)
class Handler:
    """An event binding. An empty `url` means the offline queue."""

    id: int
    event: str
    url: str
    user_id: int
    offline: bool
    connector: str = ""


@dataclass(frozen=True)
class Occurrence:
    """Something that happened and that handlers may hear of; `user_id` None means no acting user."""

    event: str
    params: Mapping[str, Any]
    user_id: int | None
    at: float
    connector: str = ""


_FIRST_IDS = {"LEAD": 5100, "CONTACT": 870, "COMPANY": 300, "DEAL": 200, "activity": 40100, "statistics": 9030}
_FIRST_IDS |= {"file": 8120, "handler": 30, "trace": 70, "comment": 700, "line": 6, "multifield": 2000}


def _nobody_listens(_occurrence: Occurrence) -> None:
    return None


@dataclass
class Portal:
    """Everything that one tenant owns. Change it only while holding `lock`."""

    domain: str
    auth_domain: str
    member_id: str
    app: App
    users: dict[int, User]
    clock: Clock
    ledger: Ledger
    settings: Settings = field(default_factory=Settings)
    webhooks: dict[tuple[int, str], tuple[str, ...]] = field(default_factory=dict)
    faults: Faults = field(init=False)
    buckets: LeakyBuckets = field(default_factory=LeakyBuckets)
    operating: OperatingTime = field(default_factory=OperatingTime)
    lock: threading.RLock = field(default_factory=threading.RLock)
    emit: Callable[[Occurrence], None] = _nobody_listens
    old_domains: set[str] = field(default_factory=set)

    grants: list[Grant] = field(default_factory=list)
    codes: dict[str, tuple[int, float]] = field(default_factory=dict)
    crm: dict[str, dict[int, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    userfields: dict[str, dict[int, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    statuses: list[dict[str, Any]] = field(default_factory=list)
    activities: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    log_messages: list[dict[str, Any]] = field(default_factory=list)
    traces: dict[int, dict[str, Any]] = field(default_factory=dict)
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    live: dict[str, LiveCall] = field(default_factory=dict)
    cards: dict[str, set[int]] = field(default_factory=dict)
    statistics: list[dict[str, Any]] = field(default_factory=list)
    records: dict[int, Record] = field(default_factory=dict)
    transcripts: dict[int, dict[str, Any]] = field(default_factory=dict)
    uploads: dict[str, UploadToken] = field(default_factory=dict)
    missed: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    handlers: list[Handler] = field(default_factory=list)
    offline: list[dict[str, Any]] = field(default_factory=list)
    placements: list[dict[str, Any]] = field(default_factory=list)
    departments: list[dict[str, Any]] = field(default_factory=list)
    _counters: dict[str, int] = field(default_factory=lambda: dict(_FIRST_IDS))

    def __post_init__(self) -> None:
        self.faults = Faults(self.clock)

    @property
    def base_url(self) -> str:
        """Where people and programs reach the portal."""
        return f"http://{self.domain}"

    @property
    def client_endpoint(self) -> str:
        """The prefix of every REST call."""
        return f"{self.base_url}/rest/"

    @property
    def server_endpoint(self) -> str:
        """The prefix of the auth server's REST."""
        return f"http://{self.auth_domain}/rest/"

    def next_id(self, kind: str) -> int:
        """The next number of a kind of thing."""
        self._counters[kind] = self._counters.get(kind, 0) + 1
        return self._counters[kind]

    def user_by_extension(self, extension: str) -> User | None:
        """The active user with exactly this inner number."""
        return next((user for user in self.users.values() if user.active and user.extension == extension), None)

    def happened(self, event: str, params: Mapping[str, Any], user_id: int | None, connector: str = "") -> None:
        """Tells the bound handlers, after the answer, that something happened."""
        self.emit(Occurrence(event.upper(), params, user_id, self.clock(), connector))

    def offence(self, code: str, detail: str) -> None:
        """Notes that the client broke a rule of the protocol."""
        self.ledger.offend(self.member_id, code, detail, self.clock())


def new_secret(length: int = 40) -> str:
    """An invented credential of so many hexadecimal digits."""
    return secrets.token_hex(length // 2)
