"""`/bitrix24/card`: our place on the portal's call card. Who calls, where from, and what was before (bitrix24.md §6).

It is opened while the telephone rings, so it asks nobody but the hub's own database, and loads no script.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.bitrix24.application import Claim, Proof, Unproven, claim_of_frame
from connectors.bitrix24.hosts import origin_of
from connectors.bitrix24.placements import ShownCall, shown_call
from connectors.bitrix24.steps import REGISTER
from hub.db.directory import DirectoryUser
from hub.db.engine import database_now
from hub.db.tables import CallRow, Connection, Workspace
from hub.db.work import DeliveryRow
from hub.domain.errors import Unreachable
from hub.domain.phone import format_phone, parse_phone
from hub.web.bitrix24 import bitrix24
from hub.web.bitrix24.frame import framed_page, refusal_page, shown_moment
from hub.web.bitrix24.store import connections_of, has_tokens
from hub.web.bitrix24.trust import proven
from hub.web.bitrix24.words import language_of
from hub.web.queries.attribution import ShownAttribution, attribution_of
from hub.web.queries.callers import KnownParty, earlier_calls, keyword_of, parties_of
from hub.web.queries.calls import employee_names
from hub.web.services import web

_SAME_CALL = timedelta(hours=12)
_MOST_CALLS = 20
_LINKED = frozenset({"CONTACT", "COMPANY", "LEAD", "DEAL"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A party on the card: `address` opens it in the portal, `current` is the one that the portal's card is on."""

    party: KnownParty
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    call: CallRow
    moment: str
    employee: str


@dataclass(frozen=True, slots=True)
class Card:
    """What stands on the card. `call` is None while the hub has not heard of the call."""

    client: str
    call: CallRow | None
    keyword: str
    attribution: ShownAttribution | None
    parties: tuple[Shown, ...]
    earlier: tuple[Earlier, ...]
    earlier_count: int


@bitrix24.route("/card", methods=["GET", "POST"])
def card_page() -> ResponseReturnValue:
    """One call as its employee should see it while it rings."""
    claim = claim_of_frame(request.args.to_dict(), request.form.to_dict()) if request.method == "POST" else None
    if claim is None:
        return refusal_page("outside", status=200 if request.method == "GET" else 400)
    try:
        proof = proven(claim)
        with web().database.reading() as session:
            card = _card(session, _connection(session, proof), proof, claim, request.form.get("PLACEMENT_OPTIONS", ""))
    except Unproven as refusal:
        return refusal_page("refused", status=403, words=refusal.message, hint=refusal.hint)
    except Unreachable as error:
        return refusal_page("later", status=503, words=error.message)
    portal = origin_of(proof.client_endpoint)
    return framed_page("bitrix24/card.html", portal=portal, language=language_of(claim.language), card=card)


def _connection(session: Session, proof: Proof) -> Connection:
    rows = connections_of(session, proof.member_id)
    mine = [row for row in rows if (row.secrets or {}).get("client_id") == proof.client_id]
    found = next((row for row in mine if has_tokens(session, row.id)), None)
    if found is None:
        raise Unproven("The application is not installed on this portal.")
    return found


def _card(session: Session, connection: Connection, proof: Proof, claim: Claim, options: str) -> Card:
    workspace = session.get_one(Workspace, connection.workspace_id)
    said = shown_call(options)
    phone = parse_phone(said.phone, workspace.region)
    e164 = phone.e164 if phone else None
    call = _call(session, connection, e164, said)
    before_it = earlier_calls(session, workspace.id, e164, call.started_at if call else database_now(session))
    names = _names(session, connection)
    zone, language = ZoneInfo(workspace.timezone), language_of(claim.language)
    return Card(
        client=format_phone(phone) if phone else said.phone,
        call=call,
        keyword=keyword_of(session, call) if call else "",
        attribution=attribution_of(session, call.id, call.started_at) if call else None,
        parties=_parties(session, connection, e164, said, origin_of(proof.client_endpoint)),
        earlier=tuple(
            Earlier(call, shown_moment(call.started_at, zone, language), names.get(_who(call), _who(call)))
            for call in before_it.latest
        ),
        earlier_count=before_it.count,
    )


def _call(session: Session, connection: Connection, e164: str | None, said: ShownCall) -> CallRow | None:
    """The hub's call behind the portal's: by its CALL_ID, else the client's newest one that is not over."""
    if e164 is None:
        return None
    calls = session.scalars(
        select(CallRow)
        .where(
            CallRow.workspace_id == connection.workspace_id,
            CallRow.client_e164 == e164,
            CallRow.started_at > database_now(session) - _SAME_CALL,
        )
        .order_by(CallRow.started_at.desc())
        .limit(_MOST_CALLS)
    ).all()
    registered = session.execute(
        select(DeliveryRow.call_id, DeliveryRow.result).where(
            DeliveryRow.connection_id == connection.id,
            DeliveryRow.step_key == REGISTER,
            DeliveryRow.call_id.in_([call.id for call in calls]),
        )
    )
    by_id = {str((row.result or {}).get("call_id")): row.call_id for row in registered}
    known = by_id.get(said.call_id)
    return next((call for call in calls if call.id == known), None) or next(
        (call for call in calls if call.closing == "open"), None
    )


def _parties(
    session: Session, connection: Connection, e164: str | None, said: ShownCall, portal: str
) -> tuple[Shown, ...]:
    """Of this portal alone; the one that its card is on first."""
    found = [
        Shown(party, _address(portal, party), f"{party.kind}:{party.id}" == said.entity)
        for party in parties_of(session, connection.workspace_id, e164)
        if party.connection_id == connection.id
    ]
    return tuple(sorted(found, key=lambda one: not one.current))


def _address(portal: str, party: KnownParty) -> str:
    if party.kind not in _LINKED or not party.id.isdigit():
        return ""
    return f"{portal}/crm/{party.kind.lower()}/details/{party.id}/"


def _names(session: Session, connection: Connection) -> dict[str, str]:
    """Who sits at an extension: as the portal lists them; what was written down in the hub wins."""
    listed = session.execute(
        select(DirectoryUser.extension, DirectoryUser.name).where(DirectoryUser.connection_id == connection.id)
    )
    names = {row.extension: row.name for row in listed if row.extension}
    written = employee_names(session, connection.workspace_id)
    return names | {extension: name for (_, extension), name in written.items()}


def _who(call: CallRow) -> str:
    return call.answered_by or call.first_rung or ""
