"""Looking at a ringing whose time has come: what its command and its call have come to, and what follows."""

from __future__ import annotations

from sqlalchemy import select

from hub.callbacks.course import FailedBecause, Heard, after_client_missed, heard, missed_reason
from hub.callbacks.ringing import EVENTS_WITHIN, Scene, again, fail, finish, try_next
from hub.callbacks.store import call_of
from hub.callbacks.words import say
from hub.db.routing import CommandRow, CommandState
from hub.domain.call import Call, Outcome
from hub.domain.events import Result
from hub.routing.orders import FAILED_HERE

NOT_CARRIED_OUT = (CommandState.REFUSED, CommandState.EXPIRED, CommandState.CANCELLED)
_ON_ITS_WAY = (CommandState.WAITING, CommandState.LEASED)


def command_of(scene: Scene) -> CommandRow | None:
    if scene.row.command_uid is None:
        return None
    return scene.session.scalar(select(CommandRow).where(CommandRow.uid == scene.row.command_uid))


def judge(scene: Scene, found: Call | None, *, was_looked_for: bool) -> None:
    """`found` is the call in the PBX's own history, where it was looked for."""
    row, command = scene.row, command_of(scene)
    call = call_of(scene.session, row)
    if call is not None:
        _by_call(scene, call, is_client_first(command))
    elif command is None or command.state in NOT_CARRIED_OUT:
        _not_carried_out(scene, command)
    elif command.state in _ON_ITS_WAY:
        row.due_at = scene.now + EVENTS_WITHIN / 10
    elif found is not None:
        scene.tell("story_found")
        _by_call(scene, found, is_client_first(command))
    elif was_looked_for:
        scene.tell("story_silent")
        operator_missed(scene)
    else:
        row.due_at = scene.now + EVENTS_WITHIN / 3


def is_client_first(command: CommandRow | None) -> bool:
    return command is not None and bool(command.order.get("client_first"))


def _by_call(scene: Scene, call: Call, client_first: bool) -> None:
    match heard(call, client_first=client_first):
        case Heard.DONE:
            finish(scene)
        case Heard.CLIENT_MISSED:
            client_missed(scene, missed_reason(call))
        case Heard.OPERATOR_MISSED:
            operator_missed(scene)
        case _ if call.outcome is Outcome.IN_PROGRESS:
            scene.row.due_at = scene.now + EVENTS_WITHIN


def _not_carried_out(scene: Scene, command: CommandRow | None) -> None:
    if command is not None and command.code == FAILED_HERE:
        scene.tell("story_failed_here")
    else:
        words = command.last_error if command is not None else ""
        scene.tell("story_refused", words=words or say(scene.workspace.locale, "not_sent"))
    try_next(scene)


def operator_missed(scene: Scene) -> None:
    """The next one at once; when everybody was tried, `ring` closes the round."""
    who = scene.row.tried[-1] if scene.row.tried else "—"
    scene.tell("story_operator_missed", who=who)
    try_next(scene)


def client_missed(scene: Scene, reason: Result | None) -> None:
    row = scene.row
    row.rounds += 1
    follows = after_client_missed(scene.rules.client_retries, row.rounds, reason)
    if follows.seconds is None:
        fail(scene, follows.failed or FailedBecause.NO_ANSWER)
        return
    again(scene, follows.seconds, "story_client_missed")
