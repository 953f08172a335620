"""`POST /api/v2/events`: the card that pops up while a call rings (amocrm.md §3.11)."""

from __future__ import annotations

from .account import SINGULAR, Account, Entity
from .asking import Answer, Asked, endpoint
from .calls import card_for
from .errors import Problem

CARDS_PATH = "v2/events"


@endpoint("POST", CARDS_PATH)
def show_cards(account: Account, asked: Asked) -> Answer:
    """Shows a card to each listed user; the account finds the client itself."""
    given = asked.single().get("add")
    if not isinstance(given, list) or not given:
        raise Problem(400, "Request data can not be empty")
    for one in given:
        _check(account, one)
    shown = [_shown(account, one) for one in given]
    return Answer({"_links": account.href("events"), "_embedded": {"items": shown}})


def _check(account: Account, one: object) -> None:
    if not isinstance(one, dict) or one.get("type") != "phone_call":
        raise Problem(400, "Unknown event type")
    if not isinstance(one.get("phone_number"), str) or not one["phone_number"]:
        raise Problem(400, "phone_number is required")
    users = one.get("users")
    if not isinstance(users, list) or not users or not all(account.active_user(user) for user in users):
        account.offence("invalid_request", f"card for users {users!r}")
        raise Problem(400, "users should be a list of ids of active users")


def _shown(account: Account, one: Entity) -> Entity:
    found = card_for(account, one["phone_number"])
    card: Entity = {"phone": one["phone_number"], "users": list(one["users"]), "at": account.now()}
    card |= {"entity_type": SINGULAR[found[0]], "entity_id": found[1]["id"]} if found else {}
    account.cards.append(card)
    return {
        "element_id": card.get("entity_id", 0),
        "element_type": card.get("entity_type", ""),
        "uid": len(account.cards),
    }
