"""Numbers between sites: the quarantine is an invariant, not a habit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.db.engine import Database
from hub.db.tables import Workspace
from hub.db.tracking import SiteNumber, SiteRow
from hub.tracking.live.numbers import Holding, hold_numbers, usable_from, usable_numbers

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
QUARANTINE_DAYS = 10
NUMBERS = ("+74951110001", "+74951110002", "+74951110003")


def add_sites(session: Session) -> list[int]:
    ids = []
    for slug in ("acme", "other"):
        workspace = Workspace(
            slug=slug, name=slug, timezone="Europe/Moscow", region="RU", locale="ru", hours={}, created_at=NOW
        )
        session.add(workspace)
        session.flush()
        for letter in "ab":
            site = SiteRow(
                workspace_id=workspace.id, key=f"{slug}-{letter}", name=letter, origins=[],
                settings={"quarantine_days": QUARANTINE_DAYS}, created_at=NOW,
            )  # fmt: skip
            session.add(site)
            session.flush()
            ids.append(site.id)
    return ids


@pytest.fixture
def sites(database: Database) -> list[int]:
    with database.transaction() as session:
        return add_sites(session)


MOVES = st.lists(
    st.tuples(st.integers(0, 3), st.sets(st.sampled_from(NUMBERS)), st.integers(0, 12 * 24)), min_size=1, max_size=12
)


@given(moves=MOVES)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_number_serves_two_sites_inside_the_quarantine(
    database: Database, sites: list[int], moves: list[tuple[int, set[str], int]]
) -> None:
    served: dict[str, list[tuple[int, datetime]]] = {number: [] for number in NUMBERS}
    with database.transaction() as session:
        session.execute(delete(SiteNumber))
        now = NOW
        for place, numbers, hours in moves:
            hold_numbers(session, {sites[place]: dict.fromkeys(numbers, "")}, now)
            for _ in range(hours // 24 + 1):
                for site_id in sites:
                    for number in usable_numbers(session, site_id, now):
                        served[number].append((site_id, now))
                now += timedelta(hours=24)
    for moments in served.values():
        for site_id, at in moments:
            assert not [
                other
                for other, then in moments
                if other != site_id and abs(at - then) < timedelta(days=QUARANTINE_DAYS)
            ]


def test_a_number_that_never_moved_is_usable_at_once(database: Database, sites: list[int]) -> None:
    with database.transaction() as session:
        hold_numbers(session, {sites[0]: {NUMBERS[0]: "", NUMBERS[1]: "Москва"}}, NOW)
        assert usable_numbers(session, sites[0], NOW) == {NUMBERS[0]: "", NUMBERS[1]: "Москва"}


def test_a_number_that_comes_back_to_its_own_site_needs_no_rest(database: Database, sites: list[int]) -> None:
    with database.transaction() as session:
        for hours, numbers in ((0, {NUMBERS[0]: ""}), (1, {}), (2, {NUMBERS[0]: ""})):
            hold_numbers(session, {sites[0]: numbers}, NOW + timedelta(hours=hours))
        assert usable_numbers(session, sites[0], NOW + timedelta(hours=2)) == {NUMBERS[0]: ""}


def test_a_moved_number_rests_and_then_serves(database: Database, sites: list[int]) -> None:
    with database.transaction() as session:
        hold_numbers(session, {sites[0]: {NUMBERS[0]: ""}}, NOW)
        moved_at = NOW + timedelta(days=1)
        hold_numbers(session, {sites[0]: {}, sites[1]: {NUMBERS[0]: ""}}, moved_at)
        rested_at = moved_at + timedelta(days=QUARANTINE_DAYS)
        assert usable_numbers(session, sites[1], rested_at - timedelta(seconds=1)) == {}
        assert usable_numbers(session, sites[1], rested_at) == {NUMBERS[0]: ""}


def test_the_passport_says_who_had_it_when(database: Database, sites: list[int]) -> None:
    later = NOW + timedelta(days=3)
    with database.transaction() as session:
        hold_numbers(session, {sites[0]: {NUMBERS[0]: ""}}, NOW)
        hold_numbers(session, {sites[0]: {}, sites[3]: {NUMBERS[0]: ""}}, later)
        rows = session.scalars(select(SiteNumber).order_by(SiteNumber.id)).all()
    assert [(row.site_id, row.since, row.until) for row in rows] == [(sites[0], NOW, later), (sites[3], later, None)]


def test_one_who_gives_up_waiting_does_not_disturb_the_holder(database: Database, sites: list[int]) -> None:
    holder, first, second = sites[0], sites[2], sites[3]
    with database.transaction() as session:
        for site_id in (holder, first, second):
            hold_numbers(session, {site_id: {NUMBERS[0]: ""}}, NOW)
        hold_numbers(session, {first: {}}, NOW + timedelta(hours=1))
        assert usable_numbers(session, holder, NOW + timedelta(hours=1)) == {NUMBERS[0]: ""}
        hold_numbers(session, {holder: {}}, NOW + timedelta(hours=2))
        assert usable_numbers(session, second, NOW + timedelta(days=QUARANTINE_DAYS)) == {}
        assert usable_numbers(session, second, NOW + timedelta(days=QUARANTINE_DAYS, hours=2)) == {NUMBERS[0]: ""}


def test_a_number_that_another_site_holds_is_not_handed_out() -> None:
    assert usable_from(NOW, 2, [Holding(1, NOW, None)], timedelta(days=1)) > NOW + timedelta(days=36000)
    assert usable_from(NOW, 1, [Holding(1, NOW, None)], timedelta(days=1)) == NOW
