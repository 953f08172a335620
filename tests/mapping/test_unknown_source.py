"""An unknown source is written as unknown, and only where an answer was to be expected."""

from __future__ import annotations

from hub.domain.intents import IntentKind
from hub.domain.party import Source, UnknownSource
from tests.mapping.test_plan import ANSWERED, kinds, one, planned

NUMBER = "+74951110001"


def test_a_call_to_a_visitors_number_that_nobody_can_be_named_for_says_so() -> None:
    note = one(planned(*ANSWERED, unknown=UnknownSource(NUMBER, 0.41, 0.2)), IntentKind.ADD_NOTE)
    assert note.key == "unknown_source"
    assert note.text == (
        "The source is unknown: different visitors were shown the number +7 495 111-00-01, the best fits with 41%."
    )
    words = one(planned(*ANSWERED, unknown=UnknownSource(NUMBER, 0.1, 0.8), locale="ru"), IntentKind.ADD_NOTE).text
    assert words == "Источник звонка неизвестен: похоже, на номер +7 495 111-00-01 позвонил не посетитель сайта."


def test_no_source_is_invented_and_nothing_is_said_of_what_is_known() -> None:
    unknown = UnknownSource(NUMBER, 0.41, 0.2)
    assert "set_source" not in kinds(planned(*ANSWERED, unknown=unknown))
    assert "add_note" not in kinds(planned(*ANSWERED))
    assert "add_note" not in kinds(planned(*ANSWERED, unknown=unknown, source=Source("yandex", "cpc")))
