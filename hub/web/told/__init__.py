"""Reasons that are kept as sentences, told in the reader's language when they are shown.

What the hub says of itself is known here by its English sentence: the tables beside this file have them all. What
another system said stays as it came, in quotation marks: its support asks for it, and nobody can translate it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from markupsafe import Markup, escape

from hub.domain.retelling import Sentences
from hub.web.i18n import _, locale_of_request
from hub.web.told import crm, delivery, intake, pbx, wire
from hub.web.words import CONNECTION_STATES, DELIVERY_STATES
from mapping.words import retold

KNOWN = (*wire.SENTENCES, *delivery.SENTENCES, *intake.SENTENCES, *crm.SENTENCES, *pbx.SENTENCES)
"""Everything that the hub says of itself and keeps."""
_OURS = Sentences({sentence: (sentence,) for sentence in KNOWN})
_STATES: Mapping[str, str] = {**DELIVERY_STATES, **CONNECTION_STATES}
_END = re.compile(r"(?<=[.!?]) ")
_CODE = ("kind", "kinds", "field", "path", "method", "host", "spelled", "event", "text", "sought", "said", "rights")


def told(sentence: str | None) -> Markup:
    """`sentence` for a page: ours in the reader's language, another system's own words in quotation marks."""
    sentence = (sentence or "").strip()
    if not sentence:
        return Markup()
    return _ours(sentence) or _one_by_one(_END.split(sentence))


def retold_reason(sentence: str | None) -> str:
    """A reason of the planner, or the name of a ready rule, in the reader's language; any other text as it is."""
    return (sentence and retold(sentence, locale_of_request())) or sentence or ""


def _ours(sentence: str) -> Markup | None:
    """The sentence in the reader's language; None when it is not one of the hub's."""
    found = _source_of(sentence)
    if found is not None:
        template, values = found
        return escape(_(template)) % {name: _value(name, value) for name, value in values.items()}
    again = retold(sentence, locale_of_request())
    return _listed(sentence) if again is None else escape(again)


def _listed(sentence: str) -> Markup | None:
    """Several complaints in one line, as "at: …; call_id: …", when all of them are of ours."""
    parts = sentence.split("; ")
    told_parts = [_ours(part) for part in parts] if len(parts) > 1 else []
    ours = [part for part in told_parts if part is not None]
    return Markup("; ").join(ours) if ours and len(ours) == len(parts) else None


@lru_cache(maxsize=4096)
def _source_of(sentence: str) -> tuple[str, dict[str, str]] | None:
    return _OURS.source_of(sentence)


def _value(name: str, value: str) -> str | Markup:
    """What stands in a sentence: another sentence, another system's words, a name of a thing, or plain text."""
    shown = _SHOWN.get(name)
    return shown(value) if shown else value


def _one_by_one(sentences: list[str]) -> Markup:
    """Several sentences: those of ours are told, what stands between them is quoted."""
    parts: list[Markup] = []
    foreign: list[str] = []
    while sentences:
        length, ours = _longest_of_ours(sentences)
        if ours is None:
            foreign.append(sentences[0])
        else:
            parts += [*_quoted(foreign), ours]
            foreign = []
        sentences = sentences[length:]
    return Markup(" ").join([*parts, *_quoted(foreign)])


def _longest_of_ours(sentences: list[str]) -> tuple[int, Markup | None]:
    """How many of the first ones make a sentence of ours, and that sentence; 1 and None when none do."""
    for length in range(len(sentences), 0, -1):
        if (ours := _ours(" ".join(sentences[:length]))) is not None:
            return length, ours
    return 1, None


def _quoted(sentences: list[str]) -> list[Markup]:
    return [_quote(" ".join(sentences))] if sentences else []


def _quote(words: str) -> Markup:
    return Markup("<q>%s</q>") % words


def _code(words: str) -> Markup:
    return Markup("<code>%s</code>") % words


def _state(word: str) -> str:
    return str(_STATES.get(word, word))


_SHOWN: Mapping[str, Callable[[str], str | Markup]] = {
    "words": told,
    "cause": told,
    "vendors": _quote,
    "state": _state,
    **dict.fromkeys(_CODE, _code),
}
