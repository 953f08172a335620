"""Turns: who comes next where rules deal clients out one after another. Pure; the hub keeps who had the last ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mapping.model import PolicyRule

TASKS = "tasks"
"""The queue of the missed-call tasks."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Who has had a turn, the longest ago first; `taken` has this call's own, once it has one."""

    recent: tuple[str, ...] = ()
    taken: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that a call has used up: of the queue `name`, by `user_id`."""

    name: str
    user_id: str


def turn_of_rule(rule: PolicyRule) -> str:
    """The queue of a rule; rules are told apart by their names."""
    return f"rule:{rule.name}"


def next_in_turn(users: Sequence[str], queue: Queue | None) -> str | None:
    """Who never had a turn, in the order of the list; then whose last turn is the longest ago."""
    if not users:
        return None
    if queue is None:
        return users[0]
    if queue.taken in users:
        return queue.taken
    fresh = [user for user in users if user not in queue.recent]
    return fresh[0] if fresh else min(users, key=queue.recent.index)


def after(queue: Queue, user_id: str) -> Queue:
    """The queue once `user_id` has had their turn."""
    return Queue((*(user for user in queue.recent if user != user_id), user_id))
