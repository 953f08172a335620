"""Who of ours is named, in words. Pure."""

from __future__ import annotations

from mapping.facts import PlanFacts
from mapping.policy import Chosen


def user_name(facts: PlanFacts, user_id: str | None) -> str | None:
    """A user of the CRM by name; by the CRM's id where nobody told the name."""
    return next((one.name for one in facts.employees.values() if user_id and one.user_id == user_id), user_id)


def said_of(facts: PlanFacts, chosen: Chosen) -> str:
    """Why it is this person: "next in turn: Anna" for whose turn it is, else the word of the rules."""
    who = facts.say(f"who_{chosen.word}")
    if not chosen.in_turn:
        return who
    return f"{who}; {facts.say('next_in_turn', name=user_name(facts, chosen.user_id) or '')}"
