"""The portal's events: what is genuine, what is kept, what is understood (bitrix24.md §1.4, §3.9, §5)."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest

from connectors.bitrix24.events import Bitrix24Hook, dedupe_key, read_form
from hub.domain.errors import BadSignature
from hub.domain.notices import AccessChanged, CallbackWanted, DialRequested, PartyChanged
from hub.domain.phone import Phone
from webhooks.contract import HookRequest, Ignored, InboxItem, Malformed, News, ParseContext, Parsed

TOKEN = "c3d4e5f60718"
CONTEXT = ParseContext("RU", {})
CLICK = {
    "event": "ONEXTERNALCALLSTART",
    "event_handler_id": "31",
    "data[PHONE_NUMBER]": "8 (900) 123-45-67",
    "data[PHONE_NUMBER_INTERNATIONAL]": "+79001234567",
    "data[USER_ID]": "42",
    "data[LINE_NUMBER]": "",
    "data[CALL_ID]": "externalCall.9f00e1.1788000100",
    "data[CRM_ENTITY_TYPE]": "CONTACT",
    "data[CRM_ENTITY_ID]": "871",
    "ts": "1788000100",
    "auth[member_id]": "0f1e",
    "auth[access_token]": "a1b2",
    "auth[application_token]": TOKEN,
}


def request(form: dict[str, str], method: str = "POST") -> HookRequest:
    return HookRequest(method, "", "", {}, urlencode(form).encode(), datetime(2026, 8, 29, tzinfo=UTC))


def parsed(form: dict[str, str]) -> Parsed:
    (item,) = Bitrix24Hook().admit(request(form), [{"application_token": TOKEN}]).items
    return Bitrix24Hook().parse(item, CONTEXT)


def notice(form: dict[str, str]) -> object:
    understood = parsed(form)
    assert isinstance(understood, News)
    (one,) = understood.notices
    return one


@pytest.mark.parametrize(
    "secrets",
    [[], [{}], [{"application_token": ""}], [{"application_token": "another"}], [{"application_token": TOKEN + "x"}]],
)
def test_only_our_application_token_opens_the_door(secrets: list[dict[str, str]]) -> None:
    with pytest.raises(BadSignature):
        Bitrix24Hook().admit(request(CLICK), secrets)


def test_an_empty_token_is_never_genuine() -> None:
    with pytest.raises(BadSignature):
        Bitrix24Hook().admit(request({**CLICK, "auth[application_token]": ""}), [{"application_token": ""}])


def test_the_token_before_a_change_is_taken_too() -> None:
    secrets = [{"application_token": "newer"}, {"application_token": TOKEN}]
    assert Bitrix24Hook().admit(request(CLICK), secrets).items


def test_a_kept_event_has_no_token_in_it() -> None:
    (item,) = Bitrix24Hook().admit(request(CLICK), [{"application_token": TOKEN}]).items
    assert not {"auth[access_token]", "auth[application_token]"} & set(read_form(item.body))


def test_the_same_event_twice_is_one_whatever_its_tokens_are() -> None:
    again = {**CLICK, "auth[access_token]": "other", "event_handler_id": "32"}
    assert dedupe_key(CLICK) == dedupe_key(again)
    assert dedupe_key(CLICK) != dedupe_key({**CLICK, "ts": "1788000101"})
    assert dedupe_key(CLICK) != dedupe_key({**CLICK, "data[USER_ID]": "7"})


def test_a_click_says_whom_to_ring_and_which_call_it_is_already() -> None:
    assert notice(CLICK) == DialRequested(
        Phone("+79001234567", "+79001234567"), "42", None, CLICK["data[CALL_ID]"], "CONTACT", "871"
    )


def test_keys_that_go_and_come_without_notice_harm_nothing() -> None:
    bare = {name: value for name, value in CLICK.items() if "handler" not in name and "INTERNATIONAL" not in name}
    understood = notice({**bare, "data[NEW_KEY]": "x", "auth[scope]": "crm"})
    assert isinstance(understood, DialRequested)
    assert understood.client.e164 == "+79001234567"


@pytest.mark.parametrize("more", [{"data[CALL_LIST_ID]": "17"}, {"data[IS_MOBILE]": "1"}, {"data[EXTENSION]": "4048"}])
def test_a_click_out_of_a_call_list_or_on_a_mobile_is_a_click(more: dict[str, str]) -> None:
    assert notice({**CLICK, **more}) == notice(CLICK)


@pytest.mark.parametrize("missing", ["data[USER_ID]", "data[CALL_ID]"])
def test_a_click_without_what_it_needs_is_quarantined(missing: str) -> None:
    assert isinstance(parsed({**CLICK, missing: ""}), Malformed)


def test_a_callback_form_is_kept_as_a_wish() -> None:
    form = {
        **CLICK,
        "event": "ONEXTERNALCALLBACKSTART",
        "data[PHONE_NUMBER]": "89001234567",
        "data[TEXT]": "Перезвоните",
        "data[LINE_NUMBER]": "74950000001",
        "data[CRM_ENTITY_TYPE]": "LEAD",
        "data[CRM_ENTITY_ID]": "5102",
    }
    wish = notice(form)
    assert isinstance(wish, CallbackWanted)
    assert (wish.client.e164, wish.text, wish.party_kind, wish.party_id) == (
        "+79001234567", "Перезвоните", "LEAD", "5102",
    )  # fmt: skip
    assert wish.line is not None


def test_a_payment_is_told_in_the_vendors_words() -> None:
    form = {**CLICK, "event": "ONAPPPAYMENT", "data[PAYMENT_EXPIRED]": "Y", "data[DAYS]": "0"}
    assert notice(form) == AccessChanged({"PAYMENT_EXPIRED": "Y", "DAYS": "0"})


@pytest.mark.parametrize(("event", "deleted"), [("ONCRMLEADUPDATE", False), ("ONCRMLEADDELETE", True)])
def test_a_changed_card_is_named_and_nothing_else(event: str, deleted: bool) -> None:
    assert notice({**CLICK, "event": event, "data[FIELDS][ID]": "871"}) == PartyChanged("LEAD", "871", deleted)


@pytest.mark.parametrize("event", ["ONVOXIMPLANTCALLEND", "ONAPPUNINSTALL", "ONAPPTEST", "ONSOMETHINGNEW"])
def test_what_needs_nothing_is_ignored_with_a_reason(event: str) -> None:
    understood = parsed({**CLICK, "event": event})
    assert isinstance(understood, Ignored)
    assert understood.reason


@pytest.mark.parametrize("body", [b"", b"\xff\xfe=1", b"&".join(b"a=1" for _ in range(600)), b"{}"])
def test_a_strange_body_opens_nothing(body: bytes) -> None:
    strange = HookRequest("POST", "", "", {}, body, datetime(2026, 8, 29, tzinfo=UTC))
    with pytest.raises(BadSignature):
        Bitrix24Hook().admit(strange, [{"application_token": TOKEN}])


def test_a_kept_body_that_was_damaged_is_malformed() -> None:
    item = InboxItem("k", "ONEXTERNALCALLSTART", b"&".join(b"a=1" for _ in range(600)))
    assert isinstance(Bitrix24Hook().parse(item, CONTEXT), Malformed)
