"""What the account in memory answers, route by route."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from hub.net.http import HttpAnswer
from tests.amocrm.account import NOTHING, Asked, FakeAccount, Refusal, Row, answer, problem


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
