"""What the rules order for a client's card at amoCRM, whose deals are its leads."""

from __future__ import annotations

import re

from connectors.amocrm.client import Account
from connectors.amocrm.envelope import rows, text
from connectors.amocrm.errors import Refused
from connectors.amocrm.forgiving import change
from connectors.amocrm.party import COMPANIES, CONTACTS, LEADS, Card, client_card, last_digits
from connectors.amocrm.reference import many_valued
from connectors.contract import Json, Step, StepResult
from hub.domain.treatment import FieldValue

_WITH_ENUM_CODE = frozenset({"PHONE", "EMAIL"})
_BETWEEN_VALUES = re.compile(r"[\n;]")
_COLLECTIONS = {"lead": LEADS, "deal": LEADS, "contact": CONTACTS, "company": COMPANIES}


def set_card(step: Step, account: Account) -> StepResult:
    """Write the ordered fields: on the cards that this call made, and on a known client's where they go always.

    Result: `updated` and `missing` (deleted meanwhile) as "leads:5102", and what was `left_out`; or `skipped`.
    """
    card = client_card(step.done)
    if card is None:
        return {"skipped": "the call is on no card"}
    made = {text(row.get("type")) for key in ("create", "call") for row in rows(step.done.get(key, {}).get("created"))}
    updated: list[Json] = []
    missing: list[Json] = []
    left_out: list[Json] = []
    for collection, entity_id in _targets(card).items():
        fields = [one for one in step.intent.call.orders.fields if _goes_on(one, collection, made, step)]
        if not fields:
            continue
        try:
            _, left = change(
                account,
                f"{collection}/{entity_id}",
                {"custom_fields_values": [_item(account, collection, f) for f in fields]},
            )
        except Refused as refusal:
            if refusal.status != 404:
                raise
            missing.append(f"{collection}:{entity_id}")
            continue
        updated.append(f"{collection}:{entity_id}")
        left_out += left
    return {"updated": updated, "missing": missing, **({"left_out": left_out} if left_out else {})}


def _targets(card: Card) -> dict[str, str]:
    found = {card.entity: card.id}
    return {**found, LEADS: card.lead_id} if card.lead_id else found


def _goes_on(one: FieldValue, collection: str, made: set[str], step: Step) -> bool:
    """The number that the card was found by stands there already: written alone it would replace all others."""
    client = step.intent.call.client
    is_there = one.field == "PHONE" and client is not None and last_digits(one.value) == last_digits(client.display)
    return _COLLECTIONS[one.entity] == collection and (one.always or collection in made) and not is_there


def _item(account: Account, collection: str, one: FieldValue) -> dict[str, Json]:
    parts = [part.strip() for part in _BETWEEN_VALUES.split(one.value) if part.strip()]
    if len(parts) < 2 or one.field not in many_valued(account, collection):
        return field_item(one)
    return {**_named(one), "values": [{"value": part} for part in parts]}


def field_item(one: FieldValue) -> dict[str, Json]:
    """A field by its id, or by its code where the rules name that; a checkbox holds true or false (amocrm.md §4.4)."""
    value: Json = one.value == "1" if one.kind == "flag" else one.value
    code = {"enum_code": "WORK"} if one.field in _WITH_ENUM_CODE else {}
    return {**_named(one), "values": [{"value": value, **code}]}


def _named(one: FieldValue) -> dict[str, Json]:
    return {"field_id": int(one.field)} if one.field.isdigit() else {"field_code": one.field}
