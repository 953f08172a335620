"""The reasons of an answer for readers: a stable code for programs, and the sentence in a language. Pure.

An answer keeps its reasons as English sentences (`hub.tracking.attribution.evidence`); older answers keep older ones.
A sentence that is not known here is told as it is, under the code "other".
"""

from __future__ import annotations

import re

_RUSSIAN = (
    ("no_visit", r"no visit held this number in the 30 days before the call",
     "за 30 дней до звонка этот номер не показывали ни одному посетителю"),
    ("somebody_else", r"somebody else with (?P<percent>\d+)%: no visit with this number is near enough in time",
     "посторонний с вероятностью {percent} %: ни один визит с этим номером не близок по времени"),
    ("too_uncertain", r"the best candidate has (?P<percent>\d+)%, an answer needs (?P<needed>\d+)%",
     "у лучшего кандидата {percent} %, для ответа нужно {needed} %"),
    ("on_page", r"the visitor was on the page, the number had been shown for (?P<time>.+)",
     "посетитель был на странице, номер показывали уже {time}"),
    ("after_visit", r"the call came (?P<time>.+) after the visitor was last seen with this number",
     "звонок пришёл через {time} после того, как посетителя последний раз видели с этим номером"),
    ("no_rival", r"no other visit with this number is plausible",
     "других правдоподобных визитов с этим номером нет"),
    ("rivals", r"(?P<number>\d+) other visits? with this number, together (?P<percent>\d+)%",
     "другие визиты с этим номером: {number}, вместе {percent} %"),
    ("same_region", r"the caller's region is the visitor's", "регион звонящего совпадает с регионом посетителя"),
    ("other_region", r"the caller's region is not the visitor's",
     "регион звонящего не совпадает с регионом посетителя"),
    ("earlier_calls", r"other calls of this client point to the same visitor",
     "другие звонки этого клиента указывают на того же посетителя"),
    ("maybe_somebody_else", r"somebody else with (?P<percent>\d+)%", "посторонний с вероятностью {percent} %"),
    ("callback", r"the visitor asked for this call", "посетитель заказал этот звонок"),
    ("form", r"the visitor left this number in a form", "посетитель оставил этот номер в форме"),
    ("static_number", r"the static number was called", "позвонили на статический номер"),
    ("static_number", r"the static number of (?P<source>.+) was called",
     "позвонили на статический номер источника {source}"),
    ("static_number", r"static number (?P<number>\S+) was called", "позвонили на статический номер {number}"),
    ("static_number", r"The number (?P<number>.+) stands for “(?P<source>.+)”\.",
     "Номер {number} отведён источнику «{source}»."),
    ("default_number", r"the default number was called: everybody sees it",
     "позвонили на общий номер: его видят все"),
)  # fmt: skip
_SENTENCES = tuple((code, re.compile(pattern), russian) for code, pattern, russian in _RUSSIAN)
_UNITS = {"d": "д", "h": "ч", "min": "мин", "s": "с"}
OTHER = "other"
CODES = (*dict.fromkeys(code for code, _, _ in _RUSSIAN), OTHER)


def code_of(sentence: str) -> str:
    """The stable code of a reason: one of `CODES`."""
    return next((code for code, pattern, _ in _SENTENCES if pattern.fullmatch(sentence)), OTHER)


def told(sentence: str, locale: str) -> str:
    """A reason in the language of `locale`: Russian, or English for everything else."""
    if not locale.startswith("ru"):
        return sentence
    for _, pattern, russian in _SENTENCES:
        found = pattern.fullmatch(sentence)
        if found:
            said = found.groupdict()
            if "time" in said:
                said["time"] = re.sub(r"(\d+) (d|h|min|s)\b", lambda one: f"{one[1]} {_UNITS[one[2]]}", said["time"])
            return russian.format(**said)
    return sentence
