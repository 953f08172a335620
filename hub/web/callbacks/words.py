"""What the states and scopes of callbacks are called on the pages."""

from __future__ import annotations

from collections.abc import Callable

from hub.callbacks.words import say_again
from hub.web.i18n import _, _l, locale_of_request

STATES = {
    "open": _l("under way"),
    "requested": _l("requested"),
    "scheduled": _l("scheduled"),
    "ringing_operator": _l("ringing the operator"),
    "ringing_client": _l("ringing the client"),
    "talking": _l("they talk"),
    "done": _l("done"),
    "failed": _l("failed"),
    "cancelled": _l("cancelled"),
}
TONES = {"done": "good", "failed": "bad", "talking": "good", "cancelled": "calm"}
KINDS = {"number": _l("number"), "ip": _l("IP address"), "visitor": _l("visitor")}


def callback_state(state: str) -> str:
    return str(STATES.get(state, state))


def callback_tone(state: str) -> str:
    return TONES.get(state, "warn")


def block_kind(kind: str) -> str:
    return str(KINDS.get(kind, kind))


def asked_by_word(asked_by: str) -> str:
    """Who asked: "key:<name>", "crm:<connection>" or "site", as people call them."""
    kind, _colon, name = asked_by.partition(":")
    words = {"key": _("program %(name)s", name=name), "crm": name, "site": _("the site")}
    return words.get(kind, asked_by)


def story_words(line: str) -> str:
    """A line of a request's story, which was written in the workspace's language, in the reader's."""
    return say_again(locale_of_request(), line)


def filters() -> dict[str, Callable[[str], str]]:
    """What templates call these by."""
    return {
        "callback_state": callback_state, "callback_tone": callback_tone, "block_kind": block_kind,
        "asked_by": asked_by_word, "story": story_words,
    }  # fmt: skip
