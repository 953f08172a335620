"""Ringing: who is next, whether it may be now, and the command, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from hub.callbacks.cards import tell_crms
from hub.callbacks.cascade import Target, next_target
from hub.callbacks.course import FailedBecause, after_round_of_operators
from hub.callbacks.moments import known_zone, moment_to_ring, visitor_hours
from hub.callbacks.people import operators_of, pbx_to_ring, rings_in_now, staff_of, whose_client
from hub.callbacks.rules import Rules
from hub.callbacks.store import close, local_day, more_of, read_rules, spend, steps_of, tell
from hub.callbacks.words import say, say_moment
from hub.db.callbacks import CallbackRow, CallbackState
from hub.db.tables import Connection, Workspace
from hub.routing.hours import read_hours
from hub.routing.orders import Wish, order_command
from hub.runtime import Runtime

log = structlog.get_logger()

COMMAND_LIVES = timedelta(seconds=60)
EVENTS_WITHIN = timedelta(seconds=90)
"""How long after its command a call may stay unheard of before it is looked for."""
_LOOK_AGAIN = timedelta(seconds=15)
_STOPPED_LOOK = timedelta(seconds=60)
_LINES_AGAIN = timedelta(seconds=2)
_ASKS_FOR_LINES = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Scene:
    """A locked request with what is around it.

    `lines` are the PBX's own numbers by connection, read before; None when the PBX could not be asked for them.
    """

    session: Session
    runtime: Runtime
    row: CallbackRow
    workspace: Workspace
    rules: Rules
    stopped: str | None
    now: datetime
    lines: Mapping[int, str] | None

    def tell(self, key: str, **values: object) -> None:
        tell(self.session, self.row, self.now, key, **values)

    def tell_once(self, key: str) -> None:
        """The same news again and again is told once."""
        said = steps_of(self.session, self.row.id)
        if not said or said[-1].words != say(self.workspace.locale, key):
            self.tell(key)

    def moment(self, at: datetime) -> str:
        return say_moment(self.workspace.locale, at, self.now, self.workspace.timezone)


def scene_of(session: Session, runtime: Runtime, row: CallbackRow, lines: Mapping[int, str] | None) -> Scene:
    rules, stopped = read_rules(session, row.workspace_id)
    workspace = session.get_one(Workspace, row.workspace_id)
    return Scene(session, runtime, row, workspace, rules, stopped, runtime.now(), lines)


def ring(scene: Scene) -> None:
    """Order the next ringing, or say when, or why there is none."""
    if _must_wait(scene):
        return
    pbx = pbx_to_ring(scene.session, scene.runtime, scene.workspace.id)
    if pbx is None:
        fail(scene, FailedBecause.NO_PBX)
        return
    target = _target(scene, pbx)
    if target is None:
        round_over(scene, FailedBecause.NO_OPERATOR)
        return
    line = _line(scene, pbx, target)
    if target.is_group and not line:
        _without_line(scene)
        return
    rules = scene.rules
    day = local_day(scene.now, scene.workspace.timezone)
    if not spend(scene.session, scene.workspace.id, day, rules.call_cost, rules.day_cap):
        scene.tell_once("story_cap")
        put_off(scene, _midnight(scene))
        return
    _order(scene, pbx, target, line)


def _must_wait(scene: Scene) -> bool:
    row, now = scene.row, scene.now
    if scene.stopped is not None:
        scene.tell_once("story_stopped")
        row.due_at = now + _STOPPED_LOOK
        return True
    if rings_in_now(scene.session, row, now):
        scene.tell_once("story_waits_for_caller")
        row.due_at = now + _LOOK_AGAIN
        return True
    moment = allowed_moment(scene, now)
    if moment is None:
        fail(scene, FailedBecause.NO_HOURS)
        return True
    if moment > now:
        put_off(scene, moment)
        scene.tell("story_deferred", moment=scene.moment(moment))
        return True
    return False


def allowed_moment(scene: Scene, at: datetime) -> datetime | None:
    """The first moment from `at` on when somebody is there and the visitor is awake."""
    office = read_hours(scene.workspace.hours, scene.workspace.timezone)
    row, rules = scene.row, scene.rules
    own_zone = row.zone if row.zone != scene.workspace.timezone else None
    zone = known_zone(own_zone, row.e164)
    awake = visitor_hours(zone, rules.visitor_from, rules.visitor_until) if zone else None
    return moment_to_ring(at, office, awake)


def _target(scene: Scene, pbx: Connection) -> Target | None:
    staff = staff_of(scene.session, pbx)
    operators = operators_of(scene.session, pbx, staff, scene.now)
    owner = whose_client(scene.session, pbx, scene.row, staff, scene.now) if not scene.row.tried else None
    return next_target(scene.rules, operators, scene.row.tried, chosen=scene.row.extension, owner=owner)


def _line(scene: Scene, pbx: Connection, target: Target) -> str:
    """The line to ring from; "" where the PBX chooses. A group must be rung from one."""
    first = (scene.lines or {}).get(pbx.id, "") if target.is_group else ""
    return scene.rules.line or more_of(scene.row).line or first


def _without_line(scene: Scene) -> None:
    """No line to ring a group from. A PBX that could not be asked for its lines is asked again, for a while."""
    since = scene.row.scheduled_for or scene.row.created_at
    if scene.lines is None and scene.now < since + _ASKS_FOR_LINES:
        scene.tell_once("story_waits_for_pbx")
        scene.row.due_at = scene.now + _LINES_AGAIN
        return
    fail(scene, FailedBecause.NO_PBX)


def _order(scene: Scene, pbx: Connection, target: Target, line: str) -> None:
    row = scene.row
    kind = "callback_group" if target.is_group else "callback"
    order: dict[str, Any] = {"extension": target.extension, "client": row.e164, "label": _label(scene)}
    if line:
        order["line"] = line
    if target.is_group and scene.rules.client_first:
        order["client_first"] = True
    if not target.is_group and scene.rules.key_press and scene.runtime.registry[pbx.vendor].key_press is not None:
        order["key_press"] = True
    wish = Wish(row.workspace_id, pbx.id, kind, order, COMMAND_LIVES, urgency=1, callback_id=row.id)
    command = order_command(scene.session, scene.runtime, wish)
    row.state = CallbackState.RINGING_CLIENT if order.get("client_first") else CallbackState.RINGING_OPERATOR
    row.command_uid, row.connection_id, row.call_id = command.uid, pbx.id, None
    row.tried = [*row.tried, target.extension]
    row.due_at = scene.now + EVENTS_WITHIN
    who = target.name if target.name == target.extension else f"{target.name} ({target.extension})"
    scene.tell("story_rings_group" if target.is_group else "story_rings", who=who)
    log.info("callback_rings", callback_id=row.id, command=command.uid, kind=kind)


def _label(scene: Scene) -> str:
    """What the operator's telephone may show: where the visitor was."""
    return " ".join(part for part in (scene.row.site, more_of(scene.row).utm.get("utm_source")) if part)


