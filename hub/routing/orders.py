"""Commands to PBXs as rows: ordered in the transaction that wants them, told of by answers and events.

    row = order_command(session, runtime, Wish(workspace_id, connection_id, "callback", order, lives, callback_id=7))

`kind` and what `order` holds (numbers as E.164, extensions as text):

    route           to (the leg is chosen when it is sent: the newest that waits; `call_id` is needed)
    callback        extension, client, line, label, key_press (all three may be missing)
    callback_group  extension (of the group), client, line, client_first (may be missing)
    hangup          leg (its key)

The row is committed with whatever wanted it, and sent once by `hub.routing.sending`, within the vendor's
pace, after its extension was found in the PBX's list. `state` tells what became of the sending, never of
the call: `sent` (taken), `unknown` (never repeated), `refused` (`last_error`, `code`), `expired`, `cancelled`.
`seen_at` is set once an event of a call carries `uid`; `call_id` is then that call.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from hub.db.engine import database_now
from hub.db.routing import CommandRow, CommandState
from hub.domain.call import Call
from hub.domain.notices import CommandAnswered
from hub.runtime import Runtime

MOST_TRIES = 3
"""How often a route is aimed at a newer leg after the one before had gone."""
FAILED_HERE = "failed_here"
"""The `code` of a command that the hub itself could not put together; the PBX never heard of it."""
OPEN = (CommandState.WAITING, CommandState.LEASED)


@dataclass(frozen=True, slots=True)
class Wish:
    """A command that somebody wants. `urgency` 0 goes before 1; it is dropped unsent after `lives`."""

    workspace_id: int
    connection_id: int
    kind: str
    order: Mapping[str, Any]
    lives: timedelta
    urgency: int = 1
    call_id: int | None = None
    callback_id: int | None = None


def order_command(session: Session, runtime: Runtime, wish: Wish) -> CommandRow:
    """Write the command; whoever sends it is rung after the commit."""
    now = database_now(session)
    row = CommandRow(
        uid=f"dz-{secrets.token_hex(12)}",
        workspace_id=wish.workspace_id,
        connection_id=wish.connection_id,
        call_id=wish.call_id,
        callback_id=wish.callback_id,
        kind=wish.kind,
        order=dict(wish.order),
        urgency=wish.urgency,
        state=CommandState.WAITING,
        due_at=now,
        expires_at=now + wish.lives,
        created_at=now,
    )
    session.add(row)
    session.flush()
    event.listen(session, "after_commit", lambda _session: runtime.want_commands(), once=True)
    return row


def note_answer(session: Session, runtime: Runtime, connection_id: int, answer: CommandAnswered) -> CommandRow | None:
    """The PBX's own word on a command; None when it is none of ours. A leg that had gone is aimed at anew."""
    row = session.scalar(
        select(CommandRow)
        .where(CommandRow.uid == answer.command_id, CommandRow.connection_id == connection_id)
        .with_for_update()
    )
    if row is None:
        return None
    row.answered_at, row.code = database_now(session), answer.code[:64]
    if answer.accepted:
        row.state = CommandState.SENT
    elif row.seen_at is None:
        close(session, row, CommandState.REFUSED, f"the PBX refused it with code {answer.code}")
        if answer.gone:
            aim_again(session, runtime, row)
    return row


def note_seen(session: Session, call_id: int, call: Call) -> None:
    """Events that carry a command's id prove that it was carried out, whatever its answer was."""
    if not call.command_ids:
        return
    session.execute(
        update(CommandRow)
        .where(CommandRow.uid.in_(call.command_ids), CommandRow.seen_at.is_(None))
        .values(seen_at=database_now(session), state=CommandState.SENT, call_id=call_id)
        .execution_options(synchronize_session=False)
    )


def aim_again(session: Session, runtime: Runtime, row: CommandRow) -> None:
    """Order a route anew, at whatever leg is the newest when it is sent; not for ever."""
    tries = int(row.order.get("tries", 1))
    now = database_now(session)
    if row.kind != "route" or tries >= MOST_TRIES or now >= row.expires_at:
        return
    gone = [*row.order.get("gone", []), *([row.order["leg"]] if "leg" in row.order else [])]
    wish = Wish(
        workspace_id=row.workspace_id,
        connection_id=row.connection_id,
        kind=row.kind,
        order={"to": row.order["to"], "tries": tries + 1, "gone": gone},
        lives=row.expires_at - now,
        urgency=row.urgency,
        call_id=row.call_id,
    )
    order_command(session, runtime, wish)


def withdraw(session: Session, row: CommandRow, words: str) -> bool:
    """Take back a command that nobody has begun to send; False when it is too late."""
    if row.state != CommandState.WAITING:
        return False
    close(session, row, CommandState.CANCELLED, words)
    return True


def close(session: Session, row: CommandRow, state: CommandState, words: str) -> None:
    row.state, row.last_error, row.closed_at = state, words[:2000], database_now(session)
