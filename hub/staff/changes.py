"""What somebody wants of the table becomes changes, or is refused in words. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from hub.staff.matching import Line

LONGEST_EXTENSION = 64
ANOTHER = "+"
"""Instead of the extension that stood there: whatever the person has, they get this one as well."""
_EXTENSION = re.compile(r"[0-9A-Za-z*#+._@-]+")


class Refusal(StrEnum):
    """Why nothing was kept; `names` of the refused wish say whom it is about."""

    BAD_EXTENSION = "bad_extension"
    TAKEN = "taken"
    TWICE = "twice"
    NOBODY = "nobody"
    CHANGED = "changed"
    PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class Wish:
    """One line as a form gives it back: a person (an id, or what was typed for one) and the extension that is wanted.

    `was` held when the page was made; None: whatever holds now. An empty `user` says nothing.
    """

    user: str
    extension: str
    was: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Person `user_id` has `wanted` from now on, where `was` held; "" for none."""

    user_id: str
    name: str
    was: str
    wanted: str

    @property
    def words(self) -> str:
        return f"{self.name}: {self.was or '—'} → {self.wanted or '—'}"


@dataclass(frozen=True, slots=True)
class Refused:
    """The first wish that cannot be fulfilled: of whom, which extension, and who has it."""

    why: Refusal
    name: str = ""
    extension: str = ""
    holder: str = ""


def changes_of(lines: Sequence[Line], wishes: Sequence[Wish]) -> list[Change] | Refused:
    """What has to be written so that each wish comes true; all of them, or the reason why none is.

    A person who is gone gives way: their extension may be given to somebody else. Of two people who
    work there neither loses an extension by a wish of the other alone.
    """
    changes: list[Change] = []
    for wish in wishes:
        found = _change(lines, wish)
        if isinstance(found, Refused):
            return found
        if found is not None:
            changes.append(found)
    return _clash(lines, changes) or [*changes, *_given_up(lines, changes)]


def _change(lines: Sequence[Line], wish: Wish) -> Change | Refused | None:
    wanted, user_id = wish.extension.strip(), _user_id(lines, wish.user)
    if not wish.user.strip():
        return None
    if user_id is None:
        return Refused(Refusal.NOBODY, name=wish.user.strip()[:80], extension=wanted[:LONGEST_EXTENSION])
    mine = [line for line in lines if line.user_id == user_id]
    if wanted and wanted in {one.was for one in mine}:
        return None
    line = _meant(mine, wish)
    if line is None:
        return Refused(Refusal.CHANGED, name=mine[0].name, extension=mine[0].was)
    if wanted == line.was:
        return None
    if wanted and (len(wanted) > LONGEST_EXTENSION or not _EXTENSION.fullmatch(wanted)):
        return Refused(Refusal.BAD_EXTENSION, name=line.name, extension=wanted[:LONGEST_EXTENSION])
    if not wanted and line.how in {"extension", "profile"}:
        return Refused(Refusal.PROFILE, name=line.name, extension=line.was)
    return Change(user_id, line.name, line.was, wanted)


def _meant(mine: Sequence[Line], wish: Wish) -> Line | None:
    """The line that the wish changes; None when it is not there any more as it was shown."""
    if wish.was == ANOTHER:
        return next((one for one in mine if not one.was), replace(mine[0], was="", how=""))
    return next((one for one in mine if wish.was is None or one.was == wish.was), None)


def _user_id(lines: Sequence[Line], typed: str) -> str | None:
    """Whom an id, a name that one person has, or a label of `labels_of` means."""
    text = typed.strip()
    if any(line.user_id == text for line in lines if line.user_id):
        return text
    return next((user_id for user_id, label in labels_of(lines).items() if label.casefold() == text.casefold()), None)


def labels_of(lines: Sequence[Line]) -> Mapping[str, str]:
    """How people who work there are called where one is chosen by typing: user id to a name that no other has."""
    names = {line.user_id: line.name for line in lines if line.user_id and not line.gone}
    often = Counter(name.casefold() for name in names.values())
    return {user_id: name if often[name.casefold()] == 1 else f"{name} ({user_id})" for user_id, name in names.items()}


def _clash(lines: Sequence[Line], changes: Sequence[Change]) -> Refused | None:
    given_up = {(change.user_id, change.was) for change in changes if change.was}
    holders = {
        line.was: line.name for line in lines if line.was and not line.gone and (line.user_id, line.was) not in given_up
    }
    for change in changes:
        if not change.wanted:
            continue
        if change.wanted in holders:
            is_new = any(one.wanted == change.wanted and one is not change for one in changes)
            why = Refusal.TWICE if is_new else Refusal.TAKEN
            return Refused(why, change.name, change.wanted, holders[change.wanted])
        holders[change.wanted] = change.name
    return None


def _given_up(lines: Sequence[Line], changes: Sequence[Change]) -> list[Change]:
    """What people who are gone lose to those who take it over."""
    wanted = {change.wanted for change in changes if change.wanted}
    released = {(change.user_id, change.was) for change in changes}
    return [
        Change(line.user_id, line.name, line.was, "")
        for line in lines
        if line.gone and line.was in wanted and (line.user_id, line.was) not in released
    ]
