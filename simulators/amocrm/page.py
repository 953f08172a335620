"""The page at `/`: incoming leads, leads, calls with players, tasks and ringing cards, for people who watch."""

from __future__ import annotations

import datetime as dt
from typing import Any

from . import state
from .account import Account, Entity
from .fields import values_of_code
from .linking import linked

_SHOWN = 30
_ZONE = dt.timezone(dt.timedelta(hours=3))

WORDS = {
    "ru": {
        "title": "Аккаунт amoCRM (имитация)",
        "cards": "Карточки при звонке",
        "unsorted": "Неразобранное",
        "leads": "Сделки",
        "calls": "Звонки",
        "tasks": "Задачи",
        "offences": "Нарушения протокола",
        "empty": "Пока пусто",
        "sees": "видит",
        "seconds": "с",
        "missed": "пропущен",
        "owner": "Ответственный",
        "done": "выполнена",
        "open": "открыта",
        "accept": "принято",
        "decline": "отклонено",
        "waits": "ждёт",
        "deleted": "удалена",
    },
    "en": {
        "title": "amoCRM account (simulated)",
        "cards": "Cards of ringing calls",
        "unsorted": "Incoming leads",
        "leads": "Leads",
        "calls": "Calls",
        "tasks": "Tasks",
        "offences": "Protocol offences",
        "empty": "Nothing yet",
        "sees": "seen by",
        "seconds": "s",
        "missed": "missed",
        "owner": "Owner",
        "done": "done",
        "open": "open",
        "accept": "accepted",
        "decline": "declined",
        "waits": "waits",
        "deleted": "deleted",
    },
}


def page_of(account: Account, language: str | None) -> dict[str, Any]:
    """What the template needs: words of the language and rows, newest first."""
    words = WORDS[language if language in WORDS else "ru"]
    with account.lock:
        rows = {
            "cards": [_card(account, one) for one in reversed(account.cards[-_SHOWN:])],
            "unsorted": [_incoming(account, one, words) for one in reversed(state.unsorted(account)[-_SHOWN:])],
            "leads": [_lead(account, one) for one in reversed(list(account.entities["leads"].values())[-_SHOWN:])],
            "calls": [_call(account, one) for one in reversed(state.calls(account)[-_SHOWN:])],
            "tasks": [_task(account, one) for one in reversed(state.tasks(account)[-_SHOWN:])],
        }
    offences = account.ledger.entries("offence", account=account.subdomain)[-10:]
    where = {"host": account.host, "subdomain": account.subdomain}
    return {"words": words, "language": language, "offences": offences, **rows, **where}


def _name(account: Account, user_id: Any) -> str:
    user = account.users.get(user_id) if isinstance(user_id, int) else None
    return user.name if user else str(user_id or "—")


def _card(account: Account, card: Entity) -> Entity:
    card_of = f"{card['entity_type']} {card['entity_id']}" if "entity_id" in card else ""
    return {"phone": card["phone"], "who": [_name(account, one) for one in card["users"]], "card": card_of}


def _incoming(account: Account, row: Entity, words: dict[str, str]) -> Entity:
    lead = account.entities["leads"][row["lead_id"]]
    state_of = {"accept": words["accept"], "decline": words["decline"]}.get(row["state"], words["waits"])
    return {
        "name": lead["name"],
        "source": row["source_name"],
        "phone": row["metadata"].get("phone") or ", ".join(_phones(account, lead)),
        "state": state_of,
        "link": _playable(row["metadata"].get("link")),
    }


def _lead(account: Account, lead: Entity) -> Entity:
    statuses = account.pipelines[lead["pipeline_id"]]["statuses"]
    codes = ("UTM_SOURCE", "UTM_MEDIUM", "UTM_CAMPAIGN")
    utm = [value for code in codes for value in values_of_code(account, "leads", lead, code)]
    return {
        "id": lead["id"],
        "name": lead["name"],
        "stage": next(one["name"] for one in statuses if one["id"] == lead["status_id"]),
        "who": _name(account, lead["responsible_user_id"]),
        "phones": ", ".join(_phones(account, lead)),
        "utm": " / ".join(utm),
        "deleted": lead["is_deleted"],
    }


def _phones(account: Account, lead: Entity) -> list[str]:
    contacts = linked(account, "leads", lead["id"], "contacts")
    return [phone for one in contacts for phone in values_of_code(account, "contacts", one, "PHONE")]


def _call(account: Account, call: Entity) -> Entity:
    return {
        "arrow": "↙" if call["direction"] == "inbound" else "↗",
        "phone": call["phone"],
        "who": _name(account, call.get("call_responsible") or call["created_by"]),
        "seconds": call["duration"],
        "missed": not call["duration"],
        "at": dt.datetime.fromtimestamp(call["created_at"], _ZONE).strftime("%H:%M:%S"),
        "card": f"{call['entity_type']} {call['entity_id']}",
        "link": _playable(call.get("link")),
    }


def _task(account: Account, task: Entity) -> Entity:
    till = dt.datetime.fromtimestamp(task["complete_till"], _ZONE).strftime("%Y-%m-%d %H:%M")
    card = f"{task['entity_type']} {task['entity_id']}" if task["entity_type"] else ""
    who = _name(account, task["responsible_user_id"])
    return {"text": task["text"], "who": who, "till": till, "done": task["is_completed"], "card": card}


def _playable(link: Any) -> str:
    """The link when it is an address that a browser may fetch."""
    return str(link) if str(link or "").startswith(("https://", "http://")) else ""
