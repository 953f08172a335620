"""Cards that were changed are read again without any webhook, asked of the strict stand-in (amocrm.md §5.4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.amocrm.changed import AmocrmOwnerChanges
from connectors.contract import OwnersPage
from hub.domain.errors import Rejected
from hub.domain.phone import Phone
from simulators.amocrm import AmoCrmSimulator
from tests.amocrm.live import Live, live

ANNA, BORIS = 504, 505
CLIENT = Phone("+79001234567", "+79001234567")
SINCE = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
BEFORE, AFTER = int((SINCE - timedelta(days=1)).timestamp()), int((SINCE + timedelta(hours=1)).timestamp())


@pytest.fixture
def amo() -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator() as running:
        yield running


@pytest.fixture
def hub(amo: AmoCrmSimulator) -> Live:
    return live(amo)


def pages(hub: Live, cursor: str | None = None) -> list[OwnersPage]:
    changes = AmocrmOwnerChanges(hub.memory)
    read = [changes.changes(hub.door, cursor or changes.changed_since(SINCE))]
    while read[-1].cursor is not None:
        read.append(changes.changes(hub.door, read[-1].cursor))
    return read


def owners(read: list[OwnersPage]) -> dict[str | None, str | None]:
    return {one.phone.e164: one.owner_user_id for page in read for one in page.phones}


def cards(read: list[OwnersPage]) -> set[tuple[str, str]]:
    return {card for page in read for card in page.cards}


def test_only_what_was_changed_since_is_read(amo: AmoCrmSimulator, hub: Live) -> None:
    amo.add_contact("+79001234568", responsible_user_id=ANNA, updated_at=BEFORE)
    contact = amo.add_contact(CLIENT.display, responsible_user_id=BORIS, updated_at=AFTER)
    read = pages(hub)
    assert owners(read) == {CLIENT.e164: str(BORIS)}
    assert cards(read) == {("contact", str(contact))}


def test_a_card_that_has_lost_its_phone_is_told_of_all_the_same(amo: AmoCrmSimulator, hub: Live) -> None:
    contact = amo.add_entity("contacts", {"name": "Olga", "updated_at": AFTER})
    read = pages(hub)
    assert (owners(read), cards(read)) == ({}, {("contact", str(contact))})


def test_a_lead_that_was_given_to_somebody_else_changes_its_peoples_owner(amo: AmoCrmSimulator, hub: Live) -> None:
    contact = amo.add_contact(CLIENT.display, responsible_user_id=ANNA, updated_at=BEFORE)
    lead = amo.add_entity("leads", {"name": "Order", "responsible_user_id": BORIS})
    amo.link(lead, contact)
    amo.change_entity("contacts", contact, {"updated_at": BEFORE})
    amo.change_entity("leads", lead, {"updated_at": AFTER})
    read = pages(hub)
    assert owners(read) == {CLIENT.e164: str(BORIS)}
    assert ("contact", str(contact)) in cards(read)


@pytest.mark.parametrize("a_second_apart", [True, False])
def test_more_than_a_page_is_read_whether_the_clock_moved_on_or_not(
    amo: AmoCrmSimulator, hub: Live, a_second_apart: bool
) -> None:
    """An import changes thousands of cards in one second."""
    for number in range(520):
        amo.add_contact(f"+7900200{number:04}", updated_at=AFTER + (number if a_second_apart else 0))
    assert len(owners(pages(hub))) == 520


def test_a_card_that_changes_while_the_list_is_read_hides_no_other_one(amo: AmoCrmSimulator, hub: Live) -> None:
    """It moves to the end of the list, and the first card of the next page moves into the page that was read."""
    numbers = [amo.add_contact(f"+7900200{number:04}", updated_at=AFTER + number) for number in range(260)]
    changes = AmocrmOwnerChanges(hub.memory)
    first = changes.changes(hub.door, changes.changed_since(SINCE))
    amo.change_entity("contacts", numbers[0], {"updated_at": AFTER + 1000})
    assert len(owners([first, *pages(hub, first.cursor)])) == 260


def test_reading_goes_on_from_any_cursor_and_from_no_other_place(amo: AmoCrmSimulator, hub: Live) -> None:
    amo.add_contact(CLIENT.display, updated_at=AFTER)
    assert AmocrmOwnerChanges().changed_since(SINCE) == f"contacts:{int(SINCE.timestamp())}:1"
    assert len(pages(hub, f"companies:{BEFORE}-{AFTER}:1")) == 2
    for wrong in ("tasks:1:1", "contacts", "contacts:1", "contacts:1:0", "contacts:x:1", "contacts:1-:-1"):
        with pytest.raises(Rejected):
            AmocrmOwnerChanges().changes(hub.door, wrong)


def test_every_request_is_taken_from_the_budget(amo: AmoCrmSimulator, hub: Live) -> None:
    contact = amo.add_contact(CLIENT.display)
    amo.link(amo.add_entity("leads", {"name": "Order"}), contact)
    before = len(amo.requests())
    pages(hub)
    assert len(hub.spent) == len(amo.requests()) - before
