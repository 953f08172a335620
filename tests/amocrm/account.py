"""An amoCRM account in memory, strict where amocrm.md says so, and the doors that lead to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

from hub.domain.errors import DeliveryError
from hub.net.http import HttpAnswer

Row = dict[str, Any]
PROBLEM = {"content-type": "application/problem+json"}
CODES = ("UTM_SOURCE", "UTM_MEDIUM", "UTM_CAMPAIGN", "UTM_CONTENT", "UTM_TERM")


def answer(document: object, status: int = 200, **headers: str) -> HttpAnswer:
    return HttpAnswer(status, headers, json.dumps(document).encode())


def problem(status: int, detail: str = "No", faults: list[tuple[str, str]] | None = None, **more: object) -> HttpAnswer:
    document: Row = {"title": "Problem", "status": status, "detail": detail, **more}
    if faults:
        errors = [{"code": code, "path": path, "detail": "not good"} for path, code in faults]
        document["validation-errors"] = [{"request_id": "0", "errors": errors}]
    return HttpAnswer(status, PROBLEM, json.dumps(document).encode())


NOTHING = HttpAnswer(204, {}, b"")


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    verb: str
    url: str
    path: str
    query: dict[str, list[str]]
    body: Any
    headers: Mapping[str, str]
    write: bool

    @property
    def call(self) -> str:
        return f"{self.verb} {self.path}"


Reply = HttpAnswer | DeliveryError | Callable[[Asked], HttpAnswer]


def phone_field(*numbers: str) -> list[Row]:
    values = [{"value": number, "enum_code": "WORK"} for number in numbers]
    return [{"field_code": "PHONE", "field_id": 1, "values": values}]


class Refusal(Exception):
    def __init__(self, reply: HttpAnswer) -> None:
        self.reply = reply


@dataclass
class FakeAccount:
    """The account's rows by kind. `replies` are sent instead of what it would say itself, each once."""

    contacts: dict[int, Row] = field(default_factory=dict)
    companies: dict[int, Row] = field(default_factory=dict)
    leads: dict[int, Row] = field(default_factory=dict)
    unsorted: list[Row] = field(default_factory=list)
    notes: list[Row] = field(default_factory=list)
    tasks: dict[int, Row] = field(default_factory=dict)
    sources: list[Row] = field(default_factory=list)
    cards: list[Row] = field(default_factory=list)
    users: set[int] = field(default_factory=lambda: {5, 8, 9})
    codes: tuple[str, ...] = CODES
    takes_incoming: bool = True
    patches_call_notes: bool = True
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    number: int = 1000

    # --- What tests put in -------------------------------------------------------------------------

    def add(self, kind: str, phone: str = "", **row: Any) -> int:
        self.number += 1
        values = phone_field(phone) if phone else row.pop("custom_fields_values", None)
        made = {"id": self.number, "responsible_user_id": 8, "updated_at": 100, "custom_fields_values": values, **row}
        getattr(self, kind)[self.number] = made
        return self.number

    def add_lead(self, person: int, kind: str = "contacts", **row: Any) -> int:
        lead = self.add("leads", **{"status_id": 50, "responsible_user_id": 9, **row})
        getattr(self, kind)[person].setdefault("leads", []).append({"id": lead})
        return lead

    def on(self, call: str, *replies: Reply) -> FakeAccount:
        self.replies[call] = list(replies)
        return self

    def calls(self, prefix: str = "") -> list[str]:
        return [asked.call for asked in self.asked if asked.call.startswith(prefix)]

    def bodies(self, call: str) -> list[Any]:
        return [asked.body for asked in self.asked if asked.call == call]

    def writes(self) -> list[str]:
        return [asked.call for asked in self.asked if asked.verb != "GET"]

    def call_notes(self) -> list[Row]:
        return [note for note in self.notes if note["note_type"].startswith("call_")]

    # --- The Http of a door ------------------------------------------------------------------------

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        write: bool,
        read_timeout_seconds: float = 20.0,
        max_bytes: int = 8 * 1024 * 1024,
        sink: BinaryIO | None = None,
        files: Mapping[str, tuple[str, BinaryIO]] | None = None,
    ) -> HttpAnswer:
        parts = urlsplit(url)
        sent = json.loads(body) if body is not None else None
        asked = Asked(method, url, parts.path, parse_qs(parts.query), sent, headers or {}, write)
        self.asked.append(asked)
        waiting = self.replies.get(asked.call)
        if waiting:
            now = waiting.pop(0)
            if isinstance(now, DeliveryError):
                raise now
            if isinstance(now, HttpAnswer):
                return now
            return now(asked)
        return self.handle(asked)

    def handle(self, asked: Asked) -> HttpAnswer:
        from tests.amocrm.routes import ROUTES

        for pattern, act in ROUTES:
            found = re.fullmatch(pattern, asked.call)
            if found:
                try:
                    return act(self, asked, *found.groups())
                except Refusal as refusal:
                    return refusal.reply
        return problem(404, f"no route {asked.call}")

    # --- Checks ------------------------------------------------------------------------------------

    def items(self, asked: Asked) -> list[Row]:
        if not isinstance(asked.body, list):
            raise Refusal(problem(400, "an array is expected"))
        for item in asked.body:
            self.check(item)
        return asked.body

    def check(self, item: Row, at: str = "") -> None:
        """Nulls, unknown users and unknown field codes fail the whole request (amocrm.md §2.3, §4.2)."""
        for name, value in item.items():
            if value is None:
                raise Refusal(problem(400, "null", [(f"{at}{name}", "NotNullable")]))
            if name in {"responsible_user_id", "created_by"} and value not in self.users:
                raise Refusal(problem(400, "user", [(f"{at}{name}", "NotSupportedChoice")]))
            if name == "custom_fields_values":
                self.check_fields(value, f"{at}{name}")
            elif isinstance(value, dict):
                self.check(value, f"{at}{name}.")
            elif name in {"leads", "contacts"}:
                for place, inner in enumerate(value):
                    self.check(inner, f"{at}{name}.{place}.")

    def check_fields(self, values: list[Row], at: str) -> None:
        for place, one in enumerate(values):
            if one["field_code"] not in (*self.codes, "PHONE"):
                raise Refusal(problem(400, "field", [(f"{at}.{place}.field_id", "NotSupportedChoice")]))

    def entity(self, kind: str, entity_id: int) -> Row:
        found = getattr(self, kind).get(entity_id)
        if found is None:
            raise Refusal(problem(404, "Entity not found"))
        return found  # type: ignore[no-any-return]
