"""Intents to payloads, purely."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from connectors.amocrm.envelope import without_nulls
from connectors.amocrm.settings import account_settings
from connectors.amocrm.translate import (
    call_note,
    call_status,
    duration_seconds,
    incoming_lead,
    line_id,
    marker,
    ringing,
    source_fields,
    stranger,
    task,
)
from connectors.amocrm.with_contact import lead_with_contact
from hub.domain.events import Result
from hub.domain.intents import CallFacts, IntentKind
from hub.domain.party import Source
from hub.domain.phone import Phone
from tests.amocrm.account import CODES
from tests.amocrm.story import LINK, YANDEX, Hub, call, intent, missed, outbound

SETTINGS = account_settings(Hub().door.connection)


@pytest.mark.parametrize(
    ("facts", "seconds", "status"),
    [
        (call(), 187, 4),
        (call(talk_seconds=0), 1, 4),
        (missed(), 0, 6),
        (missed(result=None), 0, 6),
        (missed(result=Result.BUSY), 0, 7),
        (missed(result=Result.WRONG_NUMBER), 0, 5),
        (missed(talk_seconds=12), 0, 6),
    ],
)
def test_length_and_outcome_of_a_call(facts: CallFacts, seconds: int, status: int) -> None:
    assert (duration_seconds(facts), call_status(facts)) == (seconds, status)


@pytest.mark.parametrize("facts", [call(), missed(), outbound(), call(user_id=None, extension=None, line=None)])
def test_no_payload_has_a_null_a_float_or_an_empty_link(facts: CallFacts) -> None:
    payloads = [
        call_note(facts, SETTINGS, "7"),
        incoming_lead(facts, SETTINGS, CODES, "ru"),
        lead_with_contact(facts, SETTINGS, CODES, "ru", stranger(facts)),
        task(intent(IntentKind.ADD_TASK, facts, title="t"), ("leads", "7"), None, SETTINGS),
    ]
    for payload in payloads:
        text = json.dumps(without_nulls(payload))
        assert "null" not in text
        assert not [part for part in text.replace(",", " ").split() if part.count(".") == 1 and part[0].isdigit()]
    assert "link" not in json.loads(json.dumps(without_nulls(payloads[0])))["params"]


def test_times_are_whole_unix_seconds_of_when_it_happened() -> None:
    at = datetime(2026, 9, 1, 9, 0, 1, 700000, tzinfo=UTC)
    note = call_note(call(started_at=at), SETTINGS, "7")
    assert note["created_at"] == 1788253201
    assert type(note["created_at"]) is int


def test_a_call_is_somebodys_even_when_the_crm_does_not_list_them() -> None:
    facts = call(user_id=None, extension="104")
    note = without_nulls(call_note(facts, SETTINGS, "7"))
    assert isinstance(note, dict)
    assert note["params"]["call_responsible"] == "104"
    assert "responsible_user_id" not in note


def test_the_first_link_is_the_calls() -> None:
    note = call_note(call(recording_links=(LINK, "https://hub.example/r/2")), SETTINGS, "7")
    assert isinstance(note["params"], dict)
    assert note["params"]["link"] == LINK


def test_only_tracking_fields_that_exist_are_sent_and_long_values_are_cut() -> None:
    source = Source("y" * 400, "cpc", None, "", "doors")
    fields = source_fields(source, {"UTM_SOURCE", "UTM_TERM", "UTM_CAMPAIGN"})
    assert fields == [
        {"field_code": "UTM_SOURCE", "values": [{"value": "y" * 255}]},
        {"field_code": "UTM_TERM", "values": [{"value": "doors"}]},
    ]
    assert source_fields(YANDEX, ()) == []
    assert source_fields(None, CODES) == []


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (Phone("74950000001", "+74950000001"), "did:74950000001"),
        (Phone("sip:trunk@acme.example"), "did:sip:trunk@acme.example"),
        (None, "did:unknown"),
    ],
)
def test_a_line_is_always_the_same_source(line: Phone | None, named: str) -> None:
    assert line_id(line) == named


def test_the_card_is_rung_by_digits_and_user_ids() -> None:
    assert ringing(call(), "42") == {"add": [{"type": "phone_call", "phone_number": "79001234567", "users": [42]}]}


def test_a_marker_is_never_a_part_of_another() -> None:
    first, second = (marker(intent(IntentKind.ADD_TASK, call(call_id=name), key="task")) for name in ("c1", "c12"))
    assert first not in second
    assert second not in first


def test_a_task_has_a_deadline_even_when_the_plan_has_none() -> None:
    facts = missed(ended_at=None)
    made = task(intent(IntentKind.ADD_TASK, facts, title="t"), ("contacts", "7"), "5", SETTINGS)
    assert made["complete_till"] == int((facts.started_at + timedelta(hours=1)).timestamp())


@pytest.mark.parametrize(("locale", "name"), [("ru", "Пропущенный звонок +7 900"), ("de", "Missed call from +7 900")])
def test_people_read_it_in_their_language(locale: str, name: str) -> None:
    item = incoming_lead(missed(), SETTINGS, CODES, locale)
    assert name in json.dumps(item, ensure_ascii=False)
