"""Who is who, without a database: the signs, the table, and what becomes of a form."""

from __future__ import annotations

import pytest

from connectors.contract import CrmUser, ListedExtension
from hub.staff.changes import ANOTHER, Change, Refusal, Refused, Wish, changes_of, labels_of
from hub.staff.matching import Kept, Line, lines_of, match

USERS = [
    CrmUser("1", "Белова Анна", "101", True),
    CrmUser("2", "Somebody", None, True, "Boris@acme.example"),
    CrmUser("3", "Громова  Алёна", None, True),
    CrmUser("4", "Иван Иванов", None, True),
    CrmUser("5", "Иван Иванов", None, True),
    CrmUser("6", "Gone", "106", False),
]
LISTED = [
    ListedExtension("101", "user", "Reception"),
    ListedExtension("102", "user", "Борис", "boris@acme.example"),
    ListedExtension("103", "user", "алена громова"),
    ListedExtension("104", "user", "Иван Иванов"),
    ListedExtension("106", "user", "Gone"),
]


def test_people_are_matched_by_extension_then_email_then_name_and_never_by_a_sign_that_two_share() -> None:
    found = {pair.extension: (pair.user_id, pair.how) for pair in match(LISTED, USERS, {})}
    assert found == {
        "101": ("1", "extension"), "102": ("2", "email"), "103": ("3", "name"), "104": ("", ""), "106": ("", ""),
    }  # fmt: skip


def test_what_was_settled_wins_and_nobody_stands_in_two_rows() -> None:
    found = {pair.extension: pair.user_id for pair in match(LISTED, USERS, {"104": "1"})}
    assert (found["104"], found["101"]) == ("1", "")


def test_who_was_settled_at_an_extension_that_the_pbx_does_not_list_is_matched_with_nothing_else() -> None:
    found = {pair.extension: pair.user_id for pair in match(LISTED, USERS, {"909": "1"})}
    assert found["101"] == ""


# --- The table ----------------------------------------------------------------------------------------


def table(*kept: Kept, listed: list[ListedExtension] = LISTED) -> list[Line]:
    return lines_of(listed, USERS, kept)


def test_what_has_to_be_settled_stands_first_and_everybody_stands_once() -> None:
    lines = table(Kept("5", "105"))
    assert [(line.user_id, line.extension, line.was, line.how) for line in lines] == [
        ("2", "102", "", "email"), ("3", "103", "", "name"), ("4", "104", "", "name"), ("", "106", "", ""),
        ("1", "101", "101", "extension"), ("5", "105", "105", "kept"),
    ]  # fmt: skip
    assert [line.is_settled for line in lines] == [False] * 4 + [True] * 2
    assert lines[0].email == "Boris@acme.example"
    assert (lines[0].pbx_name, lines[4].pbx_name) == ("Борис", "Reception")
    assert len({line.key for line in lines}) == len(lines)


def test_who_is_gone_and_still_has_an_extension_is_said_and_who_has_none_is_left_out() -> None:
    (gone,) = [line for line in table(Kept("6", "106")) if line.gone]
    assert (gone.name, gone.was, gone.is_settled) == ("Gone", "106", False)
    assert [line.name for line in table(Kept("77", "177", "Old Hand")) if line.gone] == ["Old Hand"]
    assert not [line for line in table() if line.gone]


def test_pbx_that_lists_nobody_leaves_the_profiles_and_what_was_written() -> None:
    lines = {line.user_id: (line.extension, line.how) for line in table(Kept("2", "150"), listed=[])}
    assert lines == {"1": ("101", "profile"), "2": ("150", "kept"), "3": ("", ""), "4": ("", ""), "5": ("", "")}


def test_extension_of_a_profile_that_somebody_else_was_given_is_not_shown_twice() -> None:
    lines = {line.user_id: (line.extension, line.how) for line in table(Kept("2", "101"), listed=[])}
    assert (lines["1"], lines["2"]) == (("", ""), ("101", "kept"))


