"""Whose clients are whose: by phone, by card, and all of them by paging (bitrix24.md §2.5, §2.6, §3.5, §4.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from connectors.bitrix24.client import Portal
from connectors.bitrix24.envelope import Envelope, identifier, mapping, rows, text
from connectors.bitrix24.errors import Complaint, error_for
from connectors.contract import ConnectionFacts, Door, Json, OwnedPhone, OwnersPage
from hub.domain.errors import Rejected
from hub.domain.phone import Phone, parse_phone

PLACES: Mapping[str, int] = {"CONTACT": 0, "COMPANY": 1, "LEAD": 2}
"""Which of a phone's cards is preferred (bitrix24.md §4.8)."""
_ORDER = tuple(PLACES)
_WITH_DEAL = -1
"""The place of a contact who has an open deal: before one who has none."""
_AT_WORK: Mapping[str, bool] = {"OPENED": True, "CLOSED": False, "PAUSED": False, "EXPIRED": False}
"""UNAVAILABLE and NOT_INSTALLED say that nobody keeps time there (bitrix24.md §3.5)."""
_PAGE_ROWS = 50
_PAGES_AT_ONCE = 20
"""Lists in one `batch`, each going on after the last row of the one before: one request of the portal's budget."""
_NAMES = ("NAME", "LAST_NAME", "TITLE")
_CLOSED_LEADS = frozenset({"S", "F", "CONVERTED", "JUNK"})
_NO_MARK = frozenset({"", "0", "n", "no", "false"})


class Bitrix24Owners:
    """The `Owners` of Bitrix24. Kinds are those of the portal: CONTACT, COMPANY, LEAD.

    A card is a VIP's when its field `vip_field` (a setting of the connection) holds `vip_value`, or anything
    that is not "no" where no value is set.
    """

    def find_owner(self, phone: Phone, door: Door) -> Sequence[OwnedPhone]:
        """One call gives owner, extension and presence; its order is not promised."""
        if phone.e164 is None:
            return ()
        portal = Portal(door)
        said = portal.call("telephony.externalCall.searchCrmEntities", {"PHONE_NUMBER": phone.e164}, write=False)
        found = [one for row in rows(said) if (one := _found(row, phone)) is not None]
        return sorted(_marked(portal, found), key=lambda one: one.place)

    def owners(self, door: Door, cursor: str | None) -> OwnersPage:
        """Up to a thousand cards of one kind; the cursor is "KIND:id", the last card that was read."""
        kind, _, last_id = (cursor or f"{_ORDER[0]}:0").partition(":")
        if kind not in PLACES or not last_id.isdigit():
            raise Rejected("This is no place to go on from.")
        listed, is_last = _read_on(Portal(door), kind, int(last_id))
        phones = tuple(_owned(listed, kind, door.connection))
        if not is_last:
            return OwnersPage(phones, f"{kind}:{_id(listed[-1])}")
        following = _ORDER.index(kind) + 1
        return OwnersPage(phones, f"{_ORDER[following]}:0" if following < len(_ORDER) else None)

    def party(self, kind: str, party_id: str, door: Door) -> Sequence[OwnedPhone] | None:
        kept_as = self.kind_of(kind)
        if not kept_as:
            return None
        return list(_owned(_cards(Portal(door), kept_as, [party_id]), kept_as, door.connection))

    def kind_of(self, kind: str) -> str:
        return kind.upper() if kind.upper() in PLACES else ""


def has_open_deal(kind: str, place: int) -> bool:
    """What a place of the index says of a client."""
    return kind == "CONTACT" and place == _WITH_DEAL


# --- In bulk ---------------------------------------------------------------------------------------


def _read_on(portal: Portal, kind: str, last_id: int) -> tuple[list[Envelope], bool]:
    """The cards after `last_id`, in the order of their ids, and whether they are the last ones."""
    said = mapping(portal.call("batch", {"halt": 0, "cmd": _commands(portal, kind, last_id)}, write=False))
    results, errors = _by_key(said.get("result")), _by_key(said.get("result_error"))
    found: list[Envelope] = []
    for number in range(_PAGES_AT_ONCE):
        key = f"p{number}"
        if key not in results:
            if not found:
                raise error_for(_complaint(mapping(errors.get(key))), write=False, now=portal.door.now())
            return found, False
        page = sorted(rows(results[key]), key=_id)
        # A list after an empty or short one has no id to go on from, and begins anew: it is not looked at.
        found += [row for row in page if _id(row) > (_id(found[-1]) if found else last_id)]
        if len(page) < _PAGE_ROWS:
            return found, True
    return found, False


