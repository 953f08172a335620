"""Calls to the numbers of a site, as the fold sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlalchemy import select

from hub.calls.record import CallChange, record_events
from hub.db.tables import Connection
from hub.db.tracking import SiteRow
from hub.domain.events import CallEvent, Direction, EventKind
from hub.domain.phone import parse_phone
from hub.runtime import Runtime
from hub.tracking.live.journal import carry_journal
from tests.tracking_live.conftest import Hub

CLIENT = "+79001234567"


Ring = Callable[..., CallChange]


def ringing(hub: Hub, settings: Any) -> Ring:
    """A function that rings a number; it answers the change as the fold makes it."""
    with hub.database.transaction() as session:
        workspace_id = session.scalars(select(SiteRow.workspace_id)).one()
        pbx = Connection(
            workspace_id=workspace_id, name="pbx", vendor="plain", settings={}, secrets={}, created_at=hub.clock()
        )
        session.add(pbx)
        session.flush()
        pbx_id = pbx.id
    runtime = runtime_of(hub, settings)

    def call(
        number: str, *, client: str = CLIENT, direction: Direction = Direction.INBOUND, over: bool = False
    ) -> CallChange:
        moment = hub.clock().replace(microsecond=0)  # as a PBX tells it
        name = f"{number} {client} {moment.isoformat()}"
        event = CallEvent(
            kind=EventKind.APPEARED, event_key=name, call_key=name, at=moment, direction=direction,
            client=parse_phone(client, "RU"), line=parse_phone(number, "RU"),
        )  # fmt: skip
        ended = replace(event, kind=EventKind.SUMMARY, event_key=f"{name} over", ended_at=moment, talk_seconds=0)
        stated = [(event, moment, None), *([(ended, moment, None)] if over else [])]
        with hub.database.transaction() as session:
            return record_events(session, runtime, pbx_id, name, stated)

    return call


def runtime_of(hub: Hub, settings: Any) -> Runtime:
    nothing: Any = None
    return Runtime(
        settings=settings, database=hub.database, registry={}, http=nothing, bucket=nothing, tokens=nothing,
        ledger=nothing, now=hub.clock, carry_journal=lambda session, site: carry_journal(hub.client, session, site),
    )  # fmt: skip
