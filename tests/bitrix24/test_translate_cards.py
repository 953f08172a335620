"""What is written on a client's card: sources, tasks, notes, file names. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.bitrix24.translate import Entity
from connectors.bitrix24.translate_cards import (
    inert,
    marker,
    note_params,
    record_name,
    short_key,
    source_fields,
    task_params,
    update_params,
)
from hub.domain.intents import IntentKind
from hub.domain.party import Source
from tests.bitrix24.portal import facts, intent

SOURCE = Source("yandex", "cpc", "doors_msk", "banner", "steel door", evidence="visit at 09:58")


def test_a_source_fills_utm_and_words() -> None:
    assert source_fields(SOURCE, "", "LEAD") == {
        "UTM_SOURCE": "yandex",
        "UTM_MEDIUM": "cpc",
        "UTM_CAMPAIGN": "doors_msk",
        "UTM_CONTENT": "banner",
        "UTM_TERM": "steel door",
        "SOURCE_DESCRIPTION": "yandex / cpc / doors_msk: visit at 09:58",
    }


def test_what_a_source_does_not_say_is_not_overwritten() -> None:
    assert source_fields(Source("billboard"), "", "DEAL") == {
        "UTM_SOURCE": "billboard",
        "SOURCE_DESCRIPTION": "billboard",
    }


def test_the_intents_words_describe_a_source_and_a_company_has_no_such_field() -> None:
    assert source_fields(Source("billboard"), "Tverskaya", "LEAD")["SOURCE_DESCRIPTION"] == "Tverskaya"
    assert source_fields(Source("billboard"), "", "COMPANY") == {"UTM_SOURCE": "billboard"}


def test_an_update_is_not_told_to_the_feed() -> None:
    assert update_params(Entity("LEAD", "5102"), {"UTM_SOURCE": "x"}) == {
        "id": 5102,
        "fields": {"UTM_SOURCE": "x"},
        "params": {"REGISTER_SONET_EVENT": "N"},
    }


def test_a_task_names_card_person_time_and_our_call() -> None:
    deadline = datetime(2026, 8, 29, 9, 0, tzinfo=UTC)
    what = intent(IntentKind.ADD_TASK, key="task", title="Call back", text="Missed [b]call[/b]", deadline=deadline)
    assert task_params(what, Entity("CONTACT", "871"), "42", "Europe/Moscow") == {
        "ownerTypeId": 3,
        "ownerId": 871,
        "deadline": "2026-08-29T12:00:00+03:00",
        "title": "Call back",
        "description": f"Missed ［b]call［/b]\n(dozvon:call-551:{short_key('task')})",
        "responsibleId": 42,
    }


def test_a_task_without_deadline_or_person_is_due_an_hour_after_the_call() -> None:
    params = task_params(intent(IntentKind.ADD_TASK), Entity("LEAD", "1"), None, "UTC")
    assert params["deadline"] == "2026-08-29T08:00:01+00:00"
    assert "responsibleId" not in params
    ended = facts(ended_at=datetime(2026, 8, 29, 7, 3, tzinfo=UTC))
    params = task_params(intent(IntentKind.ADD_TASK, ended), Entity("LEAD", "1"), None, "UTC")
    assert params["deadline"] == "2026-08-29T08:03:00+00:00"


def test_a_note_carries_words_link_and_marker() -> None:
    what = intent(IntentKind.ADD_NOTE, key="n", title="Form", text="<script>", link="https://hub.example/r/1")
    assert note_params(what, Entity("LEAD", "5102")) == {
        "fields": {
            "ENTITY_ID": 5102,
            "ENTITY_TYPE": "lead",
            "COMMENT": f"Form\n‹script>\nhttps://hub.example/r/1\n{marker(what)}",
        }
    }


def test_a_marker_is_not_found_inside_another_ones() -> None:
    short, long = (intent(IntentKind.ADD_TASK, facts(call_id=name)) for name in ("12", "123"))
    assert marker(short) not in marker(long)


def test_no_markup_begins_in_words_of_others() -> None:
    assert inert("[URL=x]<b>") == "［URL=x]‹b>"


def test_a_recordings_name_is_plain_and_ends_in_lower_case() -> None:
    name = record_name(facts(call_id="../a b/551"), "9", "MP3")
    assert name == f"call-ab551-{short_key('9')}.mp3"
