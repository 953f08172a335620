"""Who gets a caller, rule by rule: the order, the reasons, and what sends one on to the next rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.phone import Phone
from hub.routing.decide import CallerFacts, IndexedParty, Reason, VipEntry, decide
from hub.routing.hours import Hours, read_hours
from hub.routing.staff import Colleague, Group, Staff

TUESDAY_NOON = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)  # 12:00 in Moscow
ALWAYS = read_hours({}, "Europe/Moscow")
NEVER = Hours("Europe/Moscow", {})
ANNA = Colleague("Anna", "101", {2: "7"})
BORIS = Colleague("Boris", "102", {2: "8"})
CALLER = Phone("79001234567", "+79001234567")
OWNED_BY_ANNA = IndexedParty(2, "contact", "871", "Olga", "7", False, TUESDAY_NOON)


def staff(*colleagues: Colleague, **more: object) -> Staff:
    return replace(Staff(ALWAYS, colleagues or (ANNA, BORIS)), **more)  # type: ignore[arg-type]


def known(**facts: object) -> CallerFacts:
    return replace(CallerFacts(CALLER), **facts)  # type: ignore[arg-type]


def test_a_blocked_caller_gets_nobody_whatever_else_is_known() -> None:
    answer = decide(known(blocked=True, vip=VipEntry("101"), parties=(OWNED_BY_ANNA,)), staff(), TUESDAY_NOON)
    assert (answer.extension, answer.reason) == (None, Reason.BLOCKED)


def test_the_vip_list_comes_before_the_owner() -> None:
    answer = decide(known(vip=VipEntry("102"), parties=(OWNED_BY_ANNA,)), staff(), TUESDAY_NOON)
    assert (answer.extension, answer.name, answer.reason, answer.vip) == ("102", "Boris", Reason.VIP, True)


def test_a_vip_without_an_extension_goes_to_the_owner_as_a_vip() -> None:
    answer = decide(known(vip=VipEntry(), parties=(OWNED_BY_ANNA,)), staff(), TUESDAY_NOON)
    assert (answer.extension, answer.reason, answer.vip) == ("101", Reason.VIP, True)


def test_the_crms_own_mark_makes_a_vip() -> None:
    answer = decide(known(parties=(replace(OWNED_BY_ANNA, vip=True),)), staff(), TUESDAY_NOON)
    assert (answer.reason, answer.vip) == (Reason.VIP, True)


def test_a_vips_extension_that_is_nobodys_is_still_rung() -> None:
    assert decide(known(vip=VipEntry("555")), staff(), TUESDAY_NOON).extension == "555"


def test_the_owner_in_the_crm_gets_the_caller() -> None:
    answer = decide(known(parties=(OWNED_BY_ANNA,), last_talked="102"), staff(), TUESDAY_NOON)
    assert (answer.extension, answer.name, answer.reason) == ("101", "Anna", Reason.OWNER)
    assert answer.party == OWNED_BY_ANNA


@pytest.mark.parametrize(
    ("anna", "why"),
    [
        (replace(ANNA, hours=NEVER), "off shift"),
        (replace(ANNA, absences=((TUESDAY_NOON - timedelta(days=1), TUESDAY_NOON + timedelta(days=1)),)), "absent"),
        (replace(ANNA, at_work=False), "time clock"),
    ],
)
def test_an_owner_who_is_not_there_sends_the_caller_to_who_talked_last(anna: Colleague, why: str) -> None:
    answer = decide(known(parties=(OWNED_BY_ANNA,), last_talked="102"), staff(anna, BORIS), TUESDAY_NOON)
    assert (answer.extension, answer.reason) == ("102", Reason.LAST_TALKED)
    assert why in next(step.fact for step in answer.steps if step.rule is Reason.OWNER)


def test_the_time_clock_that_the_look_up_saw_counts() -> None:
    away = replace(OWNED_BY_ANNA, owner_at_work=False)
    assert decide(known(parties=(away,)), staff(), TUESDAY_NOON).reason is Reason.DEFAULT


def test_an_absence_that_is_over_does_not_count() -> None:
    back = replace(ANNA, absences=((TUESDAY_NOON - timedelta(days=2), TUESDAY_NOON),))
    assert decide(known(parties=(OWNED_BY_ANNA,)), staff(back), TUESDAY_NOON).extension == "101"


def test_the_next_party_is_asked_when_the_first_ones_owner_has_no_extension() -> None:
    stranger = replace(OWNED_BY_ANNA, owner_user_id="99")
    lead = replace(OWNED_BY_ANNA, kind="lead", id="1", owner_user_id="8")
    assert decide(known(parties=(stranger, lead)), staff(), TUESDAY_NOON).extension == "102"


def test_the_same_user_id_of_another_crm_is_somebody_else() -> None:
    other = replace(OWNED_BY_ANNA, connection_id=3)
    assert decide(known(parties=(other,)), staff(), TUESDAY_NOON).reason is Reason.DEFAULT


def test_a_stranger_goes_to_a_group_that_is_open() -> None:
    closed, open_ = Group("Night", "400", NEVER), Group("Day", "300", ALWAYS)
    answer = decide(known(), staff(groups=(closed, open_)), TUESDAY_NOON)
    assert (answer.extension, answer.name, answer.reason) == ("300", "Day", Reason.GROUP)


def test_weights_share_strangers_between_groups_and_keep_each_with_his() -> None:
    crew = staff(
        groups=(Group("Big", "300", ALWAYS, 3), Group("Small", "400", ALWAYS, 1), Group("Off", "500", ALWAYS, 0))
    )
    callers = [CallerFacts(Phone(f"7900{number:07}", f"+7900{number:07}")) for number in range(2000)]
    answers = [decide(one, crew, TUESDAY_NOON).extension for one in callers]
    assert answers == [decide(one, crew, TUESDAY_NOON).extension for one in callers]
    assert 1400 < answers.count("300") < 1600
    assert answers.count("500") == 0


def test_nobody_known_leaves_the_call_to_the_pbx_and_says_why_at_each_step() -> None:
    answer = decide(known(), staff(), TUESDAY_NOON)
    assert (answer.extension, answer.reason) == (None, Reason.DEFAULT)
    assert [step.rule for step in answer.steps] == [
        Reason.VIP, Reason.OWNER, Reason.LAST_TALKED, Reason.GROUP, Reason.DEFAULT,
    ]  # fmt: skip
    assert all(step.fact for step in answer.steps)


def test_a_default_extension_takes_everybody_else() -> None:
    answer = decide(known(), staff(default_extension="100"), TUESDAY_NOON)
    assert (answer.extension, answer.reason) == ("100", Reason.DEFAULT)


def test_an_owner_not_confirmed_for_long_still_counts_and_is_called_stale() -> None:
    old = replace(OWNED_BY_ANNA, seen_at=TUESDAY_NOON - timedelta(days=30))
    answer = decide(known(parties=(old,)), staff(), TUESDAY_NOON)
    assert (answer.extension, answer.stale) == ("101", True)
