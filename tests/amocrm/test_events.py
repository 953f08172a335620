"""What an account posts when a card changes: brackets, strings, no signature (amocrm.md §5.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from urllib.parse import urlencode

import pytest

from connectors.amocrm.events import WATCHED, AmocrmHook
from hub.domain.errors import BadSignature
from hub.domain.notices import PartyChanged
from simulators.amocrm import AmoCrmSimulator
from webhooks.contract import HookRequest, Ignored, InboxItem, Malformed, News, ParseContext, Parsed

HOOK = AmocrmHook()
SECRETS = ({"access_token": "t"},)
AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ACCOUNT = {"account[id]": "555", "account[subdomain]": "demo"}


def request(*forms: dict[str, str]) -> HookRequest:
    body = urlencode({name: value for form in (*forms, ACCOUNT) for name, value in form.items()}).encode()
    return HookRequest("POST", "", "", {"content-type": "application/x-www-form-urlencoded"}, body, AT)


def card(entity: str, action: str, number: int = 0, **fields: str) -> dict[str, str]:
    return {f"{entity}[{action}][{number}][{name}]": value for name, value in fields.items()}


def item(*forms: dict[str, str]) -> InboxItem:
    (kept,) = HOOK.admit(request(*forms), SECRETS).items
    return kept


def read(*forms: dict[str, str], account_id: object = "555") -> Parsed:
    return HOOK.parse(item(*forms), ParseContext("RU", MappingProxyType({"account_id": account_id})))


def changed(*forms: dict[str, str]) -> tuple[object, ...]:
    news = read(*forms)
    assert isinstance(news, News), news
    return news.notices


def test_several_cards_in_one_body_are_each_told_once() -> None:
    assert changed(
        card("contacts", "update", 0, id="1100", type="contact", updated_at="1788000000"),
        card("contacts", "update", 1, id="1101", type="contact", updated_at="1788000000"),
        card("contacts", "responsible", 0, id="1100", type="contact", old_responsible_user_id="5"),
        card("leads", "status", 0, id="77", status_id="142", old_status_id="50"),
    ) == (PartyChanged("contact", "1100"), PartyChanged("contact", "1101"), PartyChanged("lead", "77"))


def test_a_company_comes_under_contacts_and_is_told_by_its_type() -> None:
    assert changed(card("contacts", "add", id="9", type="company")) == (PartyChanged("company", "9"),)
    assert changed(card("companies", "update", id="9")) == (PartyChanged("company", "9"),)


def test_a_deletion_is_looked_at_and_not_believed() -> None:
    """It may come after the card was restored: what is there now is asked of the account."""
    assert changed(card("contacts", "delete", id="9", type="contact")) == (PartyChanged("contact", "9"),)


def test_an_incoming_lead_that_was_sorted_may_have_another_person() -> None:
    form = {"unsorted[delete][0][action]": "accept", "unsorted[delete][0][accept_result][leads][]": "77"}
    assert changed(form) == (PartyChanged("lead", "77"),)


def test_what_is_not_about_a_client_is_ignored_and_a_card_without_id_is_quarantined() -> None:
    assert isinstance(read({"talk[add][0][talk_id]": "3"}), Ignored)
    assert isinstance(read(card("contacts", "update", name="Ivan")), Malformed)
    assert isinstance(read(card("contacts", "update", id="x9")), Malformed)


def test_an_event_of_another_account_is_not_ours() -> None:
    form = card("contacts", "update", id="9")
    assert isinstance(read(form, account_id="777"), Ignored)
    assert isinstance(read(form, account_id=None), News)  # not known yet
    assert isinstance(read(form, account_id=555), News)


def test_what_names_no_account_or_is_no_form_is_refused() -> None:
    good = request(card("contacts", "update", id="9"))
    wrong = [
        replace(good, method="GET"),
        replace(good, body=b""),
        replace(good, body=b'{"contacts": []}'),
        replace(good, body=b"\xff\xfe" + good.body),
        replace(good, body=good.body.replace(b"account", b"somebody")),
        replace(good, body=b"&".join([good.body, *(b"a=1" for _ in range(10_001))])),
    ]
    for one in wrong:
        with pytest.raises(BadSignature):
            HOOK.admit(one, SECRETS)
    for secrets in ((), ({},), ({"access_token": ""},)):
        with pytest.raises(BadSignature):
            HOOK.admit(good, secrets)


def test_another_try_is_the_same_event_and_a_second_deletion_is_not() -> None:
    update, delete = card("contacts", "update", id="9", updated_at="1788000000"), card("contacts", "delete", id="9")
    for form, is_same in ((update, True), (delete, False)):
        first = request(form)
        later = replace(first, received_at=AT + timedelta(minutes=5))
        keys = [HOOK.admit(one, SECRETS).items[0].dedupe_key for one in (first, later)]
        assert (keys[0] == keys[1]) is is_same


def test_thousands_of_fields_are_read_at_once() -> None:
    fields = {f"contacts[update][0][custom_fields][{n}][values][0][value]": "x" * 20 for n in range(9_000)}
    assert changed(card("contacts", "update", id="9"), fields) == (PartyChanged("contact", "9"),)


@pytest.fixture
def amo() -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator() as running:
        yield running


def test_what_the_stand_in_posts_is_understood(amo: AmoCrmSimulator) -> None:
    posted: list[str] = []
    amo.account.webhooks[1] = {"id": 1, "destination": "http://127.0.0.1:1/", "settings": list(WATCHED),
                               "disabled": False}  # fmt: skip
    contact = amo.add_contact("+79001234567")
    lead = amo.add_entity("leads", {"name": "Order"})
    amo.change_entity("contacts", contact, {"responsible_user_id": 504})
    amo.change_entity("leads", lead, {"responsible_user_id": 505})
    company = amo.add_entity("companies", {"name": "Acme"})
    amo.delete_entity("contacts", contact)
    assert amo.settle()
    posted = [str(entry["form"]) for entry in amo.ledger.entries("delivery")]
    told = set()
    for form in posted:
        (kept,) = HOOK.admit(HookRequest("POST", "", "", {}, form.encode(), AT), SECRETS).items
        news = HOOK.parse(kept, ParseContext("RU", MappingProxyType({"account_id": amo.account.id})))
        assert isinstance(news, News), form
        told |= set(news.notices)
    expected = [("contact", contact), ("lead", lead), ("company", company)]
    assert told == {PartyChanged(kind, str(number)) for kind, number in expected}
