"""Cards that were changed, by the clock of the account: the net below lost webhooks, and all there is without them.

Three lists are read one after the other (amocrm.md §5.4): contacts, companies, and leads, for whoever is
responsible for an open lead owns its people. The cursor is "contacts:1790000000-1790000300:1": what is read,
the second at which all lists begin, the one from which this list is read on, and the page. It moves on by the
time of the last row and not by pages alone, because a card that changes while the list is read moves to its end,
and the rest of the list a place forward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from connectors.amocrm.client import Account
from connectors.amocrm.envelope import Envelope, embedded, identifier, mapping
from connectors.amocrm.memory import Memory
from connectors.amocrm.owners import KINDS, living, owned
from connectors.amocrm.party import COMPANIES, CONTACTS, LEADS, moment_of
from connectors.contract import Door, OwnedPhone, OwnersPage
from hub.domain.errors import Rejected

_ORDER = (CONTACTS, COMPANIES, LEADS)
_WITH = {CONTACTS: LEADS, COMPANIES: LEADS, LEADS: f"{CONTACTS},{COMPANIES}"}
_PAGE = {CONTACTS: 250, COMPANIES: 250, LEADS: 50}
_CARDS_AT_ONCE = 50


class AmocrmOwnerChanges:
    """Fills `connectors.contract.OwnerChanges`."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()

    def changed_since(self, moment: datetime) -> str:
        return f"{CONTACTS}:{int(moment.timestamp())}:1"

    def changes(self, door: Door, cursor: str) -> OwnersPage:
        """One page of the list that `cursor` names, with the cards that it tells of. Raises `Rejected` for another."""
        account = Account(door, self._memory)
        entity, began, since, page = _place_of(cursor)
        document = account.read(
            entity,
            {
                "with": _WITH[entity],
                "limit": _PAGE[entity],
                "page": page,
                "filter[updated_at][from]": since,
                "order[updated_at]": "asc",
            },
        )
        rows = embedded(document, entity)
        phones, cards = _of_leads(account, rows) if entity == LEADS else _of_cards(account, entity, rows)
        if "next" in mapping(mapping(document).get("_links")):
            newest = max((moment_of(row) for row in rows), default=since)
            place = f"{began}-{newest}:1" if newest > since else f"{began}-{since}:{page + 1}"
            return OwnersPage(phones, f"{entity}:{place}", cards)
        following = _ORDER.index(entity) + 1
        return OwnersPage(phones, f"{_ORDER[following]}:{began}:1" if following < len(_ORDER) else None, cards)


def _place_of(cursor: str) -> tuple[str, int, int, int]:
    """The list, the second at which all lists begin, the one from which this one is read on, and the page."""
    entity, _, rest = cursor.partition(":")
    moments, _, page = rest.partition(":")
    began, _, since = moments.partition("-")
    numbers = (began, since or began, page)
    if entity not in _ORDER or not all(number.isdigit() for number in numbers) or not int(page):
        raise Rejected("This is no place to go on from.")
    return entity, int(began), int(since or began), int(page)


def _of_cards(
    account: Account, entity: str, rows: Sequence[Envelope]
) -> tuple[tuple[OwnedPhone, ...], tuple[tuple[str, str], ...]]:
    """The phones of these contacts or companies, and all of the cards, for some have lost theirs."""
    cards = tuple((KINDS[entity], number) for row in rows if (number := identifier(row.get("id"))))
    return tuple(owned(account, entity, living(rows))), cards


def _of_leads(
    account: Account, leads: Sequence[Envelope]
) -> tuple[tuple[OwnedPhone, ...], tuple[tuple[str, str], ...]]:
    """The same for the people of these leads."""
    phones: list[OwnedPhone] = []
    cards: list[tuple[str, str]] = []
    for entity in (CONTACTS, COMPANIES):
        numbers = {number: None for lead in leads for one in embedded(lead, entity) if (number := _id(one))}
        for some in _parts(list(numbers)):
            rows = embedded(account.read(entity, {"filter[id][]": some, "with": LEADS, "limit": _PAGE[entity]}), entity)
            phones += owned(account, entity, living(rows))
            cards += [(KINDS[entity], number) for number in some]
    return tuple(phones), tuple(cards)


def _id(row: Envelope) -> str | None:
    return identifier(row.get("id"))


def _parts(numbers: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(numbers), _CARDS_AT_ONCE):
        yield list(numbers[start : start + _CARDS_AT_ONCE])
