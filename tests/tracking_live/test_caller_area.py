"""The caller's region as evidence: the plan of the operator's choice, and the visits' addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from hub.calls.again import learn_laws
from hub.config import Settings
from hub.db.tracking import AttributionRow, SiteRow, VisitRow
from tests.tracking_live.conftest import AD, ORIGIN, POOL, Hub
from tests.tracking_live.ringing import Ring, runtime_of
from tests.tracking_live.test_pages import log_in
from tests.tracking_live.test_regions import MOSCOW, TVER, file, regional

__all__ = ["file", "regional"]

FROM_TVER, FROM_MOSCOW, FROM_NOWHERE = "+79001234567", "+79011234567", "+79021234567"
PLAN = """АВС/ DEF;От;До;Емкость;Оператор;Регион
900;1230000;1239999;10000;Связь;Тверская обл.
901;1230000;1239999;10000;Связь;г. Москва и Московская область
"""


@pytest.fixture
def shared(regional: Hub, settings: Settings) -> Hub:
    """One number, held by a visit from Moscow and by one from Tver since the same moment."""
    folder = settings.home / "numbering"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.csv").write_text(PLAN, encoding="cp1251")
    regional.pool(POOL[0])
    regional.arrive(AD, address=MOSCOW)
    regional.arrive(f"{ORIGIN}/?utm_source=vk&utm_medium=cpc", address=TVER)
    regional.clock.pass_time(seconds=5)
    return regional


def evidence(hub: Hub) -> list[str]:
    with hub.database.reading() as session:
        document: Any = session.scalars(select(AttributionRow)).one().document
    return list(document["evidence"])


@pytest.mark.parametrize(("caller", "source"), [(FROM_TVER, "vk"), (FROM_MOSCOW, "yandex")])
def test_the_callers_region_decides_between_two_visits(shared: Hub, ring: Ring, caller: str, source: str) -> None:
    change = ring(POOL[0], client=caller)
    assert change.source is not None
    assert change.source.source == source
    assert "the caller's region is the visitor's" in evidence(shared)
    assert "регион звонящего совпадает с регионом посетителя" in change.source.evidence  # in the workspace's language


def test_a_russian_reads_of_the_region_on_the_calls_page(shared: Hub, ring: Ring, app: Flask) -> None:
    call_id = ring(POOL[0], client=FROM_TVER).row.id
    client = log_in(app, shared)
    page = client.get(f"/admin/calls/{call_id}", headers={"Accept-Language": "ru"}).text
    assert "регион звонящего совпадает с регионом посетителя" in page


def test_a_fixed_line_needs_no_plan(shared: Hub, settings: Settings, ring: Ring) -> None:
    Path(settings.home / "numbering" / "plan.csv").unlink()
    assert ring(POOL[0], client="+74822110055").row.source == "vk"


def test_a_caller_from_nowhere_known_leaves_the_two_apart_in_nothing(shared: Hub, ring: Ring) -> None:
    assert ring(POOL[0], client=FROM_NOWHERE).source is None
    assert not any("region" in said for said in evidence(shared))


def test_a_country_as_home_region_does_not_cost_the_visits_their_region(regional: Hub) -> None:
    regional.setup(home_regions=["Россия"])
    regional.pool(POOL[0], Тверь=[POOL[1]])
    assert regional.arrive(address=TVER)["number"] == POOL[1]
    assert regional.arrive(address=MOSCOW)["number"] == POOL[0]
    regional.write()
    with regional.database.reading() as session:
        assert set(session.scalars(select(VisitRow.region))) == {"Москва", "Тверь"}


def test_the_law_of_a_site_is_learned_with_the_callers_regions(shared: Hub, ring: Ring, settings: Settings) -> None:
    for _ in range(20):
        ring(POOL[0], client=FROM_TVER)
        shared.clock.pass_time(seconds=7)
    assert learn_laws(runtime_of(shared, settings)) == 1
    with shared.database.reading() as session:
        law: Any = session.get_one(SiteRow, shared.site_id).law
    assert law["regions"].keys() == {"ru-tve", "ru-mow", ""}
    assert law["regions"]["ru-tve"] > law["regions"]["ru-mow"]
