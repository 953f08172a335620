"""Lists: pages, filters, order, and 204 when there is nothing (amocrm.md §0)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from .account import Account, Entity
from .asking import NO_CONTENT, Answer, Asked
from .brackets import flatten, values_of
from .errors import Problem

_DEFAULT_LIMIT = 50


def listed(
    account: Account,
    asked: Asked,
    name: str,
    rows: list[Entity],
    render: Callable[[Entity], Any],
    *,
    most: int = 250,
    totals: bool = False,
) -> Answer:
    """One page of rows, as HAL. Raises `Problem` 422 for a limit above `most`."""
    page, limit = _whole(asked, "page", 1), _whole(asked, "limit", min(_DEFAULT_LIMIT, most))
    if limit > most:
        raise Problem(422, f"Limit {most} per page")
    shown = rows[(page - 1) * limit : page * limit]
    if not shown:
        return NO_CONTENT
    is_full = len(shown) == limit
    has_next = len(rows) > page * limit or (account.settings.dangling_next and is_full)
    links = {"self": {"href": _address(account, asked, page)}}
    if has_next:
        links["next"] = {"href": _address(account, asked, page + 1)}
    body: dict[str, Any] = {"_page": page, "_links": links, "_embedded": {name: [render(row) for row in shown]}}
    if totals:
        body |= {"_total_items": len(rows), "_page_count": -(-len(rows) // limit)}
    return Answer(body)


def filtered(asked: Asked, rows: list[Entity], names: Mapping[str, str]) -> list[Entity]:
    """Rows that pass `filter[name]`; `names` maps a filter's name to the row's key. Ranges have `from` and `to`."""
    wanted = asked.query.get("filter")
    if not isinstance(wanted, Mapping):
        return rows
    for name, key in names.items():
        if name in wanted:
            rows = [row for row in rows if _passes(row.get(key), wanted[name])]
    return rows


def ordered(asked: Asked, rows: list[Entity], names: tuple[str, ...], default: str = "id") -> list[Entity]:
    """Rows by `order[name]=asc|desc`; without it by `default`, rising."""
    wanted = asked.query.get("order")
    if isinstance(wanted, Mapping):
        for name, direction in wanted.items():
            if name in names:
                return sorted(rows, key=lambda row: (row[name], row["id"]), reverse=direction == "desc")
    return sorted(rows, key=lambda row: row[default])


def _passes(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping) and set(wanted) & {"from", "to"}:
        lowest, highest = int(wanted.get("from") or 0), int(wanted.get("to") or 2**62)
        return value is not None and lowest <= value <= highest
    texts = values_of(wanted)
    if isinstance(value, bool):
        return any(text in ("1", "true") if value else text in ("0", "false", "") for text in texts)
    return str(value) in texts


def _whole(asked: Asked, name: str, default: int) -> int:
    text = str(asked.query.get(name, default))
    if not text.isdigit() or int(text) < 1:
        raise Problem(400, f"{name} should be a whole number above zero")
    return int(text)


def _address(account: Account, asked: Asked, page: int) -> str:
    query = urlencode(flatten({**asked.query, "page": page}))
    return f"{account.base_url}/api/v4/{asked.path}?{query}"