def test_one_person_may_have_two_extensions() -> None:
    mine = [line for line in table(Kept("4", "104"), Kept("4", "204")) if line.user_id == "4"]
    assert [line.was for line in mine] == ["104", "204"]
    assert len({line.key for line in mine}) == 2


# --- What a form wants --------------------------------------------------------------------------------

KEPT = (Kept("1", "101"), Kept("4", "104"), Kept("6", "106"))


def wanted(*wishes: Wish) -> list[Change] | Refused:
    return changes_of(table(*KEPT), wishes)


def test_line_that_was_not_touched_changes_nothing() -> None:
    assert wanted(Wish("1", "101", "101"), Wish("5", "", ""), Wish("6", "106", "106"), Wish("", "102", "+")) == []


def test_proposal_is_kept_when_it_comes_back_and_dropped_when_it_is_emptied() -> None:
    assert wanted(Wish("2", "102", "")) == [Change("2", "Somebody", "", "102")]
    assert wanted(Wish("2", "", "")) == []


@pytest.mark.parametrize("text", ["10 1", "<b>", "1" * 65, "сто"])
def test_what_is_no_extension_is_refused(text: str) -> None:
    assert wanted(Wish("5", text, "")) == Refused(Refusal.BAD_EXTENSION, "Иван Иванов", text[:64])


def test_extension_of_a_colleague_is_not_taken_away_from_one_side() -> None:
    assert wanted(Wish("5", "101", "")) == Refused(Refusal.TAKEN, "Иван Иванов", "101", "Белова Анна")
    swapped = wanted(Wish("1", "104", "101"), Wish("4", "101", "104"))
    assert swapped == [Change("1", "Белова Анна", "101", "104"), Change("4", "Иван Иванов", "104", "101")]


def test_two_people_who_want_the_same_are_told() -> None:
    found = wanted(Wish("2", "300", ""), Wish("3", "300", ""))
    assert found == Refused(Refusal.TWICE, "Громова  Алёна", "300", "Somebody")


def test_who_is_gone_gives_way() -> None:
    assert wanted(Wish("5", "106", "")) == [Change("5", "Иван Иванов", "", "106"), Change("6", "Gone", "106", "")]
    both = wanted(Wish("6", "", "106"), Wish("5", "106", ""))
    assert both == [Change("6", "Gone", "106", ""), Change("5", "Иван Иванов", "", "106")]


def test_line_that_somebody_else_changed_meanwhile_is_left_alone() -> None:
    assert wanted(Wish("1", "107", "105")) == Refused(Refusal.CHANGED, "Белова Анна", "101")
    assert wanted(Wish("1", "101", "105")) == []  # both wanted the same
    assert wanted(Wish("1", "107", None)) == [Change("1", "Белова Анна", "101", "107")]


def test_extension_is_given_to_somebody_by_their_name() -> None:
    assert wanted(Wish("somebody ", "102", ANOTHER)) == [Change("2", "Somebody", "", "102")]
    assert wanted(Wish("Белова Анна", "103", ANOTHER)) == [Change("1", "Белова Анна", "", "103")]
    assert wanted(Wish("Иван Иванов (5)", "103", ANOTHER)) == [Change("5", "Иван Иванов", "", "103")]
    assert wanted(Wish("Иван Иванов", "103", ANOTHER)) == Refused(Refusal.NOBODY, "Иван Иванов", "103")
    assert set(labels_of(table(*KEPT))) == {"1", "2", "3", "4", "5"}


def test_extension_of_a_profile_cannot_be_taken_away_here_but_another_can_be_given() -> None:
    lines = table()
    assert changes_of(lines, [Wish("1", "", "101")]) == Refused(Refusal.PROFILE, "Белова Анна", "101")
    assert changes_of(lines, [Wish("1", "107", "101")]) == [Change("1", "Белова Анна", "101", "107")]
