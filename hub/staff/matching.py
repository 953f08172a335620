"""Whose extension is whose user of the CRM: by extension, by e-mail, by name. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from connectors.contract import CrmUser, ListedExtension

T = TypeVar("T")
EFFECTIVE = frozenset({"kept", "extension", "profile"})
"""The ways of being found that hold already; the others are proposals until somebody keeps them."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An employee of the PBX and the user of the CRM; `how` is that of `Line`, "" for nobody."""

    extension: str
    name: str
    user_id: str = ""
    how: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table: a person of the CRM and one extension, or an extension that is nobody's (no `user_id`).

    `how` is "kept" (somebody settled it), "extension" (the CRM's profile and the PBX say the same),
    "profile" (the CRM's profile alone), "email" or "name" (proposed), "" (to be settled). `was` is the
    extension that holds now; "" while it is only proposed. `gone`: the CRM does not list this person any more.
    """

    user_id: str
    name: str
    email: str = ""
    extension: str = ""
    was: str = ""
    how: str = ""
    gone: bool = False
    pbx_name: str = ""

    @property
    def is_settled(self) -> bool:
        return self.how in EFFECTIVE and not self.gone

    @property
    def key(self) -> str:
        """What tells this line from every other of its table."""
        return f"{self.user_id}/{self.was}" if self.user_id else f"/{self.extension}"


@dataclass(frozen=True, slots=True)
class Kept:
    """What somebody settled before: the user at an extension."""

    user_id: str
    extension: str
    name: str = ""


def match(listed: Sequence[ListedExtension], users: Sequence[CrmUser], kept: Mapping[str, str]) -> list[Pair]:
    """One pair for each extension, in the PBX's order; nobody stands in two.

    `kept` is extension to user id as a person settled it before: it wins. A sign that fits two is no sign.
    """
    active = [user for user in users if user.active]
    found = {one.extension: (kept[one.extension], "kept") for one in listed if kept.get(one.extension)}
    settled = set(kept.values())
    signs: tuple[tuple[str, Callable[[ListedExtension], str], Callable[[CrmUser], str]], ...] = (
        ("extension", lambda one: one.extension, lambda user: user.extension or ""),
        ("email", lambda one: _address(one.email), lambda user: _address(user.email)),
        ("name", lambda one: _name(one.name), lambda user: _name(user.name)),
    )
    for how, theirs, ours in signs:
        taken = settled | {user_id for user_id, _ in found.values()}
        open_ones = _only([one for one in listed if one.extension not in found], theirs)
        free = _only([user for user in active if user.user_id not in taken], ours)
        found |= {one.extension: (free[sign].user_id, how) for sign, one in open_ones.items() if sign in free}
    return [Pair(one.extension, one.name, *found.get(one.extension, ("", ""))) for one in listed]


def lines_of(listed: Sequence[ListedExtension], users: Sequence[CrmUser], kept: Sequence[Kept]) -> list[Line]:
    """The whole table: everybody of the CRM, whoever is gone and still has an extension, and every free extension.

    What has to be settled comes first, each part by name. `users` may hold inactive ones; without
    `listed` the PBX names nobody, and the CRM's profiles are all there is to match by.
    """
    by_extension = {one.extension: one for one in listed}
    known = {user.user_id: user for user in users}
    held = [_kept_line(one, known.get(one.user_id)) for one in kept]
    named = {one.user_id for one in held}
    pairs = match(listed, users, {one.extension: one.user_id for one in kept})
    found = {pair.user_id: pair for pair in pairs if pair.user_id and pair.how != "kept"}
    taken = {one.extension for one in kept} | {pair.extension for pair in pairs if pair.user_id}
    open_users = [user for user in users if user.active and user.user_id not in named]
    fresh = [_open_line(user, found.get(user.user_id), taken) for user in open_users]
    free = [Line("", "", one.email, one.extension) for one in listed if one.extension not in taken]
    lines = [_with_pbx_name(line, by_extension) for line in (*held, *fresh, *free)]
    return sorted(lines, key=lambda line: (line.is_settled, not line.user_id, _name(line.name), line.extension))


def _kept_line(one: Kept, user: CrmUser | None) -> Line:
    gone = user is None or not user.active
    name = user.name if user else one.name
    email = (user.email or "") if user else ""
    return Line(one.user_id, name or one.user_id, email, one.extension, one.extension, "kept", gone)


def _open_line(user: CrmUser, pair: Pair | None, taken: set[str]) -> Line:
    """Somebody whom nobody has settled: as the signs say, else as their profile says, else with nothing."""
    line = Line(user.user_id, user.name, user.email or "")
    if pair is not None:
        was = pair.extension if pair.how in EFFECTIVE else ""
        return replace(line, extension=pair.extension, was=was, how=pair.how)
    own = user.extension or ""
    return replace(line, extension=own, was=own, how="profile") if own and own not in taken else line


def _with_pbx_name(line: Line, listed: Mapping[str, ListedExtension]) -> Line:
    there = listed.get(line.extension)
    return replace(line, pbx_name=there.name or there.email, email=line.email or there.email) if there else line


def _address(text: str | None) -> str:
    return (text or "").strip().lower()


def _name(text: str) -> str:
    """A name as it is compared: no matter which part comes first, which case, and whether ё is written."""
    return " ".join(sorted(re.findall(r"\w+", text.lower().replace("ё", "е"))))


def _only(rows: Sequence[T], sign_of: Callable[[T], str]) -> dict[str, T]:
    """The rows by their sign, without those that have none or share it."""
    signs = [sign_of(row) for row in rows]
    return {sign: row for sign, row in zip(signs, rows, strict=True) if sign and signs.count(sign) == 1}
