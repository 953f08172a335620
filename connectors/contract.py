"""What the hub asks of an outside system's folder. The hub never names a vendor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from marshmallow import Schema

from hub.domain.access import QuotaRule, TokenPair, Tokens
from hub.domain.events import CallEvent
from hub.domain.intents import Intent, Lane
from hub.domain.notices import CallbackWanted, DialRequested
from hub.domain.phone import Phone
from hub.net.http import Http
from webhooks.contract import Hook

Json = object
StepResult = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """A workspace's link to one outside system, as its folder sees it. `secrets` is never logged."""

    id: int
    vendor: str
    name: str
    region: str
    timezone: str
    locale: str
    settings: Mapping[str, Json]
    secrets: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A kept recording: `extension` of the file name is "mp3" or "wav"."""

    path: Path
    extension: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Door:
    """Everything a connector may reach the world with; made anew for each piece of work.

    `spend(method)` takes one request from the connection's quota and must be called before each
    request to the vendor; it raises `Throttled` when the budget of this lane is used up.
    `remember(changes)` keeps changed connection settings (a renamed portal).
    """

    connection: ConnectionFacts
    http: Http
    tokens: Tokens
    now: Callable[[], datetime]
    spend: Callable[[str], None]
    recording: Callable[[str], RecordingFile]
    remember: Callable[[Mapping[str, Json]], None]


# --- CRM ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One outbox row that an intent needs: at most one write that cannot be repeated.

    `key` is unique inside (connection, call): two intents that need the same step share the row.
    Rows of a call go by `rank`, then in the order made. `needs` are keys of steps without whose
    result this one cannot be sent. `by_client`: never two at a time for one client number.
    `settles`: wait until the call's facts have come to rest. `lives_seconds`: expires after that.
    `resend_is_safe`: after an unknown outcome the CRM itself recognises the second try, so an absent
    row may be sent at once; otherwise an `Absent` is believed only after a grace period.
    """

    key: str
    rank: int
    lane: Lane
    lives_seconds: int
    repeatable: bool
    needs: tuple[str, ...] = ()
    by_client: bool = False
    settles: bool = False
    resend_is_safe: bool = False


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The vendor has no way to show this intent; said in the trace."""

    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """A step about to be sent, or looked up. `done` has the results of this call's finished steps by key."""

    key: str
    intent: Intent
    done: Mapping[str, StepResult]
    first_sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    result: StepResult


@dataclass(frozen=True, slots=True)
class Absent:
    """It is certainly not there: sending is safe."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """The CRM cannot tell yet; ask again later."""

    reason: str


LookUp = Found | Absent | Unclear


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


class CrmDials(Protocol):
    """A CRM that opens a call itself, or wants one opened, before the PBX has heard of it."""

    def open(self, wanted: CallbackWanted, *, command_id: str, staff: Sequence[str], door: Door) -> DialRequested:
        """Open a call for somebody who asked to be called back. `command_id` is our key of it, so a repeat is safe.

        `staff` are the users who can be rung, the first one for clients whom nobody owns. Raises delivery errors.
        """

    def adopted(self, dial: DialRequested) -> tuple[StepSpec, StepResult]:
        """Pure. The step that opening the call has done already, and its result."""

    def give_up(self, dial: DialRequested, reason: str, door: Door) -> None:
        """The call never came to be: close what was opened; closed already is as good. Raises delivery errors."""


@dataclass(frozen=True, slots=True)
class FirmLine:
    """A number of the firm's own, and what the PBX calls it."""

    number: Phone
    name: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a CRM is to be kept in step with: our public address (no slash at the end) and the firm's lines."""

    public_url: str
    lines: tuple[FirmLine, ...] = ()


@dataclass(frozen=True, slots=True)
class ReferenceItem:
    """One entry of a CRM's own dictionaries: `kind` is "source", "stage", "field" and the like, `id` the CRM's own.

    `parent` names what it belongs to (the pipeline of a stage, the entity of a field).
    """

    kind: str
    id: str
    name: str
    parent: str = ""


class OAuth(Protocol):
    def refresh(self, door: Door, refresh_token: str) -> TokenPair:
        """Ask the auth server once. Raises `AuthRevoked`, `Unreachable` or `OutcomeUnknown`."""


# --- PBX ------------------------------------------------------------------------------------------


class Pbx(Protocol):
    def fetch_recording(self, key: str, door: Door, sink: BinaryIO) -> str:
        """Write the audio into `sink`; returns its content type.

        Raises `NotReady` while the PBX has no file yet, `Rejected` when there will be none.
        """

    def quota(self, connection: ConnectionFacts) -> QuotaRule | None: ...


class PbxCommands(Protocol):
    """What a PBX may be told to do. What then happens comes as call events that carry `command_id`.

    Each method makes one command and returns when the PBX has taken it. Raises the delivery errors;
    `Rejected` also before anything is sent, for what the PBX could only refuse. None may be repeated
    after `OutcomeUnknown`: a telephone may be ringing.
    """

    def callback(self, door: Door, *, command_id: str, extension: str, client: Phone, line: Phone | None) -> None:
        """Ring the employee, then the client, from `line` where one is given."""

    def callback_group(
        self, door: Door, *, command_id: str, group: str, client: Phone, line: Phone, client_first: bool = False
    ) -> None:
        """The same with whoever of a group is free; `client_first` rings the client before the group."""

    def route(self, door: Door, *, command_id: str, leg_key: str, to: str) -> None:
        """Send a leg that is not answered yet to an extension, a group or a number."""

    def hangup(self, door: Door, *, command_id: str, leg_key: str) -> None:
        """End a leg."""

    def pace(self, connection: ConnectionFacts, command: str) -> QuotaRule | None:
        """The vendor's own limit for one of the commands above, by its name; None where the common budget is all."""


@dataclass(frozen=True, slots=True)
class ListedExtension:
    """A short number as the PBX lists it: of an employee ("user") or of a group ("group")."""

    extension: str
    kind: str
    name: str = ""


class PbxDirectory(Protocol):
    def extensions(self, door: Door) -> Sequence[ListedExtension]:
        """The short numbers of employees and groups, complete. Raises delivery errors; never returns a part."""


class PbxLines(Protocol):
    def lines(self, door: Door) -> Sequence[FirmLine]:
        """The firm's lines, complete. Raises delivery errors."""


class PbxHistory(Protocol):
    """A PBX's own list of calls: for reconciliation, because PBXs lose events."""

    def history(self, door: Door, since: datetime, until: datetime) -> Sequence[CallEvent]:
        """What the PBX tells of every call that is over and began in `since` … `until`; complete.

        The events carry the same `call_key` and `leg_key` as those that were pushed, an `event_key`
        of their own, and `from_history`. Raises delivery errors, `NotReady` when the list was not
        made in time; never returns a part. May wait for up to a minute.
        """


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
    history: PbxHistory | None = None
    crm_log: CrmLog | None = None
    commands: PbxCommands | None = None
    lines: PbxLines | None = None
    directory: PbxDirectory | None = None
    owners: Owners | None = None
    dials: CrmDials | None = None
    upkeep: Callable[[Door, Surroundings], str] | None = None
    """Brings the other side in step with us (event handlers, lines); may be repeated. Returns a line for people."""
    reference: Callable[[Door], Sequence[ReferenceItem]] | None = None
    """The CRM's dictionaries, complete. Raises delivery errors; never returns a part."""
    check: Callable[[Door], str] | None = None
    """Makes one harmless request; returns a line for people. Raises delivery errors."""


OpenDoor = Callable[[int], AbstractContextManager[Door]]
Registry = Mapping[str, Connector]
