"""What the portal shows of the calls that the hub wrote: its call statistics (`bitrix24.md` §3.8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from connectors.bitrix24.client import Portal
from connectors.bitrix24.envelope import Envelope, identifier, rows, text
from connectors.bitrix24.translate import moment
from connectors.contract import Door, LoggedCall

_MARGIN = timedelta(hours=1)
"""A call is registered while it rings, and its start may become known better later."""


class Bitrix24Log:
    """The `CrmLog` of Bitrix24: `EXTERNAL_CALL_ID` is our id of the call."""

    def logged(self, door: Door, since: datetime, until: datetime) -> Mapping[str, LoggedCall]:
        """Finished calls by our id. Raises delivery errors; `Rejected` when the user may not view the statistics."""
        portal, found, copies = Portal(door), dict[str, Envelope](), Counter[str]()
        for row in _rows(portal, since - _MARGIN, until + _MARGIN):
            key = text(row.get("EXTERNAL_CALL_ID"))
            if key:
                found.setdefault(key, row)
                copies[key] += 1
        return {
            key: LoggedCall(text(row.get("CALL_ID")), identifier(row.get("RECORD_FILE_ID")) is not None, copies[key])
            for key, row in found.items()
        }


def _rows(portal: Portal, since: datetime, until: datetime) -> Iterator[Envelope]:
    """Every page, the oldest row first, so that calls that end meanwhile shift nothing.

    The portal drops a filter that it does not know; then more rows come than were asked for, which
    costs time and harms nothing.
    """
    zone = portal.door.connection.timezone
    params = {
        "FILTER": {">=CALL_START_DATE": moment(since, zone), "<=CALL_START_DATE": moment(until, zone)},
        "SORT": "ID",
        "ORDER": "ASC",
    }
    start: object = 0
    while isinstance(start, int):
        envelope = portal.envelope("voximplant.statistic.get", {**params, "start": start}, write=False)
        yield from rows(envelope["result"])
        following = envelope.get("next")
        start = following if isinstance(following, int) and following > start else None
