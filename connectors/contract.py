"""What the hub asks of an outside system's folder. The hub never names a vendor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from marshmallow import Schema

from connectors.door import ConnectionFacts, Door, Json, RecordingFile, StepResult
from connectors.pbx import (
    FirmLine,
    ForwardRule,
    ListedExtension,
    Pbx,
    PbxCommands,
    PbxDirectory,
    PbxForwarding,
    PbxHistory,
    PbxKeyPress,
    PbxLines,
)
from connectors.rules import ClientNow, CrmClients, CrmRules
from connectors.steps import Absent, Found, LookUp, Step, StepSpec, Unclear, Unsupported
from hub.domain.access import QuotaRule, TokenPair
from hub.domain.errors import DeliveryError
from hub.domain.intents import Intent
from hub.domain.notices import DialRequested
from hub.domain.phone import Phone
from webhooks.contract import Hook

__all__ = [
    "Absent",
    "ClientNow",
    "ConnectionFacts",
    "Connector",
    "Crm",
    "CrmClients",
    "CrmDials",
    "CrmLog",
    "CrmRules",
    "CrmTogether",
    "CrmUser",
    "Door",
    "FirmLine",
    "ForwardRule",
    "Found",
    "Json",
    "ListedExtension",
    "LoggedCall",
    "LookUp",
    "OAuth",
    "OpenDoor",
    "OwnedPhone",
    "Owners",
    "OwnersPage",
    "Pbx",
    "PbxCommands",
    "PbxDirectory",
    "PbxForwarding",
    "PbxHistory",
    "PbxKeyPress",
    "PbxLines",
    "RecordingFile",
    "ReferenceItem",
    "Registry",
    "Step",
    "StepResult",
    "StepSpec",
    "Surroundings",
    "Unclear",
    "Unsupported",
]


# --- CRM ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CrmUser:
    """An employee in the CRM's directory."""

    user_id: str
    name: str
    extension: str | None
    active: bool
    email: str | None = None


class Crm(Protocol):
    def steps(self, intent: Intent) -> Sequence[StepSpec] | Unsupported:
        """Pure. The rows that bring the intent about, in any order."""

    def perform(self, step: Step, door: Door) -> StepResult:
        """Make the one write (and the harmless reads around it). Returns the ids the CRM gave.

        Raises the delivery errors of `hub.domain.errors`, and nothing else.
        """

    def look_up(self, step: Step, door: Door) -> LookUp:
        """Whether an earlier try of this step was carried out, found by our key in the CRM."""

    def quota(self, connection: ConnectionFacts) -> QuotaRule | None:
        """The vendor's request budget; None where there is none."""

    def users(self, door: Door) -> Sequence[CrmUser]:
        """The employees, complete. Raises delivery errors; never returns a part."""


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """A call as the CRM shows it: its own id of it, whether a recording is attached, how often it is there."""

    crm_id: str
    recorded: bool
    copies: int = 1


class CrmLog(Protocol):
    """What a CRM shows of the calls that the hub wrote: for reconciliation."""

    def logged(self, door: Door, since: datetime, until: datetime) -> Mapping[str, LoggedCall]:
        """The calls that began in `since` … `until`, by our own id of them (`CallFacts.call_id`); complete.

        Calls that do not carry an id are left out. Raises delivery errors; never returns a part.
        """


@dataclass(frozen=True, slots=True)
class OwnedPhone:
    """A phone as a CRM keeps it: of the party `kind` and `id`, whose owner is `owner_user_id`.

    `place` orders the parties of one phone, the smallest is preferred. `at_work` is what the CRM's time clock
    says of the owner at this moment; None when it says nothing.
    """

    phone: Phone
    kind: str
    id: str
    place: int
    name: str | None
    owner_user_id: str | None
    vip: bool = False
    at_work: bool | None = None


@dataclass(frozen=True, slots=True)
class OwnersPage:
    """A part of all owned phones; `cursor` goes on after it, None when this was the last."""

    phones: tuple[OwnedPhone, ...]
    cursor: str | None
    cards: tuple[tuple[str, str], ...] = ()
    """Kind and id of the cards that were read again, with phones or without: nothing else is known of them now."""


