"""The reasons of an attribution in the reader's language. A sentence that is not here is shown as it is."""

from __future__ import annotations

import re

from hub.web.i18n import _l

_SENTENCES = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"no visit held this number in the 30 days before the call",
         _l("no visit held this number in the 30 days before the call")),
        (r"somebody else with (?P<percent>\d+)%: no visit with this number is near enough in time",
         _l("somebody else with %(percent)s %%: no visit with this number is near enough in time")),
        (r"the best candidate has (?P<percent>\d+)%, an answer needs (?P<needed>\d+)%",
         _l("the best candidate has %(percent)s %%, an answer needs %(needed)s %%")),
        (r"the visitor was on the page, the number had been shown for (?P<time>.+)",
         _l("the visitor was on the page, the number had been shown for %(time)s")),
        (r"the call came (?P<time>.+) after the visitor was last seen with this number",
         _l("the call came %(time)s after the visitor was last seen with this number")),
        (r"no other visit with this number is plausible", _l("no other visit with this number is plausible")),
        (r"(?P<number>\d+) other visits? with this number, together (?P<percent>\d+)%",
         _l("other visits with this number: %(number)s, together %(percent)s %%")),
        (r"the caller's region is the visitor's", _l("the caller's region is the visitor's")),
        (r"the caller's region is not the visitor's", _l("the caller's region is not the visitor's")),
        (r"other calls of this client point to the same visitor",
         _l("other calls of this client point to the same visitor")),
        (r"somebody else with (?P<percent>\d+)%", _l("somebody else with %(percent)s %%")),
        (r"the visitor asked for this call", _l("the visitor asked for this call")),
        (r"the visitor left this number in a form", _l("the visitor left this number in a form")),
        (r"the static number was called", _l("the static number was called")),
        (r"the static number of (?P<source>.+) was called", _l("the static number of %(source)s was called")),
        (r"the default number was called: everybody sees it", _l("the default number was called: everybody sees it")),
    )
)  # fmt: skip
_UNITS = {"d": _l("%(number)s d"), "h": _l("%(number)s h"), "min": _l("%(number)s min"), "s": _l("%(number)s s")}


def evidence_in_words(sentence: str) -> str:
    """A sentence of `Attribution.evidence` (`hub.tracking.attribution.evidence`) in the language of this request."""
    for pattern, text in _SENTENCES:
        found = pattern.fullmatch(sentence)
        if found:
            said = found.groupdict()
            if "time" in said:
                said["time"] = _time(said["time"])
            return str(text) % said if said else str(text)
    return sentence


def _time(words: str) -> str:
    return re.sub(r"(\d+) (d|h|min|s)\b", lambda one: str(_UNITS[one[2]]) % {"number": one[1]}, words)
