"""Who is behind a number in the account.

`query` is a full-text search over all fields, so a hit proves nothing: only a contact or company one
of whose PHONE values is the number counts (amocrm.md §3.7). A person who waits among the incoming
leads need not be found that way, so those are looked through as well (§3.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.amocrm.client import Account
from connectors.amocrm.envelope import Envelope, embedded, identifier, mapping, rows, text
from connectors.amocrm.errors import Refused
from connectors.amocrm.reference import CLOSED_STATUSES
from connectors.amocrm.translate_forms import FORM_MARK
from connectors.contract import Door, Json, StepResult
from hub.domain.party import Party
from hub.domain.phone import Phone, parse_phone

CONTACTS, COMPANIES, LEADS = "contacts", "companies", "leads"
_KINDS = {CONTACTS: "contact", COMPANIES: "company", LEADS: "lead"}
_COMPARED_DIGITS = 10
_MOST_HITS = 50
_INCOMING_PAGE = 250
_MOST_INCOMING_PAGES = 8
_LEADS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Card:
    """The card of a client: `entity` is contacts, companies or, for a lead without a person, leads.

    `lead_id` is the open lead that a call goes to, `owner` who is responsible for it, else for the
    person. `unsorted_uid` names the incoming lead that nobody has accepted yet.
    """

    entity: str
    id: str
    name: str = ""
    owner: str | None = None
    lead_id: str | None = None
    open_leads: tuple[str, ...] = ()
    unsorted_uid: str | None = None

    @property
    def target(self) -> tuple[str, str]:
        """Where a call, a task and a note go: the open lead, else the person."""
        return (LEADS, self.lead_id) if self.lead_id else (self.entity, self.id)


def find_party(phone: Phone, door: Door) -> Party | None:
    """The client behind `phone` as the CRM has them now, with owner and open leads; None when nobody has the number."""
    card = find_card(phone, Account(door))
    if card is None:
        return None
    return Party(_KINDS[card.entity], card.id, card.name or None, card.owner, card.open_leads)


def find_card(phone: Phone, account: Account) -> Card | None:
    """Contacts first, by each spelling; then companies; then the incoming leads. Raises delivery errors."""
    entity, hits = hits_for(phone, account)
    return _best(account, entity, hits) if hits else incoming_card(phone, account)


def hits_for(phone: Phone, account: Account) -> tuple[str, list[Envelope]]:
    """The contacts, else the companies, that have the number in a PHONE value; none when nobody has."""
    for entity, spelling in _searches(phone):
        hits = _verified(account, entity, spelling, phone)
        if hits:
            return entity, hits
    return CONTACTS, []


def fresh_card(phone: Phone, account: Account) -> Card | None:
    """The same with two requests, for somebody whom the full search has just not found."""
    hits = _verified(account, CONTACTS, last_digits(phone.display), phone)
    return _best(account, CONTACTS, hits) if hits else incoming_card(phone, account)


# --- The number -----------------------------------------------------------------------------------


def last_digits(number: str) -> str:
    """What two spellings of a number have in common: the last ten digits, or all of a shorter one."""
    return re.sub(r"\D", "", number)[-_COMPARED_DIGITS:]


def spellings(phone: Phone) -> tuple[str, ...]:
    """As what a number is searched: the national digits, then the full forms, with 8 for a Russian one."""
    digits = re.sub(r"\D", "", phone.display)
    forms = [digits[-_COMPARED_DIGITS:], phone.e164 or digits]
    if phone.e164 and phone.e164.startswith("+7") and len(digits) == _COMPARED_DIGITS + 1:
        forms.append("8" + digits[1:])
    return tuple(dict.fromkeys(forms))


def same_number(stored: str, phone: Phone, region: str) -> bool:
    """Whether a stored value, in whatever spelling, is this number."""
    there = parse_phone(stored, region)
    if there is None:
        return False
    if there.e164 and phone.e164 and (there.e164 == phone.e164 or stored.strip().startswith("+")):
        return there.e164 == phone.e164
    mine, theirs = last_digits(phone.display), last_digits(stored)
    if min(len(mine), len(theirs)) < _COMPARED_DIGITS:
        return bool(mine) and re.sub(r"\D", "", stored) == re.sub(r"\D", "", phone.display)
    return mine == theirs


def _searches(phone: Phone) -> Iterator[tuple[str, str]]:
    forms = spellings(phone)
    yield from ((CONTACTS, form) for form in forms)
    yield COMPANIES, forms[0]


# --- Contacts and companies -----------------------------------------------------------------------


def _verified(account: Account, entity: str, spelling: str, phone: Phone) -> list[Envelope]:
    found = account.read(entity, {"query": spelling, "with": "leads", "limit": _MOST_HITS})
    region = account.door.connection.region
    return [
        row
        for row in embedded(found, entity)
        if row.get("is_deleted") is not True
        and identifier(row.get("id"))
        and any(same_number(value, phone, region) for value in phones_of(row))
    ]


def phones_of(row: Envelope) -> list[str]:
    """The values of a card's PHONE field."""
    return [
        text(value.get("value"))
        for item in rows(row.get("custom_fields_values"))
        if item.get("field_code") == "PHONE"
        for value in rows(item.get("values"))
    ]


