"""Incoming leads from calls and forms (amocrm.md §3.2–§3.4)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial

from .account import Account, Entity
from .asking import Answer, Asked, Caller, denied, endpoint, request_id_of
from .bodies import unsorted_body
from .checks import Field, Rules, checked_batch, flaws_of, note_unknown
from .entities import announce, create, flaws_of_entity, is_unsorted_status
from .errors import Flaw, not_supported, wrong_type
from .fields import values_of_code
from .linking import linked, put_link
from .notes import put_note, watch_link
from .phones import phone_key

KINDS = ("leads", "contacts", "companies")
_RULES: Rules = {
    "source_uid": Field("text", required=True),
    "source_name": Field("text", required=True),
    "metadata": Field("object", required=True),
    "pipeline_id": Field("int"),
    "created_at": Field("moment"),
    "_embedded": Field("object"),
}
SIP: Rules = {
    "phone": Field("responder", required=True),
    "from": Field("responder"),
    "call_responsible": Field("responder", nullable=True),
    "called_at": Field("moment", required=True),
    "duration": Field("int", required=True),
    "link": Field("text"),
    "service_code": Field("text", required=True),
    "uniq": Field("text", required=True),
    "is_call_event_needed": Field("bool"),
}
FORMS: Rules = {
    "form_id": Field("responder", required=True),
    "form_name": Field("text", required=True),
    "form_page": Field("text", required=True),
    "form_sent_at": Field("moment", required=True),
    "ip": Field("text"),
    "referer": Field("text"),
    "visitor_uid": Field("text", nullable=True),
    "form_type": Field("int"),
}
METADATA: Mapping[str, Rules] = {"sip": SIP, "forms": FORMS}


@endpoint("POST", "leads/unsorted/<any(sip,forms):category>")
def add_unsorted(account: Account, asked: Asked, category: str) -> Answer:
    """Makes incoming leads; each lead exists at once in the pipeline's status of type 1."""
    denied(account, asked.caller, "leads", "add")
    items = checked_batch(account, asked.batch(), partial(_flaws, account, category))
    made = []
    for index, item in enumerate(items):
        note_unknown(account, f"unsorted/{category}", item, _RULES)
        row = incoming(account, category, item, asked.caller)
        shown = {"uid": row["uid"], "account_id": account.id, "request_id": request_id_of(item, index)}
        shown["_links"] = account.href(f"leads/unsorted/{row['uid']}")
        made.append({**shown, "_embedded": embedded(account, row)})
    return Answer({"_total_items": len(made), "_embedded": {"unsorted": made}})


def incoming(account: Account, category: str, item: Entity, caller: Caller) -> Entity:
    """A new incoming lead from a checked item, with its contact and company, and its call note when that is wanted."""
    pipeline = account.pipelines[item.get("pipeline_id") or account.main_pipeline()["id"]]
    bodies = item.get("_embedded") or {}
    status = next(one["id"] for one in pipeline["statuses"] if one["type"] == 1)
    place = {"pipeline_id": pipeline["id"], "status_id": status}
    first = (bodies.get("leads") or [{"name": str(item["source_name"])}])[0]
    lead = create(account, "leads", {**first, **place}, caller)
    for kind in ("contacts", "companies"):
        for body in (bodies.get(kind) or [])[:1]:
            _put_client(account, kind, body, lead, caller)
    row = _row(account, category, item, lead, place)
    account.unsorted[row["uid"]] = row
    _watch_doubles(account, row)
    if category == "sip":
        _note_call(account, row)
    announce(account, "leads", lead)
    account.happened("add_unsorted", unsorted_body(account, row, "add"))
    return row


def embedded(account: Account, row: Entity) -> Entity:
    """The ids of what belongs to an incoming lead."""
    shown: Entity = {"leads": [_reference(account, "leads", row["lead_id"])]}
    for kind in ("contacts", "companies"):
        found = linked(account, "leads", row["lead_id"], kind)
        shown[kind] = [_reference(account, kind, one["id"]) for one in found]
    return shown


