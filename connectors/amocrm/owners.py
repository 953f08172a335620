"""Whose clients are whose: by phone, by card, and all of them by paging (amocrm.md §3.7, §5.4).

The owner of a phone is who is responsible for the client's open lead, else for the client's card: the
same person to whom a call of that client is written (`party.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from connectors.amocrm.client import Account
from connectors.amocrm.envelope import Envelope, embedded, identifier, mapping, rows, text
from connectors.amocrm.memory import Memory
from connectors.amocrm.party import (
    COMPANIES,
    CONTACTS,
    LEADS,
    Card,
    card_of,
    hits_for,
    incoming_card,
    moment_of,
    open_leads,
    phones_of,
    same_number,
)
from connectors.contract import ConnectionFacts, Door, OwnedPhone, OwnersPage
from hub.domain.errors import Rejected
from hub.domain.phone import Phone, parse_phone

KINDS: Mapping[str, str] = {CONTACTS: "contact", COMPANIES: "company", LEADS: "lead"}
"""Names of lists to names of what is in them; the latter are those of webhooks and of `OwnedPhone.kind`."""
_ENTITIES = {kind: entity for entity, kind in KINDS.items()}
_ORDER = (CONTACTS, COMPANIES)
_PAGE = 250
_NO_MARK = frozenset({"", "0", "no", "false", "нет"})
_RANK_STEP = 10**8
"""More than the minutes since 1970: within a rank the card that was changed last has the smaller place."""


class AmocrmOwners:
    """The `Owners` of amoCRM. Kinds are "contact" and "company"; a changed "lead" changes its people's owner."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()

    def find_owner(self, phone: Phone, door: Door) -> Sequence[OwnedPhone]:
        """Cards with that number in a PHONE value, whatever else the search has hit; else the open incoming lead's."""
        account = Account(door, self._memory)
        entity, hits = hits_for(phone, account)
        if hits:
            found = [replaced for one in owned(account, entity, hits) if (replaced := _of(one, phone, door))]
            return sorted({one.id: one for one in found}.values(), key=lambda one: (one.place, one.id.zfill(20)))
        card = incoming_card(phone, account)
        return [_waiting(account, card, phone)] if card else []

    def owners(self, door: Door, cursor: str | None) -> OwnersPage:
        """One page of contacts, then of companies; the cursor is "contacts:3", the page to read next."""
        account = Account(door, self._memory)
        entity, page = _place_of(cursor)
        params = {"with": LEADS, "limit": _PAGE, "page": page, "order[id]": "asc"}
        document = account.read(entity, params)
        phones = tuple(owned(account, entity, living(embedded(document, entity))))
        if "next" in mapping(mapping(document).get("_links")):
            return OwnersPage(phones, f"{entity}:{page + 1}")
        following = _ORDER.index(entity) + 1
        return OwnersPage(phones, f"{_ORDER[following]}:1" if following < len(_ORDER) else None)

    def party(self, kind: str, party_id: str, door: Door) -> Sequence[OwnedPhone] | None:
        """A card's phones; of a lead, those of its people, whose owner it may have changed."""
        entity = _ENTITIES.get(kind)
        if entity is None or not party_id.isdigit():
            return None
        account = Account(door, self._memory)
        if entity != LEADS:
            return _card_phones(account, entity, party_id)
        row = mapping(account.read(f"{LEADS}/{party_id}", {"with": f"{CONTACTS},{COMPANIES}"}))
        people = [(name, identifier(one.get("id"))) for name in _ORDER for one in embedded(row, name)]
        return [phone for name, one in people if one for phone in _card_phones(account, name, one)]

    def kind_of(self, kind: str) -> str:
        return kind if kind in _ENTITIES else ""


def _place_of(cursor: str | None) -> tuple[str, int]:
    entity, _, page = (cursor or f"{CONTACTS}:1").partition(":")
    if entity not in _ORDER or not page.isdigit() or not int(page):
        raise Rejected("This is no place to go on from.")
    return entity, int(page)


def _card_phones(account: Account, entity: str, party_id: str) -> list[OwnedPhone]:
    row = mapping(account.read(f"{entity}/{party_id}", {"with": LEADS}))
    return owned(account, entity, living([row]))


def living(rows: Iterable[Envelope]) -> list[Envelope]:
    return [row for row in rows if identifier(row.get("id")) and row.get("is_deleted") is not True]


def owned(account: Account, entity: str, rows: Sequence[Envelope]) -> list[OwnedPhone]:
    """Every phone of these cards."""
    leads = {text(lead.get("id")): lead for lead in open_leads(account, [row for row in rows if phones_of(row)])}
    region = account.door.connection.region
    found = []
    for row in rows:
        card = card_of(entity, row, leads)
        phones = [phone for value in phones_of(row) if (phone := parse_phone(value, region))]
        vip = is_vip(row, account.door.connection)
        found += [_phone(card, phone, moment_of(row), vip) for phone in phones]
    return found


def is_vip(row: Envelope, connection: ConnectionFacts) -> bool:
    """Whether a contact or company carries the mark that the settings name.

    `vip_tag` is a tag's name; `vip_field` the id or code of a field, `vip_value` what it holds for a VIP, without
    it anything that is not "no" (amocrm.md §4.3: `_embedded.tags`, `custom_fields_values`). Case does not count.
    """
    tag, field, wanted = (text(connection.settings.get(name)).lower() for name in ("vip_tag", "vip_field", "vip_value"))
    if tag and tag in {text(one.get("name")).strip().lower() for one in embedded(row, "tags")}:
        return True
    held = {_held(value) for one in rows(row.get("custom_fields_values")) if _is_field(one, field)
            for value in rows(one.get("values"))}  # fmt: skip
    return bool(field) and (wanted in held if wanted else bool(held - _NO_MARK))


def _is_field(one: Envelope, field: str) -> bool:
    return bool(field) and field in {identifier(one.get("field_id")), text(one.get("field_code")).lower()}


def _held(value: Envelope) -> str:
    """A checkbox holds true or false, a list its words, a text itself."""
    said = value.get("value")
    return str(said).lower() if isinstance(said, bool) else text(said).strip().lower()


def _phone(card: Card, phone: Phone, changed_at: int, vip: bool) -> OwnedPhone:
    kind = KINDS[card.entity]
    rank = (1 if card.lead_id else 2) + (0 if card.entity == CONTACTS else 2)
    place = rank * _RANK_STEP - changed_at // 60
    return OwnedPhone(phone, kind, card.id, place, card.name or None, card.owner, vip)


def has_open_lead(_kind: str, place: int) -> bool:
    """What a place of the index says: contacts and companies each stand with an open lead before those without."""
    return -(-place // _RANK_STEP) in {1, 3}


def _of(one: OwnedPhone, phone: Phone, door: Door) -> OwnedPhone | None:
    """The card under the number that was asked for, when this phone of it is that number."""
    if not same_number(one.phone.display, phone, door.connection.region):
        return None
    return OwnedPhone(phone, one.kind, one.id, one.place, one.name, one.owner_user_id, one.vip)


def _waiting(account: Account, card: Card, phone: Phone) -> OwnedPhone:
    """Somebody whose incoming lead nobody has accepted: the lead's person is who had the call."""
    lead = mapping(account.read(f"{LEADS}/{card.lead_id}")) if card.lead_id else {}
    owner = identifier(lead.get("responsible_user_id"))
    return OwnedPhone(phone, KINDS[card.entity], card.id, _RANK_STEP, card.name or None, owner)
