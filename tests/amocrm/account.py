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


# --- Routes ----------------------------------------------------------------------------------------


def hal(name: str, found: list[Row]) -> HttpAnswer:
    return answer({"_embedded": {name: found}, "_links": {}}) if found else NOTHING


def search(account: FakeAccount, asked: Asked, kind: str) -> HttpAnswer:
    """A substring search over name and all values, digits compared as digits: false hits are meant."""
    wanted = asked.query["query"][0].lstrip("+")

    def text_of(row: Row) -> str:
        values = [value["value"] for item in row["custom_fields_values"] or () for value in item["values"]]
        return " ".join([row.get("name", ""), *values, *(re.sub(r"\D", "", value) for value in values)])

    found = [row for row in getattr(account, kind).values() if wanted in text_of(row) and not row.get("is_unsorted")]
    return hal(kind, [{**row, "_embedded": {"leads": row.get("leads", [])}} for row in found])


def list_leads(account: FakeAccount, asked: Asked) -> HttpAnswer:
    ids = {int(one) for one in asked.query["filter[id][]"]}
    return hal("leads", [row for row in account.leads.values() if row["id"] in ids])


def add_contacts(account: FakeAccount, asked: Asked) -> HttpAnswer:
    return hal("contacts", [{"id": account.add("contacts", **item)} for item in account.items(asked)])


def _person_and_lead(account: FakeAccount, item: Row, contact: Row, **more: Any) -> tuple[int, int]:
    person = account.add("contacts", **{**contact, **more})
    lead = account.add_lead(person, **{name: value for name, value in item.items() if name != "_embedded"})
    return person, lead


def add_incoming(account: FakeAccount, asked: Asked) -> HttpAnswer:
    made = []
    for item in account.items(asked):
        if not account.takes_incoming:
            raise Refusal(problem(400, "incoming leads are off", [("pipeline_id", "NotSupportedChoice")]))
        inner = item["_embedded"]
        person, lead = _person_and_lead(account, inner["leads"][0], inner["contacts"][0], is_unsorted=True)
        metadata = item["metadata"]
        if metadata.get("is_call_event_needed"):
            account.number += 1
            params = {name: metadata[name] for name in ("uniq", "duration", "link", "phone")}
            note = {"id": account.number, "entity_id": lead, "kind": "leads", "note_type": "call_in", "params": params}
            account.notes.append(note)
        ids = {"contacts": [{"id": person}], "leads": [{"id": lead}], "companies": []}
        made.append({"uid": f"uid{lead}", "metadata": metadata, "source_uid": item["source_uid"], "_embedded": ids})
    account.unsorted.extend(made)
    return hal("unsorted", made)


def add_complex(account: FakeAccount, asked: Asked) -> HttpAnswer:
    made = []
    for item in account.items(asked):
        source = item["_embedded"].get("source")
        if source and source["external_id"] not in {one["external_id"] for one in account.sources}:
            raise Refusal(problem(400, "source", [("_embedded.source.external_id", "NotSupportedChoice")]))
        person, lead = _person_and_lead(account, item, item["_embedded"]["contacts"][0])
        made.append({"id": lead, "contact_id": person, "company_id": None, "request_id": ["r"], "merged": False})
    return answer(made)


def add_notes(account: FakeAccount, asked: Asked, kind: str) -> HttpAnswer:
    made = []
    for item in account.items(asked):
        account.entity(kind, item["entity_id"])
        account.number += 1
        account.notes.append({**item, "id": account.number, "kind": kind})
        made.append({"id": account.number, "entity_id": item["entity_id"]})
    return hal("notes", made)


def list_notes(account: FakeAccount, asked: Asked, kind: str, entity_id: str) -> HttpAnswer:
    kinds = asked.query["filter[note_type][]"]
    found = [
        note
        for note in account.notes
        if (note["kind"], note["entity_id"]) == (kind, int(entity_id)) and note["note_type"] in kinds
    ]
    return hal("notes", found)


def patch_note(account: FakeAccount, asked: Asked, _kind: str, _entity: str, note_id: str) -> HttpAnswer:
    if not account.patches_call_notes:
        return problem(400, "a call note cannot be changed")
    (note,) = (note for note in account.notes if note["id"] == int(note_id))
    account.check(asked.body)
    note["params"] = asked.body["params"]
    return answer(note)


