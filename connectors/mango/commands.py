"""What Mango is told to do, and whom it lists (`mango.md` §3, §4.4). Each command is one request, sent once.

Two invalid requests within two minutes lock the whole API (`mango.md §6.2`), so whatever Mango could
only refuse is refused here, before anything is sent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from connectors.contract import ConnectionFacts, Door, FirmLine, ListedExtension
from connectors.mango.client import call
from connectors.mango.fields import Fields
from hub.domain.access import QuotaRule
from hub.domain.errors import Rejected, Unreachable
from hub.domain.phone import Phone, parse_phone

_EXTENSION = re.compile(r"\d{1,10}")
_TARGET = re.compile(r"\d{1,20}|sip:[^\s@]+@[^\s@]+")
_LONGEST_ID_BYTES = 128
_LONGEST_HEADER_BYTES = 64
_PER_TWO_SECONDS = 0.47  # a little less than one in two seconds: a network may bring two requests closer together
_PACES: Mapping[str, float] = {
    "route": _PER_TWO_SECONDS,
    "transfer": _PER_TWO_SECONDS,
    "extensions": _PER_TWO_SECONDS,
    "callback": 2.0,
    "callback_group": 2.0,
    "hangup": 2.0,
}
_METHODS = ("blind", "hold")


class MangoCommands:
    """The `PbxCommands` of Mango Office."""

    def callback(
        self, door: Door, *, command_id: str, extension: str, client: Phone, line: Phone | None, label: str = ""
    ) -> None:
        order: dict[str, object] = {
            "command_id": _id(command_id),
            "from": {"extension": _extension(extension)},
            "to_number": _outside(client),
        }
        if line is not None:
            order["line_number"] = _line(line)
        shown = _shown(label)
        if shown:
            order["sip_headers"] = {"From/display-name": shown}
        call(door, "commands/callback", order, write=True)

    def callback_group(
        self, door: Door, *, command_id: str, group: str, client: Phone, line: Phone, client_first: bool = False
    ) -> None:
        """Flat texts, and the line is required (`mango.md §3`); who stands under `from` is rung first."""
        sides = [_extension(group), _outside(client)]
        first, second = reversed(sides) if client_first else sides
        order = {"command_id": _id(command_id), "from": first, "to": second, "line_number": _line(line)}
        call(door, "commands/callback_group", order, write=True)

    def route(self, door: Door, *, command_id: str, leg_key: str, to: str) -> None:
        order = {"command_id": _id(command_id), "call_id": _id(leg_key), "to_number": _target(to)}
        call(door, "commands/route", order, write=True)

    def transfer(
        self, door: Door, *, command_id: str, leg_key: str, to: str, initiator: str, method: str = "blind"
    ) -> None:
        """Send an answered leg on; `initiator` is the extension of ours who talks on it, `method` blind or hold."""
        if method not in _METHODS:
            raise Rejected(f"Mango transfers blind or hold, not {method}.")
        order = {
            "command_id": _id(command_id),
            "call_id": _id(leg_key),
            "method": method,
            "to_number": _target(to),
            "initiator": _extension(initiator),
        }
        call(door, "commands/transfer", order, write=True)

    def hangup(self, door: Door, *, command_id: str, leg_key: str) -> None:
        call(door, "commands/call/hangup", {"command_id": _id(command_id), "call_id": _id(leg_key)}, write=True)

    def pace(self, connection: ConnectionFacts, command: str) -> QuotaRule | None:
        """`mango.md §6.1`: routes, transfers and questions about users one in two seconds, callbacks four a second."""
        per_second = _PACES.get(command)
        if per_second is None:
            return None
        product = hashlib.sha256(connection.secrets.get("api_key", "").encode()).hexdigest()[:12]
        shared = "callback" if command == "callback_group" else command
        return QuotaRule(f"mango:{product}:{shared}", max(1.0, per_second), per_second)


class MangoDirectory:
    """The `PbxDirectory` and `PbxLines` of Mango Office."""

    def extensions(self, door: Door) -> Sequence[ListedExtension]:
        said = call(door, "config/users/request", {}, write=False)
        users = said.get("users")
        if not isinstance(users, list):
            raise Unreachable("Mango did not list its employees.")
        groups = call(door, "groups", {}, write=False).get("groups")
        found = [_employee(row) for row in users] + [
            _group(row) for row in (groups if isinstance(groups, list) else [])
        ]
        return [one for one in found if one is not None]

    def lines(self, door: Door) -> Sequence[FirmLine]:
        said = call(door, "incominglines", {}, write=False).get("lines")
        if not isinstance(said, list):
            raise Unreachable("Mango did not list its lines.")
        return [line for row in said if (line := _firm_line(row, door.connection.region)) is not None]


def _employee(row: object) -> ListedExtension | None:
    fields = Fields(row if isinstance(row, dict) else {})
    extension, person = fields.part("telephony").text("extension"), fields.part("general")
    if not extension:
        return None
    return ListedExtension(extension, "user", person.text("name") or "", person.text("email") or "")


def _group(row: object) -> ListedExtension | None:
    fields = Fields(row if isinstance(row, dict) else {})
    extension = fields.text("extension")
    return ListedExtension(extension, "group", fields.text("name") or "") if extension else None


def _firm_line(row: object, region: str) -> FirmLine | None:
    fields = Fields(row if isinstance(row, dict) else {})
    number, name = fields.text("number"), fields.text("name") or ""
    phone = parse_phone(number, region) if number else None
    return FirmLine(phone, name) if phone is not None else None


# --- What may be said at all ---------------------------------------------------------------------------


def _id(text: str) -> str:
    if not text or not text.isprintable() or len(text.encode()) > _LONGEST_ID_BYTES:
        raise Rejected("This is no id that Mango takes.")
    return text


def _extension(text: str) -> str:
    if not _EXTENSION.fullmatch(text):
        raise Rejected(f"{text!r} is no extension that Mango could have.")
    return text


def _shown(label: str) -> str:
    """Letters and digits only, 64 bytes at most: Mango drops a header with anything else in it (`mango.md §3`)."""
    words = re.findall(r"[A-Za-z0-9]+", label)
    return "".join(word[:1].upper() + word[1:] for word in words)[:_LONGEST_HEADER_BYTES]


def _target(text: str) -> str:
    target = text.removeprefix("+")
    if not _TARGET.fullmatch(target):
        raise Rejected(f"{text!r} is no number that Mango could ring.")
    return target


def _outside(client: Phone) -> str:
    if client.e164 is None:
        raise Rejected("The client's number is not a full one.")
    return client.e164.removeprefix("+")


def _line(line: Phone) -> str:
    """Digits; a SIP line is named, not written as a URI (`mango.md §3`)."""
    if line.e164 is not None:
        return line.e164.removeprefix("+")
    return line.raw.removeprefix("sip:").partition("@")[0]
