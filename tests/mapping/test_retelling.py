"""A reason that was told in one language is told again in another, with what stood in it."""

from __future__ import annotations

import re

import pytest

from hub.callbacks.words import WORDS as CALLBACK_WORDS
from hub.callbacks.words import say_again
from hub.delivery.reference import Said
from hub.delivery.reference import retold as notice_retold
from hub.domain.retelling import Sentences
from mapping.words import _REASONS, retold, say

PLACE = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("key", _REASONS.templates)
def test_every_reason_of_the_planner_comes_back_in_the_other_language(key: str) -> None:
    inside = {
        "situation": ("входящий пропущенный", "inbound, missed"), "person": ("лид", "a lead"),
        "rule": ("никому не звонили", "nobody was rung"),
    }  # fmt: skip
    values = [{name: said[number] for name, said in inside.items()} for number in range(2)]
    ours = dict.fromkeys(("name", "extension", "number", "client", "line", "reason", "minutes"), "Ъ 7")
    russian, english = (say(key, locale, **ours, **more) for locale, more in zip(("ru", "en"), values, strict=True))
    assert (retold(russian, "en"), retold(english, "ru")) == (english, russian)
    assert (retold(russian, "ru"), retold(english, "en")) == (russian, english)


@pytest.mark.parametrize(
    ("sentence", "english"),
    [
        ("входящий пропущенный; клиент: неизвестен; по правилам это зависит от того, чем кончится звонок",
         "inbound, missed; client: unknown; by the rules that depends on how the call ends"),
        ("по очереди; на очереди: Анна", "in turn; next in turn: Анна"),
        ("правило «Моё»: в CRM не пишется", "rule “Моё”: not written to the CRM"),
        ("по очереди; Моё", "in turn; Моё"),
        ("Моё; правило", None),
        ("Перезвонить: +7 900 123-45-67", None),
    ],
)  # fmt: skip
def test_several_reasons_in_one_line_are_told_and_names_stay(sentence: str, english: str | None) -> None:
    assert retold(sentence, "en") == english


@pytest.mark.parametrize("key", [key for key in CALLBACK_WORDS if key.startswith(("story_", "alarm_", "failed_"))])
def test_every_line_of_a_callbacks_story_comes_back_in_the_other_language(key: str) -> None:
    said = {
        "moment": ("завтра в 09:00", "tomorrow at 09:00"),
        "reason": ("у клиента занято", "the client's line was busy"),
    }
    values = [{name: words[number] for name, words in said.items()} for number in range(2)]
    russian, english = (
        words.format(who="Ъ", words="no", where="+7900", **more)
        for words, more in zip(CALLBACK_WORDS[key], values, strict=True)
    )
    assert (say_again("en", russian), say_again("ru", english)) == (english, russian)
    assert say_again("ru", "a line of an older version") == "a line of an older version"


def test_what_changed_in_a_crm_comes_back_with_the_names_of_its_lists() -> None:
    news = [
        Said("gone", "lead_stage", "Новый", "NEW"), Said("renamed", "field", "Ъ", "7", "Ы"),
        Said("employee_gone", name="Анна", extension="101"),
    ]  # fmt: skip
    russian, english = ("; ".join(one.words(locale) for one in news) for locale in ("ru", "en"))
    assert (notice_retold(russian, "en"), notice_retold(english, "ru")) == (english, russian)
    assert notice_retold("…; something else", "ru") == "…; something else"


def test_the_template_that_leaves_least_open_is_taken() -> None:
    known = Sentences(
        {"wide": ("%(words)s of %(host)s",), "narrow": ("the end of %(host)s",), "whole": ("the end of all",)}
    )
    told = [
        known.source_of(one) for one in ("the end of all", "the end of acme.example", "a list of acme.example", "x")
    ]
    assert [found[0] if found else None for found in told] == ["whole", "narrow", "wide", None]
    assert told[2] == ("wide", {"words": "a list", "host": "acme.example"})
