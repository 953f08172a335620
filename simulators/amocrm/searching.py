"""`query` and filters of leads, contacts and companies: imprecise, as the real search is (amocrm.md §3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .account import Account, Entity
from .asking import Asked
from .brackets import values_of
from .listing import filtered, ordered
from .phones import digits

_NAMES = {
    name: name for name in ("id", "name", "responsible_user_id", "created_by", "updated_by", "created_at", "updated_at")
}
_LEAD_NAMES = {"pipeline_id": "pipeline_id", "price": "price", "closed_at": "closed_at"}
_ORDERS = ("id", "created_at", "updated_at")
_LIKE_A_PHONE = 3


def found(account: Account, asked: Asked, entity_type: str) -> list[Entity]:
    """What a list request asks for, in its order."""
    everyone = list(account.entities[entity_type].values())
    rows = everyone if account.settings.list_deleted else [one for one in everyone if not one["is_deleted"]]
    query = str(asked.query.get("query", "")).strip()
    if query:
        rows = [row for row in rows if _hit(account, row, query)]
    rows = filtered(asked, rows, _NAMES | (_LEAD_NAMES if entity_type == "leads" else {}))
    wanted = asked.query.get("filter")
    if isinstance(wanted, Mapping):
        rows = _by_statuses(rows, wanted.get("statuses"))
        rows = _by_fields(account, rows, wanted.get("custom_fields_values"))
    return ordered(asked, rows, _ORDERS)


def _hit(account: Account, row: Entity, query: str) -> bool:
    texts = [str(row["name"]), *(str(one["value"]) for rows in row["values"].values() for one in rows)]
    if any(query.lower() in text.lower() for text in texts):
        return True
    if not set(query) <= set("+0123456789()- ") or len(digits(query)) < _LIKE_A_PHONE:
        return False
    last = account.settings.query_last_digits
    wanted = digits(query)[-last:] if last else digits(query)
    return any(wanted in digits(text) for text in texts)


def _by_statuses(rows: list[Entity], wanted: Any) -> list[Entity]:
    if not isinstance(wanted, Mapping):
        return rows
    pairs = {(str(one.get("pipeline_id")), str(one.get("status_id"))) for one in wanted.values()}
    return [row for row in rows if (str(row.get("pipeline_id")), str(row.get("status_id"))) in pairs]


def _by_fields(account: Account, rows: list[Entity], wanted: Any) -> list[Entity]:
    if not isinstance(wanted, Mapping):
        return rows
    if not account.settings.api_filter_enabled:
        account.offence("filter_not_enabled", "filter[custom_fields_values] where the account has no API filter")
        return rows
    for field_id, texts in wanted.items():
        rows = [row for row in rows if _has_value(row, int(field_id), values_of(texts))]
    return rows


def _has_value(row: Entity, field_id: int, texts: list[str]) -> bool:
    return any(str(one["value"]) in texts for one in row["values"].get(field_id, []))