class Owners(Protocol):
    """Whose clients are whose, for routing: in bulk, by phone, and by card."""

    def find_owner(self, phone: Phone, door: Door) -> Sequence[OwnedPhone]:
        """The parties that the CRM keeps behind `phone` now, the one to prefer first; none for a stranger."""

    def owners(self, door: Door, cursor: str | None) -> OwnersPage:
        """The next part of all phones with their owners; resumable at any cursor. Raises delivery errors."""

    def party(self, kind: str, party_id: str, door: Door) -> Sequence[OwnedPhone] | None:
        """One card's phones now, none when it is gone or has none; None for a kind that has no phones.

        `kind` is that of `PartyChanged`. Raises delivery errors.
        """

    def kind_of(self, kind: str) -> str:
        """Pure. How the phones of a card of `PartyChanged.kind` are kept: `OwnedPhone.kind`."""


class OwnerChanges(Protocol):
    """A CRM that lists the cards which were changed: the net below events that got lost, or never come."""

    def changed_since(self, moment: datetime) -> str:
        """Pure. The cursor at which reading the changes since `moment` begins."""

    def changes(self, door: Door, cursor: str) -> OwnersPage:
        """The next part of them, with `OwnersPage.cards`; resumable at any cursor. Raises delivery errors.

        Cards that were removed need not be told of: a complete reading finds them missing.
        """


class CrmTogether(Protocol):
    """A CRM that takes writes of several steps in one request, and answers each of them."""

    most: int
    """How many steps at once."""

    def joins(self, step_key: str) -> bool:
        """Pure. Whether this step may share a request with others of its kind of intent."""

    def perform(self, steps: Sequence[Step], door: Door) -> Sequence[StepResult | DeliveryError]:
        """Make the one write of each; what became of each, in their order: its result, or what `Crm.perform` raises.

        Raises the delivery errors of a request as a whole: they hold for each of the steps.
        """


class CrmDials(Protocol):
    """A CRM that opens a call itself before the PBX has heard of it."""

    def adopted(self, dial: DialRequested) -> tuple[StepSpec, StepResult]:
        """Pure. The step that opening the call has done already, and its result."""

    def give_up(self, dial: DialRequested, reason: str, door: Door) -> None:
        """The call never came to be: close what was opened; closed already is as good. Raises delivery errors."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a CRM is to be kept in step with: our public address (no slash at the end) and the firm's lines.

    `hook_url` is the connection's own address for what it posts; "" when it has none.
    """

    public_url: str
    lines: tuple[FirmLine, ...] = ()
    hook_url: str = ""


@dataclass(frozen=True, slots=True)
class ReferenceItem:
    """One entry of a CRM's own dictionaries: `kind` is "source", "stage", "field" and the like, `id` the CRM's own.

    `parent` names what it belongs to (the pipeline of a stage, the entity of a field). `value_type` is the CRM's own
    type of a field.
    """

    kind: str
    id: str
    name: str
    parent: str = ""
    value_type: str = ""


class OAuth(Protocol):
    def refresh(self, door: Door, refresh_token: str) -> TokenPair:
        """Ask the auth server once. Raises `AuthRevoked`, `Unreachable` or `OutcomeUnknown`."""


@dataclass(frozen=True, slots=True)
class Connector:
    """One outside system: what it is called, what its connection form asks, what it can do.

    The schemas validate `[connection.settings]` and `[connection.secrets]` of the provisioning
    file and make the admin form; defaults in them are the vendor's real addresses.
    """

    vendor: str
    title: str
    settings: type[Schema]
    secrets: type[Schema]
    hook: Hook | None = None
    crm: Crm | None = None
    pbx: Pbx | None = None
    oauth: OAuth | None = None
    renew_after: timedelta | None = None
    """A pair that was not renewed for so long is renewed though nobody needs it: the vendor lets idle ones die."""
    history: PbxHistory | None = None
    crm_log: CrmLog | None = None
    commands: PbxCommands | None = None
    lines: PbxLines | None = None
    directory: PbxDirectory | None = None
    forwarding: PbxForwarding | None = None
    key_press: PbxKeyPress | None = None
    owners: Owners | None = None
    owner_changes: OwnerChanges | None = None
    dials: CrmDials | None = None
    together: CrmTogether | None = None
    upkeep: Callable[[Door, Surroundings], str] | None = None
    """Brings the other side in step with us (event handlers, lines); may be repeated. Returns a line for people."""
    reference: Callable[[Door], Sequence[ReferenceItem]] | None = None
    """The CRM's dictionaries, complete. Raises delivery errors; never returns a part."""
    rules: CrmRules | None = None
    clients: CrmClients | None = None
    """Whom it keeps, asked of the CRM itself; None where the index knows as much."""
    check: Callable[[Door], str] | None = None
    """Makes one harmless request; returns a line for people. Raises delivery errors."""


OpenDoor = Callable[[int], AbstractContextManager[Door]]
Registry = Mapping[str, Connector]
