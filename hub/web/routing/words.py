"""What a decision says, in the language of the reader. The texts are those of `hub.routing.decide`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hub.web.i18n import _, _l
from hub.web.words import word

REASONS = {
    "blocked": _l("black list"),
    "vip": _l("VIP list"),
    "owner": _l("owner in the CRM"),
    "last_talked": _l("who talked last"),
    "group": _l("group by schedule"),
    "default": _l("default"),
}
ASKED_BY = {
    "pbx": _l("the PBX asked"),
    "call": _l("a call waited"),
    "callback": _l("a callback"),
    "key": _l("a program asked"),
}
COMMAND_KINDS = {
    "route": _l("sent on"),
    "callback": _l("call back"),
    "callback_group": _l("call back by a group"),
    "hangup": _l("hang up"),
}
COMMAND_STATES = {
    "waiting": _l("waits for its turn"),
    "leased": _l("is being sent"),
    "sent": _l("the PBX took it"),
    "unknown": _l("nobody knows whether the PBX took it"),
    "refused": _l("refused"),
    "expired": _l("its time passed"),
    "cancelled": _l("was not needed any more"),
}
FACTS = (
    _l("on the black list"),
    _l("not a VIP"),
    _l("a VIP without an extension: the owner is meant"),
    _l("on the VIP list with extension %(extension)s"),
    _l("on the VIP list with %(name)s, who %(why)s"),
    _l("the caller's number is hidden or no full one"),
    _l("no CRM is known to keep this number"),
    _l("nobody in the CRM owns this number"),
    _l("the owner, CRM user %(user)s, has no extension on this PBX"),
    _l("%(name)s owns %(kind)s %(id)s and %(why)s"),
    _l("nobody talked with this number lately"),
    _l("extension %(extension)s talked last and is nobody's now"),
    _l("%(name)s talked last and %(why)s"),
    _l("no group is open"),
    _l("there are no groups"),
    _l("%(name)s is open, its weight is %(weight)s of %(total)s"),
    _l("the PBX goes on by its own scheme"),
    _l("everybody else goes to %(extension)s"),
    _l("nothing could be read about the caller in time"),
    _l("is on shift"),
    _l("is absent"),
    _l("is off shift"),
    _l("is not at work by the CRM's time clock"),
)


_VALUES: Mapping[str, Callable[[str], str]] = {"why": _, "kind": lambda kind: word(kind, "party")}


def filters() -> dict[str, Callable[..., str]]:
    """What the templates call these."""
    return {
        "reason": reason_word,
        "asker": asker_word,
        "fact": fact_words,
        "command_kind": command_kind,
        "command_state": command_state,
    }


def reason_word(reason: str) -> str:
    return str(REASONS.get(reason, reason))


def asker_word(asked_by: str) -> str:
    return str(ASKED_BY.get(asked_by, asked_by))


def command_kind(kind: str) -> str:
    return str(COMMAND_KINDS.get(kind, kind))


def command_state(state: str) -> str:
    return str(COMMAND_STATES.get(state, state))


def fact_words(step: Mapping[str, Any]) -> str:
    """The fact of a step as it is stored (a document of `RuleTried`), translated where it can be."""
    says = step.get("says") or {}
    words = says.get("words")
    if not words:
        return _(str(step.get("fact", ""))) if step.get("fact") else ""
    values = {name: _VALUES.get(name, str)(value) for name, value in says.get("values", {}).items()}
    return _(words, **values)
