"""The reasons of an attribution, as a Russian reads them on the page of a call."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from hub.domain.attribution import Attribution, CallFact, LeaseFact, Model, VisitFact
from hub.tracking.attribution import Settings, attribute
from hub.tracking.attribution.told import CODES, code_of
from hub.web.evidence import evidence_in_words

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NUMBER, DEFAULT, STATIC = "+74951110001", "+74950000000", "+74952220001"
WITH_REGION, OTHER_REGION = "RU-TVE", "RU-MOW"


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def visits(*spans: tuple[str, float, float]) -> dict[str, Any]:
    return {
        "visits": [VisitFact(name, at(begin), at(end), region=WITH_REGION) for name, begin, end in spans],
        "leases": [LeaseFact(name, NUMBER, at(begin), at(end)) for name, begin, end in spans],
    }


def call(minutes: float, number: str = NUMBER, **more: Any) -> CallFact:
    return CallFact(f"c{minutes}", number, at(minutes), "+79001234567", **more)


def told(calls: list[CallFact], *spans: tuple[str, float, float], **more: Any) -> list[Attribution]:
    return attribute(**visits(*spans), calls=calls, **more)


ANSWERS = [
    *told([call(3), call(8, region=WITH_REGION), call(9, region=OTHER_REGION)], ("v1", 0, 5)),
    *told([call(3), call(4), call(5)], ("v1", 0, 6), ("v2", 0, 6), ("v3", 100, 101)),
    *told([call(60 * 24 * 3 + 60 * 5 + 1)], ("v1", 0, 5), ("v2", 0, 5), settings=Settings(threshold=0.5)),
    *told([call(60 * 24 * 25)], ("v1", 0, 5), settings=Settings(threshold=0.5)),
    *told([call(1, "+74959999999")], ("v1", 0, 5)),
    *told([call(1, DEFAULT), call(2, STATIC)], default_numbers=[DEFAULT], static_numbers={STATIC: "билборд"}),
    *told([call(2, STATIC)], static_numbers=[STATIC]),
    *told([replace(call(1), known_visit_id="v1", known_by=by) for by in (Model.CALLBACK, Model.FORM)], ("v1", 0, 5)),
]
ANSWERS += told([call(75)], ("v1", 0, 5), settings=Settings(threshold=0.9))
ANSWERS += attribute(
    [
        VisitFact(name, at(begin), at(begin + 5), who)
        for name, begin, who in (("a", 0, "x"), ("b", 900, "x"), ("c", 900, "y"))
    ],
    [LeaseFact(name, NUMBER, at(begin), at(begin + 5)) for name, begin in (("a", 0), ("b", 900), ("c", 900))],
    [call(3), call(903)],
)
SENTENCES = sorted({sentence for answer in ANSWERS for sentence in answer.evidence})


def in_language(app: Flask, language: str, sentence: str) -> str:
    with app.test_request_context(headers={"Accept-Language": language}):
        return evidence_in_words(sentence)


def test_every_reason_that_an_attribution_gives_is_told_in_russian(app: Flask) -> None:
    kinds = {re.sub(r"\d+", "0", sentence) for sentence in SENTENCES}
    assert len(kinds) > 13
    english = [one for one in SENTENCES if re.search(r"[A-Za-z]", in_language(app, "ru", one))]
    assert english == []


def test_every_reason_has_a_stable_code_whatever_its_figures() -> None:
    codes = {code_of(one) for one in SENTENCES}
    assert "other" not in codes
    assert codes <= set(CODES)
    assert code_of("something that an older version said") == "other"
    assert code_of("the best candidate has 61%, an answer needs 80%") == "too_uncertain"


def test_every_reason_keeps_its_figures_in_both_languages(app: Flask) -> None:
    for language in ("ru", "en"):
        for one in SENTENCES:
            assert re.findall(r"\d+", in_language(app, language, one)) == re.findall(r"\d+", one)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("the call came 2 h 5 min after the visitor was last seen with this number",
         "звонок пришёл через 2 ч 5 мин после того, как посетителя последний раз видели с этим номером"),
        ("the caller's region is the visitor's", "регион звонящего совпадает с регионом посетителя"),
        ("the best candidate has 61%, an answer needs 80%", "у лучшего кандидата 61 %, для ответа нужно 80 %"),
        ("something that an older version said", "something that an older version said"),
    ],
)  # fmt: skip
def test_reasons_read_as_sentences(app: Flask, sentence: str, words: str) -> None:
    assert in_language(app, "ru", sentence) == words
    assert in_language(app, "en", "the caller's region is the visitor's") == "the caller's region is the visitor's"


def test_the_words_of_routing_and_of_evidence_do_not_take_each_others_place(app: Flask) -> None:
    """Both were called "reason" in the templates: the pages then named the steps of a decision by code words."""
    filters = app.jinja_env.filters
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert [filters["reason"](word) for word in ("vip", "last_talked")] == ["VIP list", "who talked last"]
    assert filters["evidence"] is evidence_in_words
