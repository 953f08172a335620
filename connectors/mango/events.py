"""Mango's requests: are they genuine, and what do they state? Pure (`mango.md` §1, §2, §8; README)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from connectors.mango.calls import call_event, summary_event
from connectors.mango.errors import GONE
from connectors.mango.fields import Fields, Unreadable, read_object
from connectors.mango.keys import event_key
from connectors.mango.reading import Reading
from connectors.mango.recordings import recording_added_event, recording_event
from connectors.mango.signature import read_form, usable, verify
from connectors.mango.words import look_up_result
from hub.domain.errors import BadSignature
from hub.domain.events import CallEvent
from hub.domain.notices import CommandAnswered
from webhooks.contract import Admitted, HookRequest, Ignored, InboxItem, Malformed, News, ParseContext, Parsed, Stated

_STATES: Mapping[str, Callable[[Reading], CallEvent]] = {
    "events/call": call_event,
    "events/summary": summary_event,
    "events/recording": recording_event,
    "events/record/added": recording_added_event,
}
_NOT_USED: Mapping[str, str] = {
    "events/dtmf": "Keys that the caller pressed in the menu.",
    "events/sms": "The fate of a text message.",
    "events/ab": "A change in the PBX's address book.",
    "events/record/tagged": "Topics that the PBX recognised in a recording.",
    "events/recognized/offline": "A speech recognition job of the PBX has finished.",
}
_COMMAND_DONE = frozenset({1000, 1001})


@dataclass(frozen=True, slots=True)
class MangoHook:
    """The `Hook` of Mango Office."""

    def admit(self, request: HookRequest, secrets: Sequence[Mapping[str, str]]) -> Admitted:
        """A signed form gives one item, whose body is the raw `json`; a connection check gives none.

        Raises `BadSignature` for everything else.
        """
        pairs = usable(secrets)
        if request.topic == "ping":
            return Admitted(items=())
        if request.method != "POST":
            raise BadSignature("Mango posts its events.")
        form = read_form(request.body)
        if "json" not in form:
            return Admitted(items=())
        verify(form, pairs)
        body = form["json"]
        return Admitted(items=(InboxItem(event_key(request.topic, body), request.topic, body),))

    def parse(self, item: InboxItem, context: ParseContext) -> Parsed:
        """One event, or why there is none. Never raises, whatever was signed."""
        if item.topic in _NOT_USED:
            return Ignored(_NOT_USED[item.topic])
        state = _STATES.get(item.topic)
        if state is None and not item.topic.startswith("result/"):
            return Ignored("A kind of event that this version does not know.")
        fields = Fields({})
        try:
            fields.values = read_object(item.body)
            if state is None:
                return _command_outcome(fields)
            event = state(Reading(fields, context, event_key(item.topic, item.body)))
        except Unreadable as problem:
            return Malformed(str(problem), tuple(fields.drift))
        return Stated((event,), tuple(fields.drift))


def _command_outcome(fields: Fields) -> News | Ignored:
    """`/result/<command>`: a command was begun or refused; `/result/stat` has no code (`mango.md` §3, §4.2)."""
    code = fields.number("result")
    command_id = fields.text("command_id")
    if code is None or command_id is None:
        return Ignored(f"The PBX answered our request {fields.text('request_id') or 'without an id'}.")
    result, _ = look_up_result(code)
    accepted = code in _COMMAND_DONE
    return News((CommandAnswered(command_id, accepted, str(code), code in GONE, None if accepted else result),))