def phones_of(account: Account, row: Entity) -> set[str]:
    """The last ten digits of all numbers of an incoming lead."""
    texts = [str(row["metadata"].get("phone", ""))]
    for contact in linked(account, "leads", row["lead_id"], "contacts"):
        texts += values_of_code(account, "contacts", contact, "PHONE")
    return {phone_key(text) for text in texts} - {""}


def is_open(account: Account, row: Entity) -> bool:
    """Whether nobody has sorted it yet."""
    lead = account.living_one("leads", row["lead_id"])
    return row["state"] == "open" and lead is not None and is_unsorted_status(account, lead)


def flaws_of_metadata(account: Account, category: str, metadata: object, prefix: str) -> list[Flaw]:
    """What is wrong with the metadata of a call or form."""
    return flaws_of(account, metadata, METADATA[category], prefix) if isinstance(metadata, dict) else []


def flaws_of_place(account: Account, pipeline_id: object) -> list[Flaw]:
    """The pipeline must be known and take incoming leads."""
    pipeline = account.pipelines.get(pipeline_id) if isinstance(pipeline_id, int) else account.main_pipeline()
    return [] if pipeline and pipeline["is_unsorted_on"] else [not_supported("pipeline_id")]


def _flaws(account: Account, category: str, item: Entity) -> list[Flaw]:
    flaws = flaws_of(account, item, _RULES) + flaws_of_place(account, item.get("pipeline_id"))
    flaws += flaws_of_metadata(account, category, item.get("metadata"), "metadata.")
    bodies = item.get("_embedded")
    return flaws + (flaws_of_embedded(account, bodies, KINDS) if isinstance(bodies, dict) else [])


def flaws_of_embedded(account: Account, bodies: Entity, kinds: tuple[str, ...]) -> list[Flaw]:
    """At most one full body of each kind."""
    flaws: list[Flaw] = []
    for kind in kinds:
        rows = bodies.get(kind, [])
        path = f"_embedded.{kind}"
        if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
            flaws.append(wrong_type(path, "array"))
        elif len(rows) > 1:
            flaws.append(Flaw("TooMany", path, "Only one entity may be embedded."))
        for one in rows if isinstance(rows, list) and not flaws else []:
            flaws += flaws_of_entity(account, kind, one, f"{path}.0.")
    return flaws


def _put_client(account: Account, kind: str, body: Entity, lead: Entity, caller: Caller) -> None:
    client = account.living_one(kind, body.get("id"))
    if client is None:
        client = create(account, kind, body, caller)
        if kind == "contacts":
            client["is_unsorted"] = True
        announce(account, kind, client)
    put_link(account, ("leads", lead["id"]), (kind, client["id"]), {"is_main": kind == "contacts"})


def _row(account: Account, category: str, item: Entity, lead: Entity, place: Entity) -> Entity:
    return {
        "uid": uuid.uuid4().hex + uuid.uuid4().hex[:20],
        "source_uid": item["source_uid"],
        "source_name": item["source_name"],
        "category": category,
        "pipeline_id": place["pipeline_id"],
        "created_at": item.get("created_at", account.now()),
        "updated_at": account.now(),
        "metadata": item["metadata"],
        "account_id": account.id,
        "lead_id": lead["id"],
        "state": "open",
    }


def _note_call(account: Account, row: Entity) -> None:
    metadata = row["metadata"]
    watch_link(account, metadata.get("link"))
    if not metadata.get("is_call_event_needed"):
        return
    params = {name: metadata[name] for name in ("uniq", "duration", "link", "call_responsible") if name in metadata}
    params |= {"phone": str(metadata["phone"]), "source": metadata["service_code"]}
    item = {"entity_id": row["lead_id"], "note_type": "call_in", "params": params}
    put_note(account, "leads", {**item, "created_at": metadata["called_at"]}, None, "unsorted")


def _watch_doubles(account: Account, row: Entity) -> None:
    for other in account.unsorted.values():
        same = phones_of(account, row) & phones_of(account, other)
        if other["uid"] != row["uid"] and same and is_open(account, other):
            account.offence("incoming_lead_doubled", f"…{min(same)[-4:]}: {other['uid'][:8]} and {row['uid'][:8]}")


def _reference(account: Account, kind: str, number: int) -> Entity:
    return {"id": number, "_links": account.href(f"{kind}/{number}")}
