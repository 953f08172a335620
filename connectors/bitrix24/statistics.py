"""Finished calls in the portal's call statistics, found by a key of ours or by the portal's own.

Bitrix24 drops filter fields that it does not know and then returns everything (bitrix24.md §2.6), so a
row counts only when its value is the one asked for.
"""

from __future__ import annotations

from connectors.bitrix24.client import Portal
from connectors.bitrix24.envelope import Envelope, rows, text


def finished_call(portal: Portal, field: str, value: str) -> Envelope | None:
    """The newest row whose `field` (`CALL_ID` or `EXTERNAL_CALL_ID`) is `value`; None when there is none."""
    params = {"FILTER": {field: value}, "SORT": "ID", "ORDER": "DESC"}
    found = rows(portal.call("voximplant.statistic.get", params, write=False))
    return next((row for row in found if text(row.get(field)) == value), None)
