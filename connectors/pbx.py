"""What the hub asks of a PBX's folder; each capability by itself, for few PBXs have them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from connectors.door import ConnectionFacts, Door
from hub.domain.access import QuotaRule
from hub.domain.events import CallEvent
from hub.domain.phone import Phone


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

    def callback(
        self, door: Door, *, command_id: str, extension: str, client: Phone, line: Phone | None, label: str = ""
    ) -> None:
        """Ring the employee, then the client, from `line` where one is given.

        `label` says in a few words what the call is about, for the employee's telephone where it can show them.
        """

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


class PbxKeyPress(Protocol):
    """A PBX that can ask the employee for a key before it rings the client: voicemail and menus press none."""

    def confirmed_callback(
        self, door: Door, *, command_id: str, extension: str, client: Phone, line: Phone | None, label: str = ""
    ) -> None:
        """As `PbxCommands.callback`, at its pace; without the key the client is not rung."""


@dataclass(frozen=True, slots=True)
class ListedExtension:
    """A short number as the PBX lists it: of an employee ("user") or of a group ("group")."""

    extension: str
    kind: str
    name: str = ""
    email: str = ""


class PbxDirectory(Protocol):
    def extensions(self, door: Door) -> Sequence[ListedExtension]:
        """The short numbers of employees and groups, complete. Raises delivery errors; never returns a part."""


@dataclass(frozen=True, slots=True)
class ForwardRule:
    """A PBX's own rule "this caller goes there". `client` is E.164, or a mask that somebody wrote.

    `target` names whom it rings, as `PbxForwarding.targets` does; empty for anybody else, or when it is switched off.
    `ours` says that the hub made it.
    """

    id: str
    client: str
    target: str
    ours: bool


class PbxForwarding(Protocol):
    """A PBX that can be told in advance where certain callers go. Raises `Rejected` when the product cannot."""

    def rules(self, door: Door) -> Sequence[ForwardRule]:
        """All rules, ours and others', complete. Raises delivery errors; never returns a part."""

    def targets(self, door: Door) -> Mapping[str, str]:
        """The PBX's own name of whom each short number stands for."""

    def add(self, door: Door, *, client: str, target: str) -> None:
        """Make a rule that is known as ours. A number that has a rule already is refused."""

    def change(self, door: Door, rule: ForwardRule, *, target: str) -> None: ...

    def remove(self, door: Door, rule: ForwardRule) -> None: ...


@dataclass(frozen=True, slots=True)
class FirmLine:
    """A number of the firm's own, and what the PBX calls it."""

    number: Phone
    name: str = ""


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
