"""Turns of rules in the database: who had the last ones, and whose this call's is. Every worker reads the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.db.locks import take_turn
from hub.db.rules import RulesTurn
from mapping.model import Rules, Who
from mapping.turns import TASKS, Queue, Turn, next_in_turn, turn_of_rule

_BY_TURNS = frozenset({Who.ROUND_ROBIN, Who.ON_DUTY})
_AT_ONCE = 500


def queues_of(rules: Rules) -> list[str]:
    """The queues that a document has."""
    named = [turn_of_rule(rule) for rule in rules.policy if _BY_TURNS & set(rule.responsible)]
    return [*named, *([TASKS] if _BY_TURNS & set(rules.tasks.who) else [])]


def queues_for(session: Session, connection_id: int, rules: Rules, subject: str) -> Mapping[str, Queue]:
    """The queues as they stand now, for one call or request. No other plan looks at them until the transaction ends."""
    names = queues_of(rules)
    if not names:
        return {}
    take_turn(session, "rules_turns", connection_id)
    taken = taken_turns(session, connection_id, [subject]).get(subject, {})
    standing = standing_queues(session, connection_id, names)
    return {name: Queue(standing[name].recent, taken.get(name)) for name in names}


def standing_queues(
    session: Session, connection_id: int, names: Sequence[str], before: datetime | None = None
) -> dict[str, Queue]:
    """Who had turns of these queues, the longest ago first; only those `before` a moment when one is given."""
    query = select(RulesTurn.queue, RulesTurn.user_id).where(
        RulesTurn.connection_id == connection_id, RulesTurn.queue.in_(names)
    )
    if before is not None:
        query = query.where(RulesTurn.at < before)
    by_last = query.group_by(RulesTurn.queue, RulesTurn.user_id).order_by(func.max(RulesTurn.id))
    rows = session.execute(by_last).all()
    return {name: Queue(tuple(row.user_id for row in rows if row.queue == name)) for name in names}


def next_turns(session: Session, connection_id: int, rules: Rules) -> dict[str, str]:
    """Whose turn is next, by the name of each rule that goes round among its users."""
    standing = standing_queues(session, connection_id, queues_of(rules))
    round_robin = [rule for rule in rules.policy if Who.ROUND_ROBIN in rule.responsible]
    found = ((rule.name, next_in_turn(rule.users, standing.get(turn_of_rule(rule)))) for rule in round_robin)
    return {name: user for name, user in found if user}


def taken_turns(session: Session, connection_id: int, subjects: Sequence[str]) -> dict[str, dict[str, str]]:
    """Of these calls: queue to the user whose turn was used up."""
    found: dict[str, dict[str, str]] = {}
    for start in range(0, len(subjects), _AT_ONCE):
        rows = session.scalars(
            select(RulesTurn).where(
                RulesTurn.connection_id == connection_id, RulesTurn.subject.in_(subjects[start : start + _AT_ONCE])
            )
        )
        for row in rows:
            found.setdefault(row.subject, {})[row.queue] = row.user_id
    return found


def keep_turns(session: Session, connection_id: int, subject: str, turns: Iterable[Turn], now: datetime) -> None:
    """Use them up; a call that is planned again keeps the turn that it has."""
    for turn in turns:
        row = session.scalar(
            select(RulesTurn).where(
                RulesTurn.connection_id == connection_id, RulesTurn.queue == turn.name, RulesTurn.subject == subject
            )
        )
        if row is None:
            session.add(
                RulesTurn(connection_id=connection_id, queue=turn.name, user_id=turn.user_id, subject=subject, at=now)
            )
            session.flush()
        elif row.user_id != turn.user_id:
            row.user_id = turn.user_id
