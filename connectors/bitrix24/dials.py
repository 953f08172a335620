"""Calls that Bitrix24 opens itself: a clicked number (bitrix24.md §3.1)."""

from __future__ import annotations

from connectors.bitrix24.client import Portal
from connectors.bitrix24.errors import Refused
from connectors.bitrix24.steps import registration
from connectors.bitrix24.translate import ENTITY_TYPE_IDS, user_id
from connectors.contract import Door, StepResult, StepSpec
from hub.domain.notices import DialRequested

_NOT_REACHED = "480"


class Bitrix24Dials:
    """Fills `connectors.contract.CrmDials`."""

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
