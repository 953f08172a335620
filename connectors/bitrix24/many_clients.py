"""Whom the portal keeps behind many numbers, in two requests of its budget (bitrix24.md §2.5, §3.5).

The index of owners knows no deals: the portal sends no event of a contact when a deal of theirs is opened or closed.
What `clients.find_client` asks for one call is asked here for many, with the same questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.bitrix24.brackets import query
from connectors.bitrix24.client import Params, Portal
from connectors.bitrix24.clients import DEALS, SEARCH, deals_of, open_among, preferred
from connectors.bitrix24.envelope import Envelope, identifier, mapping, rows, text
from connectors.bitrix24.translate import Entity
from connectors.contract import ClientNow, Door, Json
from hub.domain.phone import Phone
from hub.domain.treatment import PersonState

_MOST = 25
"""Fifty commands are allowed; a batch is cut off after 60 s, though, and somebody waits for the answer."""


class Bitrix24Clients:
    """Fills `connectors.contract.CrmClients`."""

    most = _MOST

    def clients(self, phones: Sequence[Phone], door: Door) -> Mapping[str, ClientNow]:
        """A number that the portal gave no answer for is missing, as is a contact whose deals it did not list."""
        portal = Portal(door)
        searches: dict[str, Params] = {phone.e164: {"PHONE_NUMBER": phone.display} for phone in phones if phone.e164}
        cards = {number: preferred(listed) for number, listed in _asked(portal, SEARCH, searches).items()}
        questions = {number: deals_of(card[0]) for number, card in cards.items() if card}
        deals = _asked(portal, DEALS, {number: one for number, one in questions.items() if one is not None})
        found: dict[str, ClientNow] = {}
        for number, card in cards.items():
            if card is None:
                found[number] = ClientNow(PersonState.UNKNOWN)
            elif questions[number] is None:
                found[number] = _client(*card, PersonState.LEAD)
            elif number in deals:
                has_deal = bool(open_among(deals[number], card[0]))
                found[number] = _client(*card, PersonState.CONTACT_WITH_DEAL if has_deal else PersonState.CONTACT)
        return found


def _client(_entity: Entity, row: Envelope, state: PersonState) -> ClientNow:
    return ClientNow(state, identifier(row.get("ASSIGNED_BY_ID")), text(row.get("NAME")) or None)


def _asked(portal: Portal, method: str, questions: Mapping[str, Params]) -> dict[str, list[Envelope]]:
    """The rows that each question found, as far as it was answered."""
    if not questions:
        return {}
    keys = {f"q{place}": number for place, number in enumerate(questions)}
    commands: dict[str, Json] = {key: f"{method}?{query(questions[number])}" for key, number in keys.items()}
    answer = mapping(portal.call("batch", {"halt": 0, "cmd": commands}, write=False))
    results = answer.get("result")
    if isinstance(results, list):  # PHP writes an empty map as a list
        return {}
    return {keys[key]: rows(found) for key, found in mapping(results).items() if key in keys}
