"""Owners out of the strict portal, over real sockets: all of them by batches, one by phone, one by card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.bitrix24.owners import Bitrix24Owners
from connectors.contract import ConnectionFacts, Door, OwnedPhone, RecordingFile
from hub.domain.access import AccessToken
from hub.domain.errors import Rejected
from hub.domain.phone import Phone
from hub.net.client import HubHttp
from simulators.bitrix24 import Bitrix24Simulator, User
from tests.bitrix24.portal import FakePortal, refusal, reply

OWNERS = Bitrix24Owners()
VIP = {"vip_field": "TYPE_ID", "vip_value": "gold"}


class NoTokens:
    def current(self) -> AccessToken:
        raise AssertionError("an inbound webhook has no token")

    def renewed(self, stale: AccessToken) -> AccessToken:
        raise AssertionError("an inbound webhook has no token")


@dataclass
class Link:
    portal: Bitrix24Simulator
    http: HubHttp
    settings: dict[str, object] = field(default_factory=dict)
    spent: list[str] = field(default_factory=list)

    @property
    def door(self) -> Door:
        return Door(
            connection=ConnectionFacts(
                1, "bitrix24", "b24", "RU", "Europe/Moscow", "ru",
                {"auth": "webhook", **self.settings}, {"webhook_url": self.portal.webhook_url},
            ),
            http=self.http,
            tokens=NoTokens(),
            now=lambda: datetime.now(UTC),
            spend=self.spent.append,
            recording=lambda _: RecordingFile(Path("/none"), "mp3", 0),
            remember=lambda _: None,
        )  # fmt: skip

    def add(self, kind: str, number: str, owner: int, **more: object) -> str:
        fields = {"ASSIGNED_BY_ID": owner, "PHONE": [{"VALUE": number, "VALUE_TYPE": "WORK"}], **more}
        return str(self.portal.add_entity(kind, fields))

    def everything(self) -> list[OwnedPhone]:
        found: list[OwnedPhone] = []
        cursor: str | None = None
        while True:
            page = OWNERS.owners(self.door, cursor)
            found += page.phones
            cursor = page.cursor
            if cursor is None:
                return found


@pytest.fixture(scope="module")
def portal() -> Iterator[Bitrix24Simulator]:
    users: list[User | Mapping[str, Any]] = [User(1, "Админ", admin=True), User(7, "Анна"), User(8, "Борис")]
    with Bitrix24Simulator(users=users) as running:
        yield running


@pytest.fixture
def link(portal: Bitrix24Simulator) -> Iterator[Link]:
    http = HubHttp(("127.0.0.1",))
    yield Link(portal, http)
    http.close()
    assert portal.ledger.offences() == []


def phone(number: str) -> Phone:
    return Phone(number, f"+{number}")


def test_all_cards_are_read_by_a_few_requests_each_once_and_with_their_owners(link: Link) -> None:
    ids = [link.add("CONTACT", f"+7900555{number:04}", 7 + number % 2, NAME=f"N{number}") for number in range(1130)]
    company = link.add("COMPANY", "+7 (495) 555-00-01", 8, TITLE="Acme")
    found = link.everything()
    contacts = [one for one in found if one.kind == "CONTACT" and one.id in ids]
    assert [one.id for one in contacts] == ids
    assert [one.owner_user_id for one in contacts[:3]] == ["7", "8", "7"]
    assert (contacts[0].phone.e164, contacts[0].name) == ("+79005550000", "N0")
    assert [(one.phone.e164, one.place) for one in found if one.id == company and one.kind == "COMPANY"] == [
        ("+74955550001", 1)
    ]
    assert link.spent == ["batch"] * 4  # two of contacts, one of companies, one of leads


def test_open_leads_own_their_phone_and_closed_ones_do_not(link: Link) -> None:
    opened = link.add("LEAD", "+79005560001", 7, TITLE="open")
    link.add("LEAD", "+79005560002", 7, TITLE="lost", STATUS_ID="JUNK")
    leads = {one.phone.e164: one.id for one in link.everything() if one.kind == "LEAD"}
    assert leads.get("+79005560001") == opened
    assert "+79005560002" not in leads


def test_one_phone_is_found_with_its_owner_and_the_time_clock(link: Link) -> None:
    contact = link.add("CONTACT", "+79005570001", 8, NAME="Olga")
    (found,) = OWNERS.find_owner(phone("79005570001"), link.door)
    assert (found.kind, found.id, found.owner_user_id, found.place) == ("CONTACT", contact, "8", 0)
    assert OWNERS.find_owner(phone("79005579999"), link.door) == []


def test_a_card_is_read_by_its_id_and_one_that_is_gone_has_no_phones(link: Link) -> None:
    contact = link.add("CONTACT", "+79005580001", 7)
    found = OWNERS.party("contact", contact, link.door)
    assert found is not None
    assert [(one.phone.e164, one.owner_user_id) for one in found] == [("+79005580001", "7")]
    assert OWNERS.party("CONTACT", "999999", link.door) == []
    assert OWNERS.party("deal", "1", link.door) is None


def test_the_field_of_the_settings_marks_a_vip_in_bulk_by_phone_and_by_card(link: Link) -> None:
    link.settings.update(VIP)
    marked = link.add("CONTACT", "+79005590001", 7, TYPE_ID="Gold")
    link.add("CONTACT", "+79005590002", 7, TYPE_ID="silver")
    vips = {one.phone.e164 for one in link.everything() if one.vip}
    assert vips == {"+79005590001"}
    assert [one.vip for one in OWNERS.find_owner(phone("79005590001"), link.door)] == [True]
    assert [one.vip for one in OWNERS.find_owner(phone("79005590002"), link.door)] == [False]
    found = OWNERS.party("CONTACT", marked, link.door)
    assert found is not None
    assert [one.vip for one in found] == [True]


def test_without_a_value_any_yes_is_a_mark(link: Link) -> None:
    link.settings.update({"vip_field": "POST"})
    link.add("CONTACT", "+79005600001", 7, POST="1")
    link.add("CONTACT", "+79005600002", 7, POST="0")
    assert {one.phone.e164 for one in link.everything() if one.vip} == {"+79005600001"}


def test_a_list_that_fails_first_is_an_error_and_later_the_place_to_go_on_from() -> None:
    row = {"ID": "5", "ASSIGNED_BY_ID": "7", "PHONE": [{"VALUE": "+79001234567"}]}
    full = [{**row, "ID": str(number)} for number in range(1, 51)]
    error = {"error": "", "error_description": "internal"}
    portal = FakePortal().on("batch", reply({"result": {"p0": full}, "result_error": {"p1": error}}))
    page = OWNERS.owners(portal.door, None)
    assert (len(page.phones), page.cursor) == (50, "CONTACT:50")
    portal = FakePortal().on("batch", reply({"result": [], "result_error": {"p0": error}}))
    with pytest.raises(Rejected):
        OWNERS.owners(portal.door, None)


def test_a_refused_batch_is_the_error_that_it_is() -> None:
    portal = FakePortal().on("batch", refusal("Access denied", "ACCESS_DENIED", 403))
    with pytest.raises(Rejected):
        OWNERS.owners(portal.door, "CONTACT:10")


@pytest.mark.parametrize("cursor", ["DEAL:1", "CONTACT", "CONTACT:x"])
def test_a_cursor_of_somebody_elses_is_refused(cursor: str) -> None:
    with pytest.raises(Rejected):
        OWNERS.owners(FakePortal().door, cursor)
