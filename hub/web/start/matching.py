"""Whose extension is whose user of the CRM: by extension, by e-mail, by name. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from connectors.contract import CrmUser, ListedExtension

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pair:
    """An employee of the PBX and the user of the CRM; `how` is "kept", "extension", "email", "name", or "" for nobody.

    An empty `extension` is still to be written by a person.
    """

    extension: str
    name: str
    user_id: str = ""
    how: str = ""


def match(listed: Sequence[ListedExtension], users: Sequence[CrmUser], kept: Mapping[str, str]) -> list[Pair]:
    """One pair for each extension, in the PBX's order; nobody stands in two.

    `kept` is extension to user id as a person settled it before: it wins. A sign that fits two is no sign.
    """
    active = [user for user in users if user.active]
    found = {one.extension: (kept[one.extension], "kept") for one in listed if kept.get(one.extension)}
    signs: tuple[tuple[str, Callable[[ListedExtension], str], Callable[[CrmUser], str]], ...] = (
        ("extension", lambda one: one.extension, lambda user: user.extension or ""),
        ("email", lambda one: one.email.strip().lower(), lambda user: (user.email or "").strip().lower()),
        ("name", lambda one: _name(one.name), lambda user: _name(user.name)),
    )
    for how, theirs, ours in signs:
        taken = {user_id for user_id, _ in found.values()}
        open_ones = _only([one for one in listed if one.extension not in found], theirs)
        free = _only([user for user in active if user.user_id not in taken], ours)
        found |= {one.extension: (free[sign].user_id, how) for sign, one in open_ones.items() if sign in free}
    return [Pair(one.extension, one.name, *found.get(one.extension, ("", ""))) for one in listed]


def pairs_to_write(users: Sequence[CrmUser], kept: Mapping[str, str]) -> list[Pair]:
    """For a PBX that lists nobody: one pair for each active user, with the extension that is known of them."""
    extensions = {user_id: extension for extension, user_id in kept.items()}
    known = [(user, extensions.get(user.user_id), user.extension or "") for user in users if user.active]
    return [
        Pair(settled or told, user.name, user.user_id, "kept" if settled else "extension" if told else "")
        for user, settled, told in known
    ]


def _name(text: str) -> str:
    """A name as it is compared: no matter which part comes first, which case, and whether ё is written."""
    return " ".join(sorted(re.findall(r"\w+", text.lower().replace("ё", "е"))))


def _only(rows: Sequence[T], sign_of: Callable[[T], str]) -> dict[str, T]:
    """The rows by their sign, without those that have none or share it."""
    signs = [sign_of(row) for row in rows]
    return {sign: row for sign, row in zip(signs, rows, strict=True) if sign and signs.count(sign) == 1}
