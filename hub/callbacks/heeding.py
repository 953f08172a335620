"""What changed calls mean for requests, in the transaction that changes the call."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from hub.callbacks.course import Heard, heard
from hub.callbacks.ringing import Scene, finish, scene_of
from hub.callbacks.store import call_of, close, open_request
from hub.calls.record import CallChange
from hub.db.callbacks import OPEN_STATES, CallbackRow, CallbackState
from hub.db.routing import CommandRow
from hub.domain.call import Leg
from hub.domain.events import Direction
from hub.routing.orders import Wish, order_command, withdraw
from hub.runtime import Runtime

_SETTLES = timedelta(seconds=3)
"""A call that seems to be over without a talk is judged a little later: its events come in any order."""
_HANGUP_LIVES = timedelta(seconds=30)
_COURSE = (
    CallbackState.REQUESTED,
    CallbackState.SCHEDULED,
    CallbackState.RINGING_OPERATOR,
    CallbackState.RINGING_CLIENT,
    CallbackState.TALKING,
)
_STAGES = {
    Heard.CLIENT_RINGS: (CallbackState.RINGING_CLIENT, "story_rings_client"),
    Heard.TALK: (CallbackState.TALKING, "story_talks"),
}


def heed_call(session: Session, runtime: Runtime, change: CallChange) -> None:
    """A call that a request ordered moves it on; a call that its visitor makes may end it."""
    if change.call.command_ids:
        _ordered_call(session, runtime, change)
    elif change.call.direction is Direction.INBOUND and change.row.client_e164:
        _own_call(session, runtime, change)


# --- The call that was ordered -----------------------------------------------------------------------------


def _ordered_call(session: Session, runtime: Runtime, change: CallChange) -> None:
    commands = session.scalars(
        select(CommandRow).where(
            CommandRow.uid.in_(change.call.command_ids),
            CommandRow.callback_id.is_not(None),
            CommandRow.workspace_id == change.row.workspace_id,
        )
    ).all()
    for command in commands:
        row = session.get(CallbackRow, command.callback_id, with_for_update=True)
        if row is None:
            continue
        if row.state in OPEN_STATES:
            _move_on(scene_of(session, runtime, row, {}), change, command)


def _move_on(scene: Scene, change: CallChange, command: CommandRow) -> None:
    row, call = scene.row, change.call
    client_first = bool(command.order.get("client_first"))
    stage = heard(call, client_first=client_first)
    if command.uid != row.command_uid and stage not in (Heard.TALK, Heard.DONE):
        return  # a late word on a ringing that is over
    if command.uid != row.command_uid:
        take_back(scene)
    row.call_id = change.row.id
    if stage is Heard.DONE:
        finish(scene)
    elif stage in (Heard.OPERATOR_MISSED, Heard.CLIENT_MISSED):
        row.due_at = scene.now + _SETTLES
        _ring_bell(scene.session, scene.runtime)
    elif stage in _STAGES:
        _forward(scene, stage)


def _forward(scene: Scene, stage: Heard) -> None:
    """Only onwards: a late event never takes a state back."""
    state, story = _STAGES[stage]
    if _COURSE.index(state) > _COURSE.index(CallbackState(scene.row.state)):
        scene.row.state = state
        scene.tell(story)


# --- The visitor's own call ---------------------------------------------------------------------------------


def _own_call(session: Session, runtime: Runtime, change: CallChange) -> None:
    """Who rings in and is answered needs no callback; what is under way is taken back."""
    if change.call.answered_by is None or change.row.client_e164 is None:
        return
    row = open_request(session, change.row.workspace_id, change.row.client_e164, lock=True)
    if row is None or row.state == CallbackState.TALKING or row.created_at > (change.call.ended_at or runtime.now()):
        return
    scene = scene_of(session, runtime, row, {})
    take_back(scene)
    row.call_id = change.row.id
    close(row, CallbackState.CANCELLED, scene.now, "rang_in")
    scene.tell("story_rang_in")


def take_back(scene: Scene) -> None:
    """Withdraw the command under way, or end what it rings."""
    session, row = scene.session, scene.row
    if row.command_uid is None or row.connection_id is None:
        return
    command = session.scalar(select(CommandRow).where(CommandRow.uid == row.command_uid).with_for_update())
    if command is None or withdraw(session, command, "the request was taken back"):
        return
    leg = _leg_under_way(scene)
    if leg is not None:
        order = {"leg": leg.key}
        wish = Wish(row.workspace_id, row.connection_id, "hangup", order, _HANGUP_LIVES, urgency=0)
        order_command(session, scene.runtime, wish)


def _leg_under_way(scene: Scene) -> Leg | None:
    call = call_of(scene.session, scene.row)
    alive = [leg for leg in call.legs if leg.ended_at is None] if call is not None else []
    return alive[-1] if alive else None


def _ring_bell(session: Session, runtime: Runtime) -> None:
    event.listen(session, "after_commit", lambda _session: runtime.want_callbacks(), once=True)
