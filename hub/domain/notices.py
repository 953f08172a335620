"""What an outside system tells us that is not about a call's course."""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.domain.events import Result
from hub.domain.phone import Phone


@dataclass(frozen=True, slots=True)
class CommandAnswered:
    """A PBX took a command of ours, or refused it; what then happens to the call comes as call events.

    `gone`: it was refused because the leg it was about had ended. `reason` is why a refused one was refused.
    """

    command_id: str
    accepted: bool
    code: str
    gone: bool = False
    reason: Result | None = None


@dataclass(frozen=True, slots=True)
class PartyChanged:
    """A person, company, lead or deal changed in the CRM; `kind` is the vendor's word for what it is."""

    kind: str
    id: str
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class DialRequested:
    """An employee clicked a number in the CRM. `crm_call_id` is the CRM's own id of the call it opened, if it did."""

    client: Phone
    user_id: str
    line: Phone | None = None
    crm_call_id: str | None = None
    party_kind: str | None = None
    party_id: str | None = None


@dataclass(frozen=True, slots=True)
class CallbackWanted:
    """A visitor asked to be called back through a form of the CRM."""

    client: Phone
    text: str = ""
    line: Phone | None = None
    party_kind: str | None = None
    party_id: str | None = None


@dataclass(frozen=True, slots=True)
class Uninstalled:
    """The app was removed over there; `wipe` when the customer asked that their data be deleted."""

    wipe: bool = False


@dataclass(frozen=True, slots=True)
class AccessChanged:
    """The vendor says that the app's standing changed (paid, not paid, updated); `facts` are its words."""

    facts: dict[str, str] = field(default_factory=dict)


Notice = CommandAnswered | PartyChanged | DialRequested | CallbackWanted | Uninstalled | AccessChanged
