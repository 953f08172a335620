"""What is wrong with a site, in the reader's words: at which field, which of its values, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hub.provisioning.errors import Mistake
from hub.web.i18n import _, _l

Item = Mapping[str, Any]
Found = re.Match[str]
STATES: Mapping[str, str] = {
    "works": _l("works"),
    "bare": _l("no numbers for visitors"),
    "unseen": _l("script not seen yet"),
    "silent": _l("script not seen for a day"),
}
NEEDED = "is needed."
NEEDED_WORDS: Mapping[str, str] = {
    "origins": _l("Write the address of the site, like https://shop.example."),
    "default_number": _l("Write the number that stands on the pages now: it is the one that is replaced."),
}
_SHOWN = 3
"""So many values of a field are named one by one."""


def state_word(state: str) -> str:
    """How a site is, in words."""
    return str(STATES.get(state, state))


def mistakes_by_field(mistakes: Iterable[Mistake], item: Item) -> dict[str, str]:
    """Field to words. Of many wrong lines the first ones are named, and the rest are counted."""
    found: dict[str, list[str]] = {}
    for mistake in mistakes:
        field = str(mistake.path[2]) if len(mistake.path) > 2 else ""
        found.setdefault(field, []).append(_words(mistake, item))
    return {field: _joined(list(dict.fromkeys(words))) for field, words in found.items()}


def _joined(words: list[str]) -> str:
    more = len(words) - _SHOWN
    rest = [_("And %(number)d more like these.", number=more)] if more > 0 else []
    return " ".join([*words[:_SHOWN], *rest])


def _words(mistake: Mistake, item: Item) -> str:
    if mistake.words == NEEDED:
        return str(NEEDED_WORDS[str(mistake.path[2])])
    value = _value(mistake, item)
    for pattern, words in _WORDS:
        found = re.fullmatch(pattern, mistake.words)
        if found:
            return words(found, value)
    return _("“%(value)s” cannot be kept.", value=value)


def _value(mistake: Mistake, item: Item) -> str:
    """What stands at the place of the mistake; of a line of several cells, the whole line."""
    value: Any = item
    for step in mistake.path[2:]:
        inner = value.get(step) if isinstance(value, Mapping) else None
        if isinstance(value, list) and isinstance(step, int) and step < len(value):
            inner = value[step]
        value = value if inner is None else inner
    if isinstance(value, Mapping):
        value = "; ".join(map(str, value.values()))
    return str(value)[:80]


def _number(_found: Found, value: str) -> str:
    return _("“%(value)s” is no full telephone number. Write it with the country code, like +74950000000.", value=value)


def _twice(found: Found, _value: str) -> str:
    return _("%(value)s stands here twice. Leave it in one place.", value=found["value"])


def _elsewhere(found: Found, _value: str) -> str:
    if not found["site"]:
        return _("%(value)s is in use elsewhere on this hub. Choose another one.", value=found["value"])
    return _(
        "%(value)s belongs to the site “%(site)s”. Take it off there first.", value=found["value"], site=found["site"]
    )


def _range(found: Found, _value: str) -> str:
    return _("Write a number from %(least)s to %(most)s.", least=found["least"], most=found["most"])


def _origin(_found: Found, value: str) -> str:
    return _("“%(value)s” is no address of a site. Write it like https://shop.example.", value=value)


def _key(_found: Found, _value: str) -> str:
    return _("Use letters, digits, - and _, like shop.")


def _key_taken(_found: Found, _value: str) -> str:
    return _("Another site has this key. Choose another one.")


def _format(_found: Found, _value: str) -> str:
    return _("Write digits and #, a # for each digit of the number, like +7 (###) ###-##-##.")


def _missing(_found: Found, value: str) -> str:
    if value:
        return _("In “%(value)s” something is missing: number and source have to be there.", value=value)
    return _("Fill this in.")


def _whole(_found: Found, _value: str) -> str:
    return _("This must be a whole number.")


def _long(_found: Found, _value: str) -> str:
    return _("This is too long.")


def _length(found: Found, value: str) -> str:
    return _long(found, value) if value else _missing(found, value)


def _choice(_found: Found, _value: str) -> str:
    return _("Choose one from the list.")


_WORDS: tuple[tuple[str, Callable[[Found, str], str]], ...] = (
    (r"must be a full telephone number like .*", _number),
    (r"(?P<value>.+) stands here for the second time\.", _twice),
    (r'(?P<value>\S+) belongs to the site "(?P<site>.*)"\.', _elsewhere),
    (r"must be from (?P<least>\d+) to (?P<most>\d+)\.", _range),
    (r"must be scheme and host, .*", _origin),
    (r"must be letters, digits, .*", _key),
    (r"is taken on this hub: .*", _key_taken),
    (r"must be digits and # .*", _format),
    (r"is missing\.|must not be empty\.", _missing),
    (r"Length must be between 1 and .*", _length),
    (r"must be a whole number\.", _whole),
    (r"Longer than maximum length .*", _long),
    (r"must be one of .*", _choice),
)
