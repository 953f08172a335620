"""Numbers come and go: who gets which, who keeps it, and what is left when Redis forgets everything."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.db.tracking import LeaseRow, PageRow, TouchRow, VisitRow
from tests.tracking_live.conftest import AD, BILLBOARD, ORIGIN, POOL, Hub


def leases(hub: Hub) -> list[LeaseRow]:
    with hub.database.reading() as session:
        return list(session.scalars(select(LeaseRow).order_by(LeaseRow.id)))


def test_a_visitor_gets_a_number_and_the_rows_say_so(hub: Hub) -> None:
    answer = hub.arrive(referrer="", ref="https://ya.ru/", title="Главная")
    assert answer["number"] in POOL
    assert answer["text"].startswith("+7 495 111")
    hub.write()
    with hub.database.reading() as session:
        visit = session.scalars(select(VisitRow)).one()
        touch = session.scalars(select(TouchRow)).one()
        page = session.scalars(select(PageRow)).one()
    assert (visit.uid, visit.source, visit.medium, visit.campaign) == (answer["visit"], "yandex", "cpc", "spring")
    assert (touch.channel, touch.source) == ("paid_search", "yandex")
    assert (page.url, page.title) == (AD, "Главная")
    (lease,) = leases(hub)
    assert (lease.number, lease.visit_uid) == (answer["number"], answer["visit"])
    assert lease.until - lease.since == timedelta(seconds=60)


def test_two_visitors_get_two_numbers(hub: Hub) -> None:
    assert len({hub.arrive()["number"] for _ in POOL}) == len(POOL)


def test_the_number_that_rested_longest_goes_out_next(hub: Hub) -> None:
    first, second, third = (hub.arrive() for _ in range(3))
    for visitor in (second, first, third):
        hub.clock.pass_time(seconds=1)
        hub.leave(visitor["visit"])
    hub.clock.pass_time(seconds=20)
    assert [hub.arrive()["number"] for _ in range(3)] == [second["number"], first["number"], third["number"]]


def test_a_number_is_never_refused_and_the_pool_says_that_it_was_too_small(hub: Hub) -> None:
    numbers = []
    for _ in range(7):
        hub.clock.pass_time(seconds=1)
        numbers.append(hub.arrive()["number"])
    assert numbers[3:6] == numbers[:3], "the one given out longest ago is shared first"
    hub.write()
    assert [lease.shared for lease in leases(hub)] == [False] * 3 + [True] * 4


def test_a_beat_keeps_the_number_and_silence_gives_it_back(hub: Hub) -> None:
    kept, silent = hub.arrive(), hub.arrive()
    for _ in range(4):
        hub.clock.pass_time(seconds=25)
        assert hub.stay(kept["visit"])["number"] == kept["number"]
    hub.visitors.leases.note(hub.site, hub.clock(), ())
    hub.write()
    rows = {lease.visit_uid: lease for lease in leases(hub)}
    assert rows[silent["visit"]].until - rows[silent["visit"]].since == timedelta(seconds=60)
    assert rows[kept["visit"]].until > hub.clock()


def test_whoever_comes_back_gets_the_same_number_when_it_is_free(hub: Hub) -> None:
    visitor = hub.arrive()
    hub.leave(visitor["visit"])
    hub.clock.pass_time(seconds=120)
    others = [hub.arrive()["number"] for _ in range(2)]
    assert visitor["number"] not in others
    again = hub.stay(visitor["visit"], had=visitor["number"])
    assert again["number"] == visitor["number"]


def test_the_next_page_of_a_visit_keeps_the_number_and_one_lease(hub: Hub) -> None:
    visitor = hub.arrive()
    hub.clock.pass_time(seconds=30)
    hub.leave(visitor["visit"])
    hub.clock.pass_time(seconds=1)
    after = hub.arrive(f"{ORIGIN}/cart", ref=AD, v=visitor["visit"])
    assert (after["visit"], after["number"]) == (visitor["visit"], visitor["number"])
    hub.write()
    (lease,) = leases(hub)
    assert lease.until == lease.since + timedelta(seconds=91)


def test_good_bye_ends_the_lease_at_that_moment(hub: Hub) -> None:
    visitor = hub.arrive()
    hub.clock.pass_time(seconds=7)
    hub.leave(visitor["visit"])
    hub.clock.pass_time(seconds=40)
    hub.visitors.leases.note(hub.site, hub.clock(), ())
    hub.write()
    (lease,) = leases(hub)
    assert lease.until - lease.since == timedelta(seconds=7)


def test_redis_may_forget_everything_and_visitors_keep_their_numbers(hub: Hub) -> None:
    before = [hub.arrive() for _ in range(3)]
    hub.write()
    hub.client.flushall()
    for visitor in reversed(before):
        assert hub.stay(visitor["visit"])["number"] == visitor["number"]


def test_after_a_flush_held_numbers_are_not_given_to_others(hub: Hub) -> None:
    held = hub.arrive()
    hub.write()
    hub.client.flushall()
    assert held["number"] not in {hub.arrive()["number"] for _ in range(2)}


def test_writing_the_journal_twice_writes_once(hub: Hub) -> None:
    hub.arrive()
    entries: Any = hub.client.xrange(f"dz:t:{{{hub.site_id}}}:journal")
    hub.write()
    for _, fields in entries:
        hub.client.xadd(f"dz:t:{{{hub.site_id}}}:journal", fields)
    hub.write()
    assert len(leases(hub)) == 1
    with hub.database.reading() as session:
        assert len(session.scalars(select(VisitRow)).all()) == 1


def test_a_number_that_left_the_pool_is_replaced_at_the_next_beat(hub: Hub) -> None:
    visitor = hub.arrive()
    hub.clock.pass_time(seconds=5)
    hub.pool(*(number for number in POOL if number != visitor["number"]))
    assert hub.stay(visitor["visit"])["number"] in set(POOL) - {visitor["number"]}
    hub.write()
    ended = next(lease for lease in leases(hub) if lease.number == visitor["number"])
    assert ended.until == ended.since + timedelta(seconds=5)


def test_a_changed_pool_does_not_take_numbers_from_those_who_keep_them(hub: Hub) -> None:
    visitor = hub.arrive()
    hub.pool(*POOL, "+74951110009")
    assert hub.stay(visitor["visit"])["number"] == visitor["number"]
    assert visitor["number"] not in {hub.arrive()["number"] for _ in range(3)}


def test_regions_have_pools_of_their_own_and_spill_into_the_general_one(hub: Hub) -> None:
    hub.pool(POOL[0], Москва=[POOL[1]])
    hold, site = hub.visitors.leases.hold, hub.site
    first = hold(site, "a" * 24, hub.clock(), region="Москва")
    second = hold(site, "b" * 24, hub.clock(), region="Москва")
    elsewhere = hold(site, "c" * 24, hub.clock(), region="Тверская область")
    assert first is not None
    assert second is not None
    assert elsewhere is not None
    assert (first.number, second.number) == (POOL[1], POOL[0])
    assert (elsewhere.number, elsewhere.shared) == (POOL[0], True), "a region's own numbers are not for others"


def test_a_site_without_numbers_gives_none(hub: Hub) -> None:
    hub.pool()
    assert hub.arrive()["number"] is None


def test_channels_without_numbers_of_their_own_see_the_static_one(hub: Hub) -> None:
    hub.setup(channels=["paid_search"])
    assert hub.arrive()["number"] in POOL
    assert hub.arrive(f"{ORIGIN}/?utm_source=billboard&utm_medium=offline")["number"] == BILLBOARD
    assert hub.arrive(f"{ORIGIN}/")["number"] is None
    hub.write()
    assert len(leases(hub)) == 1


STEPS = st.lists(
    st.tuples(st.sampled_from(["arrive", "stay", "leave", "flush", "wait"]), st.integers(0, 5)), max_size=25
)


@given(steps=STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_number_is_shared_while_another_one_is_free(hub: Hub, steps: list[tuple[str, int]]) -> None:
    hub.client.flushall()
    hub.clock.pass_time(days=1)
    visits: dict[int, str] = {}
    for step, who in steps:
        hub.clock.pass_time(seconds=1)
        if step == "arrive":
            visits[who] = hub.arrive()["visit"]
        elif step == "wait":
            hub.clock.pass_time(seconds=30)
        elif step == "flush":
            hub.write()
            hub.client.flushall()
        elif who in visits and step == "stay":
            hub.stay(visits[who])
        elif who in visits:
            hub.leave(visits[who])
        holders = hub.client.hgetall(f"dz:t:{{{hub.site_id}}}:holders")
        if any(int(count) > 1 for count in holders.values()):
            shared_since_full = hub.client.zcard(f"dz:t:{{{hub.site_id}}}:free:")
            assert shared_since_full == 0 or len(visits) > len(POOL)
        held = sum(int(count) for count in holders.values())
        assert held == hub.client.hlen(f"dz:t:{{{hub.site_id}}}:lease")
