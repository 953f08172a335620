"""Whom a CRM keeps behind the numbers of a dry run, asked of the CRM itself where its index cannot know.

What is written asks the CRM at the moment of writing; a prediction that did not ask would be a guess. Reads only, many
clients in one request, out of the share of the budget that calls can spare, and no longer than somebody waits.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from connectors.contract import ClientNow, CrmClients
from hub.db.tables import Connection
from hub.delivery.doors import open_door
from hub.domain.errors import DeliveryError
from hub.domain.intents import Lane
from hub.domain.phone import Phone
from hub.runtime import Runtime

log = structlog.get_logger()

WAIT_SECONDS = 3.0
"""No question begins later than so long after the first one: ten thousand calls are to be tried within ten seconds."""


def ask_crm(
    runtime: Runtime | None, connection_id: int, numbers: Sequence[str], *, wait_seconds: float = WAIT_SECONDS
) -> Mapping[str, ClientNow]:
    """E.164 to the client, the first of `numbers` first; who is missing was not asked, and may be anybody.

    Nobody is asked without `runtime`, at a CRM whose index knows as much, and at a connection that rests.
    """
    asked = _able(runtime, connection_id)
    if runtime is None or asked is None:
        return {}
    found: dict[str, ClientNow] = {}
    ends_at = time.monotonic() + wait_seconds
    for start in range(0, len(numbers), asked.most):
        if time.monotonic() >= ends_at:
            break
        phones = [Phone(number, number) for number in numbers[start : start + asked.most]]
        try:
            with open_door(runtime, connection_id, Lane.BULK, purpose="dry_run") as door:
                found.update(asked.clients(phones, door))
        except DeliveryError as error:
            log.info("dry_run_not_told", connection_id=connection_id, reason=str(error)[:200])
            break
    return found


def _able(runtime: Runtime | None, connection_id: int) -> CrmClients | None:
    if runtime is None:
        return None
    with runtime.database.reading() as session:
        row = session.get_one(Connection, connection_id)
        return runtime.registry[row.vendor].clients if row.state == "active" else None


# --- While somebody edits a rule ------------------------------------------------------------------------

_KEEP_SECONDS = 20.0
_MOST_KEPT = 500
_Key = tuple[int, int, str]


@dataclass
class _Remembered:
    """What was said a moment ago, by the runtime, connection and number."""

    said: OrderedDict[_Key, tuple[float, ClientNow]] = field(default_factory=OrderedDict)

    def get(self, key: _Key) -> ClientNow | None:
        until, client = self.said.get(key, (0.0, None))
        return client if until > time.monotonic() else None

    def keep(self, key: _Key, client: ClientNow) -> None:
        self.said[key] = (time.monotonic() + _KEEP_SECONDS, client)
        self.said.move_to_end(key)
        while len(self.said) > _MOST_KEPT:
            self.said.popitem(last=False)


_REMEMBERED = _Remembered()


def remembered(runtime: Runtime | None, connection_id: int, numbers: Sequence[str]) -> Mapping[str, ClientNow]:
    """The same as `ask_crm`, where an answer may be some seconds old: a preview is made again with each change."""
    keys = {number: (id(runtime), connection_id, number) for number in numbers}
    found = {number: client for number, key in keys.items() if (client := _REMEMBERED.get(key))}
    new = ask_crm(runtime, connection_id, [number for number in numbers if number not in found])
    for number, client in new.items():
        _REMEMBERED.keep(keys[number], client)
    return {**found, **new}
