"""Calls that Bitrix24 opens itself: a clicked number, a callback form (bitrix24.md §3.1, §3.9)."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.bitrix24.calls import default_user
from connectors.bitrix24.client import Portal
from connectors.bitrix24.envelope import Envelope, identifier, mapping, rows, text
from connectors.bitrix24.errors import Refused
from connectors.bitrix24.steps import registration
from connectors.bitrix24.translate import ENTITY_TYPE_IDS, Params, line_number, user_id
from connectors.contract import Door, StepResult, StepSpec
from hub.domain.errors import OutcomeUnknown, Rejected
from hub.domain.notices import CallbackWanted, DialRequested

_CALLBACK = 4
_ORDER = {"CONTACT": 0, "COMPANY": 1, "LEAD": 2}
_NOT_REACHED = "480"


class Bitrix24Dials:
    """Fills `connectors.contract.CrmDials`."""

    def open(self, wanted: CallbackWanted, *, command_id: str, staff: Sequence[str], door: Door) -> DialRequested:
        """Register the call of a form, on the client's owner where they can be rung.

        The same `command_id` within half an hour gets the same CALL_ID (bitrix24.md §3.2).
        """
        portal = Portal(door)
        who = next((owner for owner in _owners(portal, wanted) if owner in staff), None)
        who = who or (staff[0] if staff else default_user(portal))
        params = _callback_params(wanted, command_id, who, portal.settings.source_id)
        answer = mapping(portal.call("telephony.externalCall.register", params, write=True))
        call_id = text(answer.get("CALL_ID"))
        if not call_id:
            raise OutcomeUnknown("Bitrix24 answered the registration without a CALL_ID.")
        return DialRequested(wanted.client, who, wanted.line, call_id, wanted.party_kind, wanted.party_id)

    def adopted(self, dial: DialRequested) -> tuple[StepSpec, StepResult]:
        """`register` is done: the portal gave the CALL_ID before the PBX knew of the call."""
        kind = dial.party_kind if dial.party_kind in ENTITY_TYPE_IDS else None
        result: StepResult = {
            "call_id": dial.crm_call_id,
            "created": [],
            "entity_type": kind,
            "entity_id": dial.party_id if kind else None,
            "user_id": dial.user_id,
            "opened_by": "bitrix24",
        }
        return registration(), result

    def give_up(self, dial: DialRequested, reason: str, door: Door) -> None:
        """Finish the call as one that nobody was reached in; otherwise it swallows the next one (§10, no. 2)."""
        if not dial.crm_call_id:
            return
        params = {
            "CALL_ID": dial.crm_call_id,
            "USER_ID": user_id(dial.user_id),
            "DURATION": 0,
            "STATUS_CODE": _NOT_REACHED,
            "FAILED_REASON": reason[:200],
            "ADD_TO_CHAT": 0,
        }
        try:
            Portal(door).call("telephony.externalCall.finish", params, write=True)
        except Refused as refusal:
            if not refusal.says("Call is not found"):
                raise


def _owners(portal: Portal, wanted: CallbackWanted) -> list[str]:
    """Who owns the client: the form's own card first, then contacts, companies and leads (bitrix24.md §4.8)."""
    try:
        params = {"PHONE_NUMBER": wanted.client.display}
        found = rows(portal.call("telephony.externalCall.searchCrmEntities", params, write=False))
    except Refused:
        return []

    def place(row: Envelope) -> tuple[bool, int]:
        kind, card = text(row.get("CRM_ENTITY_TYPE")).upper(), identifier(row.get("CRM_ENTITY_ID"))
        return (kind, card) != (wanted.party_kind, wanted.party_id), _ORDER.get(kind, len(_ORDER))

    owners = [identifier(row.get("ASSIGNED_BY_ID")) for row in sorted(found, key=place)]
    return [owner for owner in owners if owner]


def _callback_params(wanted: CallbackWanted, command_id: str, who: str, source_id: str) -> Params:
    if wanted.client.e164 is None:
        raise Rejected("The number of the form is no full telephone number.")
    params: Params = {
        "USER_ID": user_id(who),
        "PHONE_NUMBER": wanted.client.display,
        "TYPE": _CALLBACK,
        "EXTERNAL_CALL_ID": command_id,
        "CRM_CREATE": 1,
        "CRM_SOURCE": source_id,
        "SHOW": 1,
        "ADD_TO_CHAT": 0,
    }
    if wanted.line is not None:
        params["LINE_NUMBER"] = line_number(wanted.line)
    if wanted.party_kind in ENTITY_TYPE_IDS and wanted.party_id:
        params |= {"CRM_ENTITY_TYPE": wanted.party_kind, "CRM_ENTITY_ID": user_id(wanted.party_id)}
    return params
