"""Areas by name, and where a caller's number is from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.tracking.places import NumberingPlan, area_of, area_of_number, plan_in
from hub.tracking.places.numbering import read_plan

NO_PLAN = NumberingPlan()
PLAN = """АВС/ DEF;От;До;Емкость;Оператор;Регион;Территория ГАР;ИНН
900;1230000;1239999;10000;ООО "Связь";Тверская обл.;;7700000000
901;0000000;0009999;10000;"Связь" плюс;г. Москва и Московская область;;7700000000
482;2110000;2119999;10000;Связь;г. Тверь|Тверская обл.;;7700000000
343;2000000;2009999;10000;Связь;Неизвестное место;;7700000000
"""


@pytest.mark.parametrize(
    ("area", "names"),
    [
        ("RU-TVE", ["Тверская область", "Тверская обл.", "тверская  ОБЛ", "Tver Oblast", "RU-TVE", "ru-tve", "Тверь"]),
        ("RU-UD", ["Удмуртская Республика", "Республика Удмуртская", "Udmurtiya Republic"]),
        ("RU-SA", ["Республика Саха /Якутия/", "Республика Саха (Якутия)", "Sakha"]),
        ("RU-KHM", ["Ханты - Мансийский - Югра АО", "Ханты-Мансийский автономный округ — Югра"]),
        ("RU-ORL", ["Орловская область", "Орёл", "Орел"]),
        ("RU-YEV", ["Еврейская автономная обл."]),
        ("RU-KDA", ["г. Сочи|Краснодарский край", "Краснодарский край и Республика Адыгея"]),
        ("RU-ALT", ["Алтайский край", "Altai Krai"]),
        ("RU-AL", ["Республика Алтай", "Altai Republic"]),
    ],
)
def test_all_spellings_of_a_region_are_one_area(area: str, names: list[str]) -> None:
    assert {name: area_of(name) for name in names} == dict.fromkeys(names, area)


@pytest.mark.parametrize(
    "names",
    [
        [
            "Москва",
            "г. Москва",
            "Московская обл.",
            "Moscow",
            "Moscow Oblast",
            "RU-MOS",
            "г. Москва и Московская область",
        ],
        ["Санкт-Петербург", "St.-Petersburg", "Ленинградская область", "г. Санкт-Петербург и Ленинградская область"],
    ],
)
def test_a_city_and_the_region_that_shares_its_numbers_are_one_area(names: list[str]) -> None:
    assert len({area_of(name) for name in names}) == 1
    assert area_of(names[0]) is not None


@pytest.mark.parametrize(
    "name",
    [None, "", " ", "Россия", "Российская Федерация", "Алматы", "Алтай", "Altai", "KZ-ALA", "Неизвестное место",
     "Тюменская область и Ханты-Мансийский автономный округ - Югра", "Тверская обл. и Неизвестное место",
     "Алтайский край|Республика Алтай"],
)  # fmt: skip
def test_what_is_not_known_for_certain_has_no_area(name: str | None) -> None:
    assert area_of(name) is None


@given(st.text())
def test_any_text_may_be_asked_about(name: str) -> None:
    area = area_of(name)
    assert area is None or area_of(area) == area


@pytest.mark.parametrize(
    ("number", "area"),
    [("+74822110001", "RU-TVE"), ("+74950000001", "RU-MOW"), ("+74962000001", "RU-MOW"), ("+78120000001", "RU-SPE"),
     ("+73432000001", "RU-SVE"), ("+79001234567", None), ("+78002000000", None), ("+77272500000", None),
     ("+375172000000", None), ("101", None), (None, None)],
)  # fmt: skip
def test_without_a_plan_only_russian_fixed_lines_have_an_area(number: str | None, area: str | None) -> None:
    assert area_of_number(number, NO_PLAN) == area


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251"])
def test_a_plan_in_the_registers_form_places_mobiles_and_fixed_lines(encoding: str) -> None:
    plan = NumberingPlan(read_plan(PLAN.encode(encoding)))
    numbers = ["+79001230000", "+79001239999", "+79010000001", "+74822110001", "+79001240000", "+79001229999"]
    assert [area_of_number(number, plan) for number in numbers] == ["RU-TVE", "RU-TVE", "RU-MOW", "RU-TVE", None, None]


def test_a_place_that_the_plan_names_in_unknown_words_is_not_guessed_otherwise() -> None:
    plan = NumberingPlan(read_plan(PLAN.encode()))
    assert area_of_number("+73432000001", NO_PLAN) == "RU-SVE"
    assert area_of_number("+73432000001", plan) is None


def test_lines_that_are_no_ranges_cost_nothing_but_themselves() -> None:
    broken = 'нет;1;2\n900;9;1;;;Тверская обл.\n900;;;\n\n9000;12345678;12345678;;;Тверская обл.\n"900;1\n'
    good = "900;1230000;1230009;10;Связь;Тверская область\n"
    assert list(read_plan((broken + good).encode())) == [(79001230000, 79001230009, "RU-TVE")]


def test_the_column_of_the_region_is_found_by_its_title_and_commas_will_do() -> None:
    table = "code,from,to,region\n900,1230000,1230009,Тверская область\n"
    assert list(read_plan(table.encode())) == [(79001230000, 79001230009, "RU-TVE")]


def test_all_files_of_the_home_are_one_plan(tmp_path: Path) -> None:
    folder = tmp_path / "numbering"
    folder.mkdir()
    (folder / "DEF-9xx.csv").write_text("900;1230000;1239999;10000;Связь;Тверская обл.\n", encoding="utf-8")
    (folder / "ABC-4xx.csv").write_text("482;2110000;2119999;10000;Связь;Томская обл.\n", encoding="cp1251")
    (folder / "notes.csv").write_text("nothing of the kind", encoding="utf-8")
    plan = plan_in(tmp_path)
    assert len(plan) == 2
    assert area_of_number("+79001234567", plan) == "RU-TVE"
    assert area_of_number("+74822110001", plan) == "RU-TOM"
    assert len(plan_in(tmp_path / "elsewhere")) == 0


@given(st.binary(max_size=300))
def test_any_file_may_be_read(content: bytes) -> None:
    assert all(first <= last for first, last, _ in read_plan(content))
