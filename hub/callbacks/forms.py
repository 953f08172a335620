"""A CRM's own callback form: the request of whoever filled it in."""

from __future__ import annotations

import structlog
from sqlalchemy import event
from sqlalchemy.orm import Session

from hub.callbacks.request import Ask, FormParty, More, Refused
from hub.callbacks.taking import take_request
from hub.db.tables import Connection
from hub.domain.notices import CallbackWanted
from hub.runtime import Runtime

log = structlog.get_logger()


def take_form(session: Session, runtime: Runtime, connection_id: int, wanted: CallbackWanted) -> None:
    """Keep the request, in the transaction that reads the CRM's event. The form's card keeps what was refused."""
    connection = session.get_one(Connection, connection_id)
    party = None
    if wanted.party_kind and wanted.party_id:
        party = FormParty(connection_id, wanted.party_kind, wanted.party_id)
    line = wanted.line.e164 if wanted.line is not None else None
    ask = Ask(
        workspace_id=connection.workspace_id,
        phone=wanted.client.display,
        asked_by=f"crm:{connection.name}",
        comment=wanted.text,
        more=More(party=party, line=line or ""),
    )
    taken = take_request(session, runtime, ask)
    if isinstance(taken, Refused):
        log.warning("form_refused", connection_id=connection_id, reason=taken.reason)
    event.listen(session, "after_commit", lambda _session: runtime.want_callbacks(), once=True)
