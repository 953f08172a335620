"""The values that a call is made of: what it is played with, its legs, its recordings, orders for it (mango.md §2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Place = Literal["ivr", "queue", "abonent"]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a timeline is played with. Numbers are digits as Mango writes them; `client` None hides the caller.

    Times are seconds of the PBX's clock. `hangs_up` says who ends the talk. `tracking` is `dct.type` (0, 1, 2; None:
    the product has no call tracking). `reason` is why nobody talks. `wait_for_command_seconds` are real seconds that
    a caller stays where a command may still move the call, `rings_really_seconds` those that a telephone rings in real
    time before it is picked up, however fast the PBX's clock goes.
    """

    client: str | None = "79001234567"
    line: str = "74950000001"
    extension: str = "101"
    other_extension: str = "102"
    group: str = "300"
    start: datetime | None = None
    menu_seconds: float = 4
    ring_seconds: float = 8
    talk_seconds: float = 60
    hold_seconds: float = 20
    file_after_seconds: float = 15
    digit: str | None = "1"
    hangs_up: Literal["client", "employee"] = "client"
    reason: int | None = None
    recorded: bool = True
    tracking: int | None = None
    wait_for_command_seconds: float = 5.0
    rings_really_seconds: float = 0.0
    command_id: str | None = None
    callback_initiator: str | None = "API"


@dataclass(frozen=True, slots=True)
class Order:
    """A command of the hub that changes how a call goes on. `call_id` is the leg it names."""

    kind: Literal["route", "hangup", "transfer", "recording", "stop"]
    call_id: str
    command_id: str | None
    to: str = ""
    method: str = "blind"


STOP = Order("stop", "", None)


class Stopped(Exception):
    """The PBX is being switched off: the call is left as it stands."""


class Ordered(Exception):
    """Raised out of a script at the moment when an order for its call comes in."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.kind)
        self.order = order


@dataclass(slots=True)
class Recording:
    recording_id: str
    entry_id: str
    extension: str
    leg: Leg
    seq: int = 0
    completed: bool = False
    added: bool = False


@dataclass(slots=True)
class Leg:
    """`frm` and `to` are the `from` and `to` of its events; `state` the last one stated."""

    call_id: str
    place: Place
    frm: dict[str, str]
    to: dict[str, str]
    command_id: str | None = None
    transfer: str | None = None
    seq: int = 0
    state: str = ""
    appeared_at: int = 0
    connected_at: int = 0
    ended_at: int = 0
    reason: int = 0

    @property
    def extension(self) -> str | None:
        return self.to.get("extension") or self.frm.get("extension")

    @property
    def is_over(self) -> bool:
        return self.state == "Disconnected"
