"""The area that a region's name means, as an ISO 3166-2 code: how names of several sources are compared. Pure."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

# Spellings of what kind of a subject it is; those that say nothing are dropped.
_KINDS = {
    "область": "обл", "области": "обл", "oblast": "обл", "region": "обл", "край": "край", "krai": "край",
    "kray": "край", "territory": "край", "республика": "респ", "republic": "респ", "ао": "ао", "авт": "авт",
    "автономный": "авт", "автономная": "авт", "autonomous": "авт", "округ": "окр", "okrug": "окр",
}  # fmt: skip
_IDLE = frozenset({"г", "город", "of", "the", "city"})
_SHORT = {"ао": ("авт", "окр")}


@lru_cache(maxsize=4096)
def area_of(name: str | None) -> str | None:
    """The area of a region's name in Russian or English, or of its code: "Тверская обл." and "RU-TVE" are "RU-TVE".

    A city and the region around it that share their telephone numbers are one area: "Московская область" is
    "RU-MOW" as "Москва" is. A name of several places ("г. Сочи|Краснодарский край", "А и Б") has an area when those
    of them that are known have one and the same, and what is joined by "и" is known throughout. None for all else.
    """
    if not name or not name.strip():
        return None
    whole = _named(name)
    if whole is not None:
        return whole
    found = {area for part in name.split("|") for area in _joined(part)}
    return found.pop() if len(found) == 1 else None


def _joined(part: str) -> set[str | None]:
    """The areas that one part names; a part that names no subject at all says nothing."""
    areas = {_named(one) for one in re.split(r"\sи\s|[,;]", part)}
    return set() if areas == {None} else areas


def _named(name: str) -> str | None:
    names, codes = _table()
    return codes.get(name.strip().upper()) or names.get(_words_of(name))


def _words_of(name: str) -> frozenset[str]:
    """A name without case, accents, order and abbreviations."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("й", "\0")).replace("ё", "е")
    letters = "".join(one for one in plain if not unicodedata.combining(one)).replace("\0", "й")
    found: set[str] = set()
    for word in re.findall(r"[^\W\d_]+", letters.replace("'", "").replace("’", "")):
        kind = _KINDS.get(word, word)
        found.update(_SHORT.get(kind, (kind,)))
    return frozenset(found - _IDLE)


@cache
def _table() -> tuple[dict[frozenset[str], str], dict[str, str]]:
    """By name and by code: the area."""
    document: Any = json.loads(Path(__file__).with_name("areas.json").read_text(encoding="utf-8"))
    first = {code: group[0] for group in document["one_area"] for code in group}
    codes = {code: first.get(code, code) for code in document["names"]}
    names = {_words_of(name): codes[code] for code, known in document["names"].items() for name in known}
    return names, codes