def patch_lead(account: FakeAccount, asked: Asked, lead_id: str) -> HttpAnswer:
    lead = account.entity("leads", int(lead_id))
    account.check(asked.body)
    values = {one["field_code"]: one for one in lead.get("custom_fields_values") or ()}
    values.update({one["field_code"]: one for one in asked.body.get("custom_fields_values", ())})
    lead["custom_fields_values"] = list(values.values())
    gone = {tag["name"] for tag in asked.body.get("tags_to_delete", ())}
    tags = [*lead.get("tags_to_add", ()), *asked.body.get("tags_to_add", ())]
    lead["tags_to_add"] = [tag for tag in tags if tag["name"] not in gone]
    return answer({"id": lead["id"]})


def list_tasks(account: FakeAccount, asked: Asked) -> HttpAnswer:
    wanted = (asked.query["filter[entity_type]"][0], int(asked.query["filter[entity_id][]"][0]))
    open_ones = [row for row in account.tasks.values() if not row.get("is_completed")]
    return hal("tasks", [row for row in open_ones if (row["entity_type"], row["entity_id"]) == wanted])


def add_tasks(account: FakeAccount, asked: Asked) -> HttpAnswer:
    return hal("tasks", [{"id": account.add("tasks", **item)} for item in account.items(asked)])


def patch_task(account: FakeAccount, asked: Asked, task_id: str) -> HttpAnswer:
    account.entity("tasks", int(task_id)).update(asked.body)
    return answer({"id": int(task_id)})


def list_sources(account: FakeAccount, asked: Asked) -> HttpAnswer:
    wanted = asked.query["filter[external_id][]"]
    return hal("sources", [row for row in account.sources if row["external_id"] in wanted])


def add_sources(account: FakeAccount, asked: Asked) -> HttpAnswer:
    account.sources.extend(account.items(asked))
    return hal("sources", [{"id": 1}])


def list_users(account: FakeAccount, asked: Asked) -> HttpAnswer:
    return hal("users", [{"id": number, "name": f"user {number}"} for number in sorted(account.users)])


def ring(account: FakeAccount, asked: Asked) -> HttpAnswer:
    account.cards.extend(asked.body["add"])
    return HttpAnswer(202, {}, b"")


def pipelines(account: FakeAccount, asked: Asked) -> HttpAnswer:
    statuses = [{"id": 49, "type": 1}, {"id": 50, "type": 0}, {"id": 142, "type": 0}, {"id": 143, "type": 0}]
    on = account.takes_incoming
    row = {"id": 31, "name": "Main", "is_main": True, "is_unsorted_on": on, "_embedded": {"statuses": statuses}}
    return hal("pipelines", [row])


def field_definitions(account: FakeAccount, asked: Asked) -> HttpAnswer:
    return hal("custom_fields", [{"id": place, "code": code} for place, code in enumerate(account.codes)])


def about(account: FakeAccount, asked: Asked) -> HttpAnswer:
    return answer({"id": 555, "name": "Acme", "current_user_id": min(account.users)})


_API = "/api/v4"
ROUTES: list[tuple[str, Callable[..., HttpAnswer]]] = [
    (rf"GET {_API}/(contacts|companies)", search),
    (rf"POST {_API}/contacts", add_contacts),
    (rf"GET {_API}/leads", list_leads),
    (rf"GET {_API}/leads/unsorted", lambda account, asked: hal("unsorted", account.unsorted)),
    (rf"POST {_API}/leads/unsorted/sip", add_incoming),
    (rf"POST {_API}/leads/complex", add_complex),
    (rf"PATCH {_API}/leads/(\d+)", patch_lead),
    (rf"GET {_API}/leads/pipelines", pipelines),
    (rf"GET {_API}/leads/custom_fields", field_definitions),
    (rf"POST {_API}/(leads|contacts|companies)/notes", add_notes),
    (rf"GET {_API}/(leads|contacts|companies)/(\d+)/notes", list_notes),
    (rf"PATCH {_API}/(leads|contacts|companies)/(\d+)/notes/(\d+)", patch_note),
    (rf"GET {_API}/tasks", list_tasks),
    (rf"POST {_API}/tasks", add_tasks),
    (rf"PATCH {_API}/tasks/(\d+)", patch_task),
    (rf"GET {_API}/sources", list_sources),
    (rf"POST {_API}/sources", add_sources),
    (rf"GET {_API}/account", about),
    (rf"GET {_API}/users", list_users),
    (r"POST /api/v2/events", ring),
]
