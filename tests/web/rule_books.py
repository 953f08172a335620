"""Rules that were published, and a draft in which everything is otherwise."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from hub.db.rules import RulesDraft, RulesVersion
from mapping.model import Situation
from mapping.schema import read_rules, write_rules
from mapping.words import WORDS
from tests.web.seed import NOW, Seeded


def add_rules(session: Session, seeded: Seeded) -> None:
    """A published version, and a draft that differs from it in everything."""
    first: dict[str, Any] = {
        "policy": [default_line("ru"), default_line("en")],
        "employees": [{"extension": "101", "user": "7"}],
    }
    second: dict[str, Any] = {
        "policy": [
            default_line("en"),
            {
                "name": WORDS["preset_talked"]["ru"], "situation": list(Situation)[:2], "person": ["unknown", "vip"],
                "line": ["+7495*"], "source": ["*/offline"], "outcome": "lead", "stage": "NEW", "users": ["7"],
                "responsible": ["owner", "round_robin"], "title": "{client.phone}", "open_deal": "new",
            },
            default_line("ru"),
        ],
        "employees": [{"extension": "101", "user": "8", "name": "Борис"}, {"extension": "102", "user": "7"}],
        "sources": [{"name": "billboard", "source": ["*/offline"], "crm_source": "7"}],
        "tasks": {
            "make": False, "situation": ["ivr_only"], "who": ["on_duty"], "users": ["7"], "within_minutes": 5,
            "working_hours": True, "close_on_contact": False, "title": "{client.phone}", "text": "{client.phone}",
        },
        "fields": [{"name": "Анна", "entity": "lead", "field": "UF_7", "value": "{client.phone}", "always": True}],
        "quality": {"min_talk_seconds": 5, "unique_days": 6, "missed_hours": 7},
        "recordings": "link",
        "privacy": {"mask_phones": True, "visit_pages": False},
    }  # fmt: skip
    kept: dict[str, Any] = {
        "workspace_id": seeded.workspace_id,
        "connection_id": seeded.crm_id,
        "published_by": "anna@acme.example",
    }
    for number, document in enumerate((first, second, first), 1):
        form = write_rules(read_rules({"version": 1, **document}))
        ended_at = NOW if number < 3 else None
        session.add(
            RulesVersion(**kept, version=number, document=form, digest="7", published_at=NOW, ended_at=ended_at)
        )
    session.add(
        RulesDraft(
            connection_id=seeded.crm_id, document=write_rules(read_rules({"version": 1, **second})), edited_at=NOW,
            edited_by="anna@acme.example",
        )
    )  # fmt: skip


def default_line(locale: str) -> dict[str, Any]:
    return {"name": WORDS["known_is_logged"][locale], "outcome": "activity_only"}
