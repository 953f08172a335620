"""Regions by IP address, with a real database file as operators have it (analytics.md §8)."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from sqlalchemy import select

from hub.db.tracking import VisitRow
from hub.tracking.live.geo import Geo
from tests.tracking_live.conftest import BILLBOARD, ORIGIN, POOL, Hub

MOSCOW, TVER, ABROAD, UNKNOWN = "203.0.113.7", "2001:db8:5::1", "198.51.100.3", "192.0.2.1"


def place(code: str, region: str, region_en: str, city: str, country: str = "RU") -> dict[str, object]:
    return {
        "country": {"iso_code": country, "names": {"ru": "Россия" if country == "RU" else "Казахстан"}},
        "subdivisions": [{"iso_code": code, "names": {"ru": region, "en": region_en}}],
        "city": {"names": {"ru": city}},
    }


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file in MaxMind's format; real ones are not shipped."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-City", languages=["ru", "en"])
    writer.insert_network(IPSet(["203.0.113.0/24"]), place("MOW", "Москва", "Moscow", "Москва"))
    writer.insert_network(IPSet(["2001:db8:5::/48"]), place("TVE", "Тверская область", "Tver Oblast", "Тверь"))
    writer.insert_network(IPSet(["198.51.100.0/24"]), place("ALA", "Алматы", "Almaty", "Алматы", "KZ"))
    path = tmp_path_factory.mktemp("geo") / "geo.mmdb"
    writer.to_db_file(str(path))
    return path


@pytest.fixture
def regional(hub: Hub, file: Path) -> Hub:
    """The hub of `hub` with the operator's file."""
    hub.visitors._geo = Geo(file)
    return hub


def test_names_of_a_place_are_its_region_its_city_and_its_country_in_both_languages(file: Path) -> None:
    assert Geo(file).names(MOSCOW) == ("Москва", "Moscow", "RU-MOW", "Россия")
    assert Geo(file).names(TVER) == ("Тверская область", "Tver Oblast", "RU-TVE", "Тверь", "Россия")
    assert Geo(file).names(UNKNOWN) == ()
    assert Geo(file).names("no address") == ()


def test_a_file_that_is_none_costs_the_region_and_nothing_else(tmp_path: Path, hub: Hub) -> None:
    broken = tmp_path / "broken.mmdb"
    broken.write_bytes(b"not a database" * 100)
    hub.visitors._geo = Geo(broken)
    assert hub.arrive(address=MOSCOW)["number"] in POOL
    assert Geo(tmp_path / "absent.mmdb").names(MOSCOW) == ()


@pytest.mark.parametrize("name", ["Тверская область", "Tver Oblast", "RU-TVE", "Тверь"])
def test_visitors_of_a_region_get_the_numbers_of_its_pool(regional: Hub, name: str) -> None:
    regional.pool(POOL[0], **{name: [POOL[1]]})
    assert regional.arrive(address=TVER)["number"] == POOL[1]
    assert regional.arrive(address=MOSCOW)["number"] == POOL[0]
    assert regional.arrive(address=UNKNOWN)["number"] == POOL[0]


def test_outside_the_home_region_nobody_takes_a_number(regional: Hub) -> None:
    regional.setup(home_regions=["Россия"])
    assert regional.arrive(address=TVER)["number"] in POOL
    assert regional.arrive(address=ABROAD)["number"] is None
    assert regional.arrive(address=UNKNOWN)["number"] is None
    static = regional.arrive(f"{ORIGIN}/?utm_source=billboard&utm_medium=offline", address=ABROAD)
    assert static["number"] == BILLBOARD


def test_the_region_is_kept_with_the_visit_and_the_address_is_not(regional: Hub) -> None:
    regional.arrive(address=MOSCOW)
    regional.write()
    with regional.database.reading() as session:
        visit = session.scalars(select(VisitRow)).one()
    assert visit.region == "Москва"
    assert MOSCOW not in str([(name, value) for name, value in vars(visit).items()])
