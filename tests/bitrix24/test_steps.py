"""Which rows an intent becomes."""

from __future__ import annotations

import pytest

from connectors.bitrix24 import CONNECTOR
from connectors.bitrix24.translate_cards import short_key
from connectors.contract import StepSpec, Unsupported
from hub.domain.intents import IntentKind, Lane
from tests.bitrix24.portal import facts, intent

DAYS_14 = 14 * 24 * 3600


def steps(kind: IntentKind, about: str = "") -> list[StepSpec]:
    assert CONNECTOR.crm is not None
    found = CONNECTOR.crm.steps(intent(kind, about=about))
    assert not isinstance(found, Unsupported)
    return list(found)


def register(lane: Lane) -> StepSpec:
    return StepSpec("register", 10, lane, DAYS_14, repeatable=False, by_client=True, resend_is_safe=True)


def test_a_card_registers_the_call_at_once_and_lives_a_minute() -> None:
    show = StepSpec("show:42", 20, Lane.URGENT, 60, repeatable=True, needs=("register",))
    assert steps(IntentKind.SHOW_CARD, "42") == [register(Lane.URGENT), show]


def test_hiding_registers_nothing() -> None:
    hide = StepSpec("hide:42", 21, Lane.URGENT, 60, repeatable=True, needs=("register",))
    assert steps(IntentKind.HIDE_CARD, "42") == [hide]


def test_the_portal_itself_makes_the_lead() -> None:
    assert steps(IntentKind.ENSURE_LEAD) == [register(Lane.CALLS)]


def test_a_call_is_logged_when_its_facts_have_come_to_rest() -> None:
    finish = StepSpec("finish", 30, Lane.CALLS, DAYS_14, repeatable=False, needs=("register",), settles=True)
    assert steps(IntentKind.LOG_CALL) == [register(Lane.CALLS), finish]


def test_what_hangs_on_the_card_comes_after() -> None:
    record = f"record:{short_key('9')}"
    assert [
        *steps(IntentKind.SET_SOURCE),
        *steps(IntentKind.ATTACH_RECORDING, "9"),
        *steps(IntentKind.ATTACH_TRANSCRIPT),
        *steps(IntentKind.ADD_NOTE),
        *steps(IntentKind.ADD_TASK),
        *steps(IntentKind.CLOSE_TASK, "61002"),
    ] == [
        StepSpec("source", 40, Lane.CALLS, DAYS_14, repeatable=True, needs=("register",)),
        StepSpec("trace", 41, Lane.CALLS, DAYS_14, repeatable=False, needs=("register",), settles=True),
        StepSpec(
            record, 50, Lane.BULK, DAYS_14, repeatable=False, needs=("finish",), by_client=True, resend_is_safe=True
        ),
        StepSpec("transcript", 52, Lane.BULK, DAYS_14, repeatable=False, needs=("finish",), settles=True),
        StepSpec("note:add_note", 55, Lane.CALLS, DAYS_14, repeatable=False, needs=("register",)),
        StepSpec("task", 60, Lane.CALLS, DAYS_14, repeatable=False, needs=("finish",)),
        StepSpec("close_task:61002", 61, Lane.CALLS, DAYS_14, repeatable=True),
    ]


def test_a_further_recording_is_told_on_the_card_by_its_link() -> None:
    assert CONNECTOR.crm is not None
    links = ("https://hub.example/r/1", "https://hub.example/r/2")
    specs = [
        CONNECTOR.crm.steps(
            intent(IntentKind.ATTACH_RECORDING, facts(recording_links=links), key=f"recording:{link[-1]}", link=link)
        )
        for link in links
    ]
    assert not any(isinstance(found, Unsupported) for found in specs)
    assert [spec.key.partition(":")[0] for found in specs for spec in found] == ["record", "note"]  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", [IntentKind.SHOW_CARD, IntentKind.HIDE_CARD, IntentKind.REPORT_CONVERSION])
def test_what_cannot_be_shown_is_said(kind: IntentKind) -> None:
    assert CONNECTOR.crm is not None
    found = CONNECTOR.crm.steps(intent(kind))
    assert isinstance(found, Unsupported)
    assert found.reason


def test_a_call_without_a_number_is_not_registered_but_a_task_can_be_closed() -> None:
    assert CONNECTOR.crm is not None
    hidden = facts(client=None)
    for kind in IntentKind:
        found = CONNECTOR.crm.steps(intent(kind, hidden, about="1"))
        assert isinstance(found, Unsupported) == (kind is not IntentKind.CLOSE_TASK)


def test_every_kind_of_intent_has_an_answer() -> None:
    for kind in IntentKind:
        assert CONNECTOR.crm is not None
        CONNECTOR.crm.steps(intent(kind, about="1"))
