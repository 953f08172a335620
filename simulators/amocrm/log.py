"""The account's own log of what happened, which `/api/v4/events` reads (amocrm.md §4.5)."""

from __future__ import annotations

from .account import SINGULAR, Account


def logged(account: Account, kind: str, entity_type: str, entity_id: int, value_after: object = None) -> None:
    """Adds one line to the log."""
    account.events.append(
        {
            "id": f"{account.next_id('events'):026d}",
            "type": kind,
            "entity_id": entity_id,
            "entity_type": SINGULAR.get(entity_type, entity_type),
            "created_by": 0,
            "created_at": account.now(),
            "value_after": value_after or [],
            "value_before": [],
            "account_id": account.id,
        }
    )
