"""Writes of several calls in one `batch`: one hit of the portal's budget for all of them (bitrix24.md §2.4, §2.5).

A batch makes the commands one after another and answers each, so one write stays one row. Only the
first request of a step goes into it. What a step asks before or after that, it asks as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.bitrix24 import calls, cards
from connectors.bitrix24.brackets import query
from connectors.bitrix24.client import Params, Portal
from connectors.bitrix24.clients import is_unwanted
from connectors.bitrix24.envelope import Envelope, complaint_of, mapping
from connectors.bitrix24.errors import Refused, error_for
from connectors.contract import Door, Json, Step, StepResult
from hub.domain.errors import DeliveryError, OutcomeUnknown

_MOST = 10
"""Fifty are allowed; a request is cut off after 60 s, though, and then nobody knows of any of them."""

_JOINS: dict[str, Callable[[Step, Portal], StepResult]] = {
    "finish": calls.finish,
    "source": cards.set_source,
    "note": cards.add_note,
    "task": cards.add_task,
    "close_task": cards.close_task,
}
"""What follows a call. Registrations and cards may not wait for others; uploads are not allowed in a batch."""

_REFERENCE = "$result"
"""A batch puts earlier answers in the place of such words (§2.5): a text of a stranger that has them goes alone."""


@dataclass(frozen=True, slots=True)
class _Command:
    method: str
    params: Params

    @property
    def words(self) -> str:
        return f"{self.method}?{query(self.params)}"


class _Asked(Exception):
    """What a step asks first."""

    def __init__(self, command: _Command | None) -> None:
        super().__init__()
        self.command = command


class _Foreseeing(Portal):
    """Sends nothing, and tells what would be sent first."""

    def envelope(self, method: str, params: Params, *, write: bool) -> Envelope:
        raise _Asked(_Command(method, params) if write else None)


class _Answered(Portal):
    """A portal that has had the step's first request already: `outcome` is the answer. Others it sends as ever."""

    def __init__(self, door: Door, endpoint: str, outcome: Envelope | DeliveryError) -> None:
        super().__init__(door)
        self.endpoint = endpoint
        self._outcome: Envelope | DeliveryError | None = outcome

    def envelope(self, method: str, params: Params, *, write: bool) -> Envelope:
        outcome, self._outcome = self._outcome, None
        if outcome is None:
            return super().envelope(method, params, write=write)
        if isinstance(outcome, DeliveryError):
            raise outcome
        return outcome


class Bitrix24Together:
    """Fills `connectors.contract.CrmTogether`."""

    most = _MOST

    def joins(self, step_key: str) -> bool:
        return step_key.partition(":")[0] in _JOINS

    def perform(self, steps: Sequence[Step], door: Door) -> Sequence[StepResult | DeliveryError]:
        """A batch that the portal does not take at all was certainly not carried out: then each step goes alone."""
        portal = Portal(door)
        commands = {place: command for place, step in enumerate(steps) if (command := _first_write(step, door))}
        answers: dict[int, Envelope | DeliveryError] = {}
        if len(commands) > 1:
            try:
                answers = _sent(portal, commands)
            except Refused:
                answers = {}
        return [
            _outcome(step, _Answered(door, portal.endpoint, answers[place]) if place in answers else portal)
            for place, step in enumerate(steps)
        ]


def _first_write(step: Step, door: Door) -> _Command | None:
    """The write that the step begins with; None when it asks something first, or has nothing to do."""
    if is_unwanted(step):
        return None
    try:
        _JOINS[step.key.partition(":")[0]](step, _Foreseeing(door))
    except _Asked as asked:
        command = asked.command
        return None if command is None or _REFERENCE in str(command.params) else command
    except DeliveryError:
        return None  # it says the same again when its turn comes
    return None


def _sent(portal: Portal, commands: dict[int, _Command]) -> dict[int, Envelope | DeliveryError]:
    """The answer to each command, by its place. A command that the answer leaves out may have been carried out."""
    words: dict[str, Json] = {f"step{place}": command.words for place, command in commands.items()}
    answer = mapping(portal.call("batch", {"halt": 0, "cmd": words}, write=True))
    results, errors, times = (mapping(answer.get(name)) for name in ("result", "result_error", "result_time"))
    now = portal.door.now()
    return {place: _answer(f"step{place}", results, errors, times, now) for place in commands}


def _answer(key: str, results: Envelope, errors: Envelope, times: Envelope, now: datetime) -> Envelope | DeliveryError:
    if key in errors:
        said = {**mapping(errors[key]), "time": times.get(key)}
        return error_for(complaint_of(said), write=True, now=now)
    if key in results:
        return {"result": results[key]}
    return OutcomeUnknown("Bitrix24 left this command out of its answer to the batch.")


def _outcome(step: Step, portal: Portal) -> StepResult | DeliveryError:
    try:
        return is_unwanted(step) or _JOINS[step.key.partition(":")[0]](step, portal)
    except DeliveryError as error:
        return error
