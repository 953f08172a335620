"""Whose clients are whose: by phone, by card, and all of them by paging (bitrix24.md §2.6, §3.5, §4.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.bitrix24.client import Portal
from connectors.bitrix24.envelope import Envelope, identifier, mapping, rows, text
from connectors.contract import Door, OwnedPhone, OwnersPage
from hub.domain.errors import Rejected
from hub.domain.phone import Phone, parse_phone

PLACES: Mapping[str, int] = {"CONTACT": 0, "COMPANY": 1, "LEAD": 2}
"""Which of a phone's cards is preferred (bitrix24.md §4.8)."""
_ORDER = tuple(PLACES)
_AT_WORK: Mapping[str, bool] = {"OPENED": True, "CLOSED": False, "PAUSED": False, "EXPIRED": False}
"""UNAVAILABLE and NOT_INSTALLED say that nobody keeps time there (bitrix24.md §3.5)."""
_PAGE_ROWS = 50
_NAMES = ("NAME", "LAST_NAME", "TITLE")
_CLOSED_LEADS = frozenset({"S", "F"})


class Bitrix24Owners:
    """The `Owners` of Bitrix24. Kinds are those of the portal: CONTACT, COMPANY, LEAD."""

    def find_owner(self, phone: Phone, door: Door) -> Sequence[OwnedPhone]:
        """One call gives owner, extension and presence; its order is not promised."""
        if phone.e164 is None:
            return ()
        said = Portal(door).call("telephony.externalCall.searchCrmEntities", {"PHONE_NUMBER": phone.e164}, write=False)
        found = [one for row in rows(said) if (one := _found(row, phone)) is not None]
        return sorted(found, key=lambda one: one.place)

    def owners(self, door: Door, cursor: str | None) -> OwnersPage:
        """Fifty cards; the cursor is "KIND:id", the last card that was read."""
        kind, _, last_id = (cursor or f"{_ORDER[0]}:0").partition(":")
        if kind not in PLACES or not last_id.isdigit():
            raise Rejected("This is no place to go on from.")
        listed = rows(Portal(door).call(f"crm.{kind.lower()}.list", _page(kind, last_id), write=False))
        ids = [int(found) for row in listed if (found := identifier(row.get("ID"))) and found.isdigit()]
        fresh = [row for row in listed if int(identifier(row.get("ID")) or 0) > int(last_id)]
        phones = tuple(one for row in fresh for one in _owned(row, kind, door.connection.region))
        if len(listed) >= _PAGE_ROWS and max(ids, default=0) > int(last_id):
            return OwnersPage(phones, f"{kind}:{max(ids)}")
        following = _ORDER.index(kind) + 1
        return OwnersPage(phones, f"{_ORDER[following]}:0" if following < len(_ORDER) else None)

    def party(self, kind: str, party_id: str, door: Door) -> Sequence[OwnedPhone] | None:
        kept_as = self.kind_of(kind)
        if not kept_as:
            return None
        query = {**_page(kept_as, "0"), "filter": {"=ID": party_id}}
        listed = rows(Portal(door).call(f"crm.{kept_as.lower()}.list", query, write=False))
        # A filter that the portal does not understand is dropped in silence (bitrix24.md §2.6).
        mine = [row for row in listed if identifier(row.get("ID")) == party_id]
        return [one for row in mine for one in _owned(row, kept_as, door.connection.region)]

    def kind_of(self, kind: str) -> str:
        return kind.upper() if kind.upper() in PLACES else ""


def _page(kind: str, last_id: str) -> Mapping[str, object]:
    names = ["TITLE"] if kind == "COMPANY" else ["NAME", "LAST_NAME", *(["TITLE"] if kind == "LEAD" else [])]
    more = ["STATUS_SEMANTIC_ID"] if kind == "LEAD" else []
    return {
        "order": {"ID": "ASC"},
        "filter": {">ID": int(last_id)},
        "select": ["ID", "ASSIGNED_BY_ID", "PHONE", *names, *more],
        "start": -1,
    }


def _owned(row: Envelope, kind: str, region: str) -> list[OwnedPhone]:
    """A card's phones. A lead that was won or lost owns nobody any more."""
    party_id = identifier(row.get("ID"))
    if party_id is None or text(row.get("STATUS_SEMANTIC_ID")) in _CLOSED_LEADS:
        return []
    numbers = [text(one.get("VALUE")) for one in rows(row.get("PHONE"))]
    phones = [phone for number in numbers if (phone := parse_phone(number, region)) is not None]
    owner = identifier(row.get("ASSIGNED_BY_ID"))
    return [OwnedPhone(phone, kind, party_id, PLACES[kind], _name(row), owner) for phone in phones]


def _found(row: Envelope, phone: Phone) -> OwnedPhone | None:
    kind, party_id = text(row.get("CRM_ENTITY_TYPE")).upper(), identifier(row.get("CRM_ENTITY_ID"))
    if kind not in PLACES or party_id is None:
        return None
    owner = mapping(row.get("ASSIGNED_BY"))
    status = text(owner.get("TIMEMAN_STATUS")).upper()
    owner_id = identifier(row.get("ASSIGNED_BY_ID")) or identifier(owner.get("ID"))
    name = text(row.get("NAME")) or None
    return OwnedPhone(phone, kind, party_id, PLACES[kind], name, owner_id, at_work=_AT_WORK.get(status))


def _name(row: Envelope) -> str | None:
    return " ".join(part for name in _NAMES if (part := text(row.get(name)).strip())) or None