# --- What comes after ---------------------------------------------------------------------------------------


def put_off(scene: Scene, at: datetime) -> None:
    row = scene.row
    row.state, row.command_uid = CallbackState.SCHEDULED, None
    row.due_at = row.scheduled_for = at


def try_next(scene: Scene) -> None:
    """The next one of ours, at once."""
    scene.row.state, scene.row.command_uid, scene.row.due_at = CallbackState.REQUESTED, None, scene.now


def round_over(scene: Scene, because: FailedBecause) -> None:
    """Everybody of ours was tried: another round by the plan, or the end."""
    row = scene.row
    row.operator_rounds += 1
    follows = after_round_of_operators(scene.rules.operator_retries, row.operator_rounds)
    if follows.seconds is None:
        fail(scene, because)
        return
    again(scene, follows.seconds, "story_round_over")


def again(scene: Scene, seconds: int, story: str) -> None:
    """A new round, from the first of ours on, when it is allowed."""
    moment = allowed_moment(scene, scene.now + timedelta(seconds=seconds))
    if moment is None:
        fail(scene, FailedBecause.NO_HOURS)
        return
    scene.row.tried = []
    put_off(scene, moment)
    scene.tell(story, moment=scene.moment(moment))


def fail(scene: Scene, because: FailedBecause) -> None:
    close(scene.row, CallbackState.FAILED, scene.now, because)
    scene.tell("story_failed", reason=say(scene.workspace.locale, f"failed_{because}"))
    tell_crms(scene.session, scene.runtime, scene.row)
    log.info("callback_failed", callback_id=scene.row.id, reason=str(because))


def finish(scene: Scene) -> None:
    close(scene.row, CallbackState.DONE, scene.now)
    scene.tell("story_done")
    log.info("callback_done", callback_id=scene.row.id)


def _midnight(scene: Scene) -> datetime:
    zone = ZoneInfo(scene.workspace.timezone)
    midnight = datetime.combine(scene.now.astimezone(zone).date() + timedelta(days=1), time(), zone)
    return allowed_moment(scene, midnight) or midnight