def _commands(portal: Portal, kind: str, last_id: int) -> dict[str, Json]:
    method = f"crm.{kind.lower()}.list?"
    after: list[str] = [
        str(last_id),
        *(f"$result[p{number}][{_PAGE_ROWS - 1}][ID]" for number in range(_PAGES_AT_ONCE)),
    ]
    return {
        f"p{number}": method
        + urlencode(
            [
                ("order[ID]", "ASC"),
                ("filter[>ID]", after[number]),
                ("start", "-1"),
                *((f"select[{place}]", name) for place, name in enumerate(_fields(kind, portal.door.connection))),
            ]
        )
        for number in range(_PAGES_AT_ONCE)
    }


def _by_key(value: Json) -> Mapping[str, Json]:
    """PHP writes a map as a list where its keys happen to count up, and an empty one always."""
    if isinstance(value, list):
        return {f"p{number}": one for number, one in enumerate(value)}
    return mapping(value)


def _complaint(error: Envelope) -> Complaint:
    words = text(error.get("error_description")) or "a list in a batch gave no answer"
    return Complaint(400 if error else 500, text(error.get("error")).lower() if error else None, words)


# --- Cards -----------------------------------------------------------------------------------------


def _cards(portal: Portal, kind: str, ids: Sequence[str]) -> list[Envelope]:
    """The cards with these ids, as many as are there."""
    query: dict[str, Json] = {
        "order": {"ID": "ASC"},
        "filter": {"@ID": list(ids)} if len(ids) > 1 else {"=ID": ids[0]},
        "select": _fields(kind, portal.door.connection),
        "start": -1,
    }
    listed = rows(portal.call(f"crm.{kind.lower()}.list", query, write=False))
    # A filter that the portal does not understand is dropped in silence (bitrix24.md §2.6).
    return [row for row in listed if identifier(row.get("ID")) in ids]


def _fields(kind: str, connection: ConnectionFacts) -> list[Json]:
    names = ["TITLE"] if kind == "COMPANY" else ["NAME", "LAST_NAME"]
    more = ["TITLE", "STATUS_ID", "STATUS_SEMANTIC_ID"] if kind == "LEAD" else []
    mark = text(connection.settings.get("vip_field"))
    return ["ID", "ASSIGNED_BY_ID", "PHONE", *names, *more, *([mark] if mark else [])]


def _id(row: Envelope) -> int:
    found = identifier(row.get("ID"))
    return int(found) if found and found.isdigit() else 0


def _owned(listed: Iterable[Envelope], kind: str, connection: ConnectionFacts) -> Iterator[OwnedPhone]:
    """The phones of these cards. A lead that was won or lost owns nobody any more."""
    for row in listed:
        party_id = identifier(row.get("ID"))
        stages = {text(row.get(name)) for name in ("STATUS_ID", "STATUS_SEMANTIC_ID")}
        if party_id is None or stages & _CLOSED_LEADS:
            continue
        owner, vip, name = identifier(row.get("ASSIGNED_BY_ID")), _is_vip(row, connection), _name(row)
        for one in rows(row.get("PHONE")):
            phone = parse_phone(text(one.get("VALUE")), connection.region)
            if phone is not None:
                yield OwnedPhone(phone, kind, party_id, PLACES[kind], name, owner, vip)


def _name(row: Envelope) -> str | None:
    return " ".join(part for name in _NAMES if (part := text(row.get(name)).strip())) or None


def _is_vip(row: Envelope, connection: ConnectionFacts) -> bool:
    mark, wanted = text(connection.settings.get("vip_field")), text(connection.settings.get("vip_value"))
    if not mark:
        return False
    value = row.get(mark)
    held = [text(one).strip().lower() for one in (value if isinstance(value, list) else [value])]
    return wanted.lower() in held if wanted else any(one not in _NO_MARK for one in held)


# --- By phone --------------------------------------------------------------------------------------


def _found(row: Envelope, phone: Phone) -> OwnedPhone | None:
    kind, party_id = text(row.get("CRM_ENTITY_TYPE")).upper(), identifier(row.get("CRM_ENTITY_ID"))
    if kind not in PLACES or party_id is None:
        return None
    owner = mapping(row.get("ASSIGNED_BY"))
    status = text(owner.get("TIMEMAN_STATUS")).upper()
    owner_id = identifier(row.get("ASSIGNED_BY_ID")) or identifier(owner.get("ID"))
    name = text(row.get("NAME")) or None
    return OwnedPhone(phone, kind, party_id, PLACES[kind], name, owner_id, at_work=_AT_WORK.get(status))


def _marked(portal: Portal, found: Sequence[OwnedPhone]) -> list[OwnedPhone]:
    """The same, with the VIP mark, which the search does not show."""
    connection = portal.door.connection
    if not text(connection.settings.get("vip_field")):
        return list(found)
    marked: set[tuple[str, str]] = set()
    for kind in sorted({one.kind for one in found}):
        cards = _cards(portal, kind, [one.id for one in found if one.kind == kind])
        marked.update((kind, str(_id(row))) for row in cards if _is_vip(row, connection))
    return [replace(one, vip=(one.kind, one.id) in marked) for one in found]
