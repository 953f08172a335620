"""A vendor's own limit on one kind of question or command, beside the budget of the whole connection."""

from __future__ import annotations

from connectors.contract import ConnectionFacts, PbxCommands
from hub.domain.errors import OverBudget, Throttled
from hub.domain.intents import Lane
from hub.runtime import Runtime


def keep_pace(runtime: Runtime, commands: PbxCommands | None, connection: ConnectionFacts, command: str) -> None:
    """Take the place of one `command` in the vendor's limit on such commands; nothing where there is no such limit.

    Raises `OverBudget` with the moment of the next place; other commands are not slowed down by it.
    """
    rule = commands.pace(connection, command) if commands is not None else None
    if rule is None:
        return
    try:
        runtime.bucket.take(rule, Lane.URGENT, command)
    except Throttled as error:
        raise OverBudget(str(error), until=error.until, scope="method") from None
