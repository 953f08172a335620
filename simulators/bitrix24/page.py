"""The page at `/`: leads, calls, recordings, tasks and open cards, for people who watch."""

from __future__ import annotations

from typing import Any

from .portal import Portal
from .state import finished_calls, live_calls, tasks

_SHOWN = 30

WORDS = {
    "ru": {
        "title": "Портал Битрикс24 (имитация)",
        "cards": "Открытые карточки",
        "calls": "Звонки",
        "leads": "Лиды",
        "deals": "Сделки",
        "tasks": "Дела",
        "offences": "Нарушения протокола",
        "empty": "Пока пусто",
        "done": "выполнено",
        "open": "открыто",
        "sees": "видит",
        "seconds": "с",
        "missed": "пропущен",
        "source": "Источник",
        "owner": "Ответственный",
    },
    "en": {
        "title": "Bitrix24 portal (simulated)",
        "cards": "Open call cards",
        "calls": "Calls",
        "leads": "Leads",
        "deals": "Deals",
        "tasks": "Tasks",
        "offences": "Protocol offences",
        "empty": "Nothing yet",
        "done": "done",
        "open": "open",
        "sees": "seen by",
        "seconds": "s",
        "missed": "missed",
        "source": "Source",
        "owner": "Owner",
    },
}
_ARROWS = {"1": "↗", "2": "↙", "3": "↙", "4": "↩", "5": "ℹ"}


def page_of(portal: Portal, language: str | None) -> dict[str, Any]:
    """What the template needs: words of the language and rows, newest first."""
    with portal.lock:
        calls = [_call(portal, row) for row in reversed(finished_calls(portal)[-_SHOWN:])]
        leads = [_entity(portal, one) for one in reversed(list(portal.crm["LEAD"].values())[-_SHOWN:])]
        deals = [_entity(portal, one) for one in reversed(list(portal.crm["DEAL"].values())[-_SHOWN:])]
        cards = [
            {"phone": call["phone"], "line": call["line"], "who": [_name(portal, one) for one in call["cards"]]}
            for call in live_calls(portal)
        ]
        todo = [_task(portal, one) for one in reversed(tasks(portal)[-_SHOWN:])]
    offences = [one for one in portal.ledger.offences() if one.tenant == portal.member_id][-10:]
    language = language if language in WORDS else "ru"
    shown = {"cards": cards, "calls": calls, "leads": leads, "deals": deals, "tasks": todo, "offences": offences}
    return {"words": WORDS[str(language)], "language": language, "domain": portal.domain, **shown}


def _name(portal: Portal, user_id: Any) -> str:
    user = portal.users.get(int(user_id or 0))
    return f"{user.name} {user.last_name}".strip() if user else "—"


def _call(portal: Portal, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "arrow": _ARROWS.get(row["CALL_TYPE"], ""),
        "phone": row["PHONE_NUMBER"],
        "line": row["PORTAL_NUMBER"],
        "who": _name(portal, row["PORTAL_USER_ID"]),
        "seconds": row["CALL_DURATION"],
        "missed": row["CALL_STATUS"] == 0,
        "code": row["CALL_FAILED_CODE"],
        "at": row["CALL_START_DATE"][11:19],
        "entity": f"{row['CRM_ENTITY_TYPE']} {row['CRM_ENTITY_ID']}" if row["CRM_ENTITY_TYPE"] else "",
        "record": f"/_sim/records/{row['RECORD_FILE_ID']}" if row["RECORD_FILE_ID"] else "",
    }


def _entity(portal: Portal, entity: dict[str, Any]) -> dict[str, Any]:
    utm = [str(entity[name]) for name in ("UTM_SOURCE", "UTM_MEDIUM", "UTM_CAMPAIGN") if entity.get(name)]
    return {
        "id": entity["ID"],
        "title": entity.get("TITLE", ""),
        "stage": entity.get("STATUS_ID") or entity.get("STAGE_ID"),
        "source": entity.get("SOURCE_ID", ""),
        "utm": " / ".join(utm) or str(entity.get("SOURCE_DESCRIPTION") or ""),
        "who": _name(portal, entity.get("ASSIGNED_BY_ID")),
        "phones": ", ".join(str(one["VALUE"]) for one in entity.get("PHONE", [])),
    }


def _task(portal: Portal, task: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": task.get("SUBJECT") or task.get("DESCRIPTION"),
        "who": _name(portal, task.get("RESPONSIBLE_ID")),
        "deadline": str(task["DEADLINE"])[:16].replace("T", " "),
        "done": task.get("COMPLETED") == "Y",
        "entity": f"{task['OWNER_TYPE']} {task['OWNER_ID']}",
    }
