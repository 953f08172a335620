"""What the table says: how somebody was found, and why nothing was kept."""

from __future__ import annotations

from collections.abc import Mapping

from hub.staff.changes import Refusal, Refused
from hub.staff.matching import Line
from hub.web.i18n import _, _l

HOW: Mapping[str, str] = {
    "kept": _l("settled"),
    "extension": _l("same extension"),
    "profile": _l("from the CRM’s profile"),
    "email": _l("same e-mail: keep it?"),
    "name": _l("same name: keep it?"),
}
_REFUSALS: Mapping[Refusal, str] = {
    Refusal.BAD_EXTENSION: _l("“%(extension)s” at %(name)s is no extension. Write digits, like 101."),
    Refusal.TAKEN: _l("%(extension)s is the extension of %(holder)s. Change both lines, then keep all."),
    Refusal.TWICE: _l("%(extension)s stands at %(holder)s and at %(name)s. Leave it to one of them."),
    Refusal.NOBODY: _l("Nobody in the CRM is called “%(name)s”. Choose a name of the list."),
    Refusal.CHANGED: _l(
        "Somebody else has changed the line of %(name)s meanwhile. Look at it as it is now, then change it again."
    ),
    Refusal.PROFILE: _l(
        "%(extension)s stands in the profile of %(name)s in the CRM. Take it away there, or write another one here."
    ),
}


def how_word(line: Line) -> str:
    """How the line was found, or what is missing."""
    if line.gone:
        return _("no longer in the CRM")
    if line.how:
        return str(HOW[line.how])
    return _("no extension") if line.user_id else _("nobody’s yet")


def tone_of(line: Line) -> str:
    """The colour of that word's badge."""
    return "bad" if line.gone else "good" if line.is_settled else "warn"


def refusal_words(refused: Refused) -> str:
    """Why nothing was kept, and what to do."""
    text = str(_REFUSALS[refused.why])
    return text % {"name": refused.name, "extension": refused.extension, "holder": refused.holder}
