"""Dry runs for pages and programs: the CRM is asked who the clients are before anything in the database is held up."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from connectors.contract import ClientNow
from hub.callbacks.past import past_requests
from hub.db.tables import CallRow, Connection
from hub.rules.asking import ask_crm, remembered
from hub.rules.dry_run import dry_run, numbers_of
from hub.rules.tried import DryRun
from hub.web.services import web
from mapping.model import Rules


def ask_of_last(connection_id: int, last: int) -> Mapping[str, ClientNow]:
    """What the CRM says of the clients of the last calls. Call it outside of a transaction: it takes a while."""
    with web().database.reading() as session:
        numbers = numbers_of(session, session.get_one(Connection, connection_id), last=last)
    return ask_crm(web().services.runtime, connection_id, numbers)


def ask_of_call(connection_id: int, call: CallRow | None) -> Mapping[str, ClientNow]:
    """The same of one call's client, who is not asked about again with each letter that somebody types."""
    numbers = (call.client_e164,) if call is not None and call.client_e164 else ()
    return remembered(web().services.runtime, connection_id, numbers)


def try_last(
    session: Session, connection: Connection, rules: Rules, last: int, asked: Mapping[str, ClientNow]
) -> DryRun:
    """`hub.rules.dry_run.dry_run` with the requests for a callback."""
    registry = web().services.registry
    return dry_run(session, registry, connection, rules, last=last, asked=asked, requests=past_requests)