def _best(account: Account, entity: str, hits: Sequence[Envelope]) -> Card:
    """With an open lead before without, then the one changed last, then the oldest (amocrm.md §3.7)."""
    leads = {text(lead.get("id")): lead for lead in open_leads(account, hits)}
    cards = [card_of(entity, row, leads) for row in hits]
    ranked = sorted(
        zip(cards, hits, strict=True),
        key=lambda pair: (not pair[0].lead_id, -moment_of(pair[1]), int(pair[0].id) if pair[0].id.isdigit() else 0),
    )
    return ranked[0][0]


def card_of(entity: str, row: Envelope, leads: dict[str, Envelope]) -> Card:
    mine = [leads[lead_id] for lead_id in lead_ids(row) if lead_id in leads]
    mine.sort(key=lambda lead: (-moment_of(lead), text(lead.get("id"))))
    owner = identifier(mine[0].get("responsible_user_id")) if mine else None
    ids = tuple(text(lead.get("id")) for lead in mine)
    return Card(
        entity,
        identifier(row.get("id")) or "",
        text(row.get("name")),
        owner or identifier(row.get("responsible_user_id")),
        ids[0] if ids else None,
        ids,
    )


def open_leads(account: Account, hits: Iterable[Envelope]) -> list[Envelope]:
    """The leads of these cards that are neither won nor lost."""
    ids = [lead_id for row in hits for lead_id in lead_ids(row)]
    parts = [ids[start : start + _LEADS_AT_ONCE] for start in range(0, len(ids), _LEADS_AT_ONCE)]
    return [row for part in parts for row in _open_of(account, part)]


def _open_of(account: Account, ids: list[str]) -> list[Envelope]:
    found = account.read(LEADS, {"filter[id][]": ids, "limit": _INCOMING_PAGE})
    return [
        row
        for row in embedded(found, LEADS)
        if row.get("is_deleted") is not True
        and text(row.get("status_id")) not in CLOSED_STATUSES
        and identifier(row.get("id")) in ids
    ]


def lead_ids(row: Envelope) -> list[str]:
    return [found for lead in embedded(row, LEADS) if (found := identifier(lead.get("id")))]


def moment_of(row: Envelope) -> int:
    moment = text(row.get("updated_at"))
    return int(moment) if moment.isdigit() else 0


# --- Incoming leads -------------------------------------------------------------------------------


def incoming_card(phone: Phone, account: Account) -> Card | None:
    """The open incoming lead of this number: one that is accepted or declined is not listed any more."""
    region = account.door.connection.region
    for item in incoming(account):
        caller = mapping(item.get("metadata"))
        numbers = [text(caller.get(name)) for name in ("phone", "from")] + [_number_of_form(caller)]
        if any(same_number(number, phone, region) for number in numbers if number):
            return card_of_incoming(item)
    return None


def _number_of_form(about: Envelope) -> str:
    """The number in the `form_id` of a callback request of ours; "" in anybody else's form."""
    key = text(about.get("form_id"))
    return f"+{key.removeprefix(FORM_MARK).partition(':')[0]}" if key.startswith(FORM_MARK) else ""


def incoming(account: Account) -> Iterator[Envelope]:
    """Incoming leads from calls and callback requests, the newest first; an account may have none."""
    for page in range(1, _MOST_INCOMING_PAGES + 1):
        params: dict[str, Json] = {
            "filter[category][]": ["sip", "forms"],
            "order[created_at]": "desc",
            "limit": _INCOMING_PAGE,
            "page": page,
        }
        try:
            document = account.read("leads/unsorted", params)
        except Refused:
            return
        yield from embedded(document, "unsorted")
        if "next" not in mapping(mapping(document).get("_links")):
            return


def card_of_incoming(item: Envelope) -> Card | None:
    """The card behind an item of the incoming leads, and behind the answer that made one."""
    contact = first_id(item, CONTACTS)
    lead = first_id(item, LEADS)
    uid = text(item.get("uid")) or None
    leads = (lead,) if lead else ()
    if contact:
        return Card(CONTACTS, contact, lead_id=lead, open_leads=leads, unsorted_uid=uid)
    return Card(LEADS, lead, lead_id=lead, open_leads=leads, unsorted_uid=uid) if lead else None


def first_id(item: Envelope, name: str) -> str | None:
    return next((found for row in embedded(item, name) if (found := identifier(row.get("id")))), None)


# --- Cards among the results of steps --------------------------------------------------------------


def kept(card: Card) -> dict[str, Json]:
    """A card as the result of a step."""
    found: dict[str, Json] = {
        "entity": card.entity,
        "id": card.id,
        "name": card.name,
        "owner": card.owner,
        "lead_id": card.lead_id,
        "open_leads": list(card.open_leads),
        "unsorted_uid": card.unsorted_uid,
    }
    return {name: value for name, value in found.items() if value}


def card_from(result: StepResult) -> Card | None:
    """The card that a step has kept."""
    entity, card_id = text(result.get("entity")), identifier(result.get("id"))
    if not entity or card_id is None:
        return None
    leads = result.get("open_leads")
    card = Card(entity, card_id, text(result.get("name")), identifier(result.get("owner")))
    return replace(
        card,
        lead_id=identifier(result.get("lead_id")),
        open_leads=tuple(str(lead) for lead in leads) if isinstance(leads, list) else (),
        unsorted_uid=text(result.get("unsorted_uid")) or None,
    )


def client_card(done: Mapping[str, StepResult]) -> Card | None:
    """The card of this call's client: where the call went after all, else as `create` or `find` had it."""
    cards = (card_from(done.get(key, {})) for key in ("call", "create", "find"))
    return next((card for card in cards if card), None)
