"""Requests in the ledger, and what can be counted from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulators.common.ledger import Entry, Ledger

from .account import Account
from .fields import values_of_code
from .linking import linked
from .notes import CALLS
from .phones import phone_key
from .unsorted import phones_of

_SECRETS = {"client_secret", "access_token", "refresh_token", "code", "api_key"}
_LONG = 2000


@dataclass(frozen=True)
class Exchange:
    """A request and what it got. `executed` says whether the rules ran to the end; `status` None means no answer."""

    verb: str
    path: str
    query: Mapping[str, Any]
    body: Any
    client_id: str = ""
    user_id: int | None = None


def write(account: Account, what: Exchange, status: int | None, *, executed: bool, error: str = "") -> None:
    """Keeps one request. Entries of the token endpoint have the kind `oauth`, all others `request`."""
    account.ledger.write(
        "oauth" if what.path.startswith("oauth2/") else "request",
        account=account.subdomain,
        verb=what.verb,
        path=what.path,
        query=masked(what.query),
        body=masked(what.body),
        client_id=what.client_id,
        user_id=what.user_id,
        status=status,
        executed=executed,
        error=error,
        time=account.clock(),
    )


def masked(value: Any, name: str = "") -> Any:
    """A copy without secrets, and without the bulk of what is long."""
    if isinstance(value, Mapping):
        return {key: masked(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [masked(inner) for inner in value]
    if name.lower() in _SECRETS and value:
        return f"…{str(value)[-4:]}"
    if isinstance(value, str) and len(value) > _LONG:
        return f"{value[:40]}… ({len(value)} characters)"
    return value


def refreshes(ledger: Ledger, account: str | None = None) -> list[Entry]:
    """Refreshes that were asked for, refused ones too."""
    entries = ledger.entries("oauth")
    return [
        one
        for one in entries
        if isinstance(one["body"], Mapping)
        and one["body"].get("grant_type") == "refresh_token"
        and account in (None, one["account"])
    ]


def per_phone(account: Account) -> dict[str, dict[str, int]]:
    """How many leads, incoming leads, contacts, calls and tasks belong to each number (its last ten digits)."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("leads", "unsorted", "contacts", "calls", "tasks")}
    for lead in account.entities["leads"].values():
        counts["leads"].update(_phones(account, "leads", lead["id"]))
    for row in account.unsorted.values():
        counts["unsorted"].update(phones_of(account, row))
    for contact in account.entities["contacts"].values():
        counts["contacts"].update(_phones(account, "contacts", contact["id"]))
    for note in account.notes.values():
        if note["note_type"] in CALLS:
            counts["calls"].update({phone_key(str(note["params"].get("phone", "")))})
    for task in account.tasks.values():
        if task["entity_type"]:
            counts["tasks"].update(_phones(account, task["entity_type"], task["entity_id"]))
    return {name: dict(counted) for name, counted in counts.items()}


def report(account: Account) -> dict[str, Any]:
    """The ledger of one account with its counts."""
    ledger, name = account.ledger, account.subdomain
    requests = ledger.entries("request", account=name)
    offences = ledger.entries("offence", account=name)
    executed = Counter(f"{one['verb']} {one['path']}" for one in requests if one["executed"])
    seconds = Counter(int(one["time"]) for one in requests)
    with account.lock:
        counts = per_phone(account)
        calls = Counter(str(n["params"].get("uniq")) for n in account.notes.values() if n["note_type"] in CALLS)
    return {
        "requests": requests,
        "oauth": ledger.entries("oauth", account=name),
        "refreshes": refreshes(ledger, name),
        "deliveries": ledger.entries("delivery", account=name),
        "offences": offences,
        "offence_counts": dict(Counter(one["code"] for one in offences)),
        "executed": dict(executed),
        "calls_per_uniq": dict(calls),
        "cards_per_phone": dict(Counter(phone_key(card["phone"]) for card in account.cards)),
        "most_requests_in_a_second": max(seconds.values(), default=0),
        **{f"{what}_per_phone": counted for what, counted in counts.items()},
    }


def _phones(account: Account, kind: str, number: int) -> set[str]:
    """Numbers of the entity itself; of a lead those of its contacts and companies."""
    entity = account.entities[kind].get(number)
    if entity is None:
        return set()
    texts = values_of_code(account, kind, entity, "PHONE")
    for other in ("contacts", "companies") if kind == "leads" else ():
        for one in linked(account, "leads", number, other):
            texts += values_of_code(account, other, one, "PHONE")
    return {phone_key(text) for text in texts} - {""}
