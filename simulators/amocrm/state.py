"""What an account holds, as JSON: for tests in another process and for the page."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .account import SINGULAR, Account, Entity
from .entities import rendered
from .notes import CALLS
from .unsorted import embedded, is_open

_ALL = {"leads", "contacts", "source", "source_id"}


def leads(account: Account) -> list[Entity]:
    """Leads as the API gives them with everything, deleted ones too, oldest first."""
    return [rendered(account, "leads", one, _ALL) for one in account.entities["leads"].values()]


def contacts(account: Account) -> list[Entity]:
    """Contacts with their leads, oldest first."""
    return [rendered(account, "contacts", one, _ALL) for one in account.entities["contacts"].values()]


def companies(account: Account) -> list[Entity]:
    """Companies with their leads and contacts, oldest first."""
    return [rendered(account, "companies", one, _ALL) for one in account.entities["companies"].values()]


def unsorted(account: Account) -> list[Entity]:
    """Incoming leads; `state` is open, accept or decline, `_embedded` has the ids."""
    return [
        {**row, "is_open": is_open(account, row), "_embedded": embedded(account, row)}
        for row in account.unsorted.values()
    ]


def calls(account: Account) -> list[Entity]:
    """Call notes; `via` tells the route: calls, notes, or unsorted."""
    return [
        {
            **note["params"],
            "id": note["id"],
            "direction": "inbound" if note["note_type"] == "call_in" else "outbound",
            "entity_type": SINGULAR[note["entity_type"]],
            "entity_id": note["entity_id"],
            "responsible_user_id": note["responsible_user_id"],
            "created_by": note["created_by"],
            "created_at": note["created_at"],
            "via": note["via"],
        }
        for note in account.notes.values()
        if note["note_type"] in CALLS
    ]


def tasks(account: Account) -> list[Entity]:
    """Tasks, oldest first."""
    return [dict(row) for row in account.tasks.values()]


def notes(account: Account) -> list[Entity]:
    """All notes, calls too, oldest first."""
    return [dict(note) for note in account.notes.values()]


def state_of(account: Account) -> dict[str, Any]:
    """Everything at once."""
    with account.lock:
        return {
            "id": account.id,
            "subdomain": account.subdomain,
            "base_url": account.base_url,
            "leads": leads(account),
            "contacts": contacts(account),
            "companies": companies(account),
            "unsorted": unsorted(account),
            "calls": calls(account),
            "tasks": tasks(account),
            "notes": notes(account),
            "cards": list(account.cards),
            "sources": list(account.sources.values()),
            "webhooks": list(account.webhooks.values()),
            "pipelines": list(account.pipelines.values()),
            "users": [{**asdict(user), "rights": dict(user.rights)} for user in account.users.values()],
            "settings": asdict(account.settings),
        }
