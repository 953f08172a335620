"""Rules that hold where nobody has set any, and the presets to start from. All of them are documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.domain.treatment import LeadOutcome, PersonState
from mapping.model import PolicyRule, Rules, Situation
from mapping.words import say

ASKED_FOR = (Situation.CALLBACK_DONE, Situation.CALLBACK_FAILED, Situation.FORM)
INBOUND = (
    Situation.INBOUND_ANSWERED,
    Situation.INBOUND_MISSED,
    Situation.REPEAT_MISSED,
    Situation.AFTER_HOURS,
    Situation.IVR_ONLY,
)
OUTBOUND = (Situation.CALLED_BACK, Situation.OUTBOUND_ANSWERED, Situation.OUTBOUND_UNANSWERED)
MISSED = (Situation.INBOUND_MISSED, Situation.REPEAT_MISSED, Situation.AFTER_HOURS, Situation.IVR_ONLY)
UNKNOWN = (PersonState.UNKNOWN,)


def default_rules(
    stranger: LeadOutcome = LeadOutcome.LEAD, locale: str = "ru", outbound: LeadOutcome = LeadOutcome.ACTIVITY_ONLY
) -> Rules:
    """What interface §6 promises: an unknown caller becomes `stranger`, a known one is only logged.

    `outbound` is what becomes of an unknown client whom we called.
    """
    called = PolicyRule(say("unknown_called", locale), outbound, situation=OUTBOUND, person=UNKNOWN)
    return Rules(
        (
            PolicyRule(say("internal_stays", locale), LeadOutcome.NOTHING, situation=(Situation.INTERNAL,)),
            PolicyRule(say("unknown_becomes_lead", locale), stranger, situation=(*INBOUND, *ASKED_FOR), person=UNKNOWN),
            *(() if outbound is LeadOutcome.ACTIVITY_ONLY else (called,)),
            PolicyRule(say("known_is_logged", locale), LeadOutcome.ACTIVITY_ONLY),
        )
    )


BUILT_IN = default_rules()


def sales_team(stranger: str, locale: str) -> dict[str, Any]:
    """Every stranger is somebody's lead at once; a client who calls again without an open deal gets a new one."""
    return {
        "version": 1,
        "policy": [
            _internal(locale),
            {"name": say("preset_menu", locale), "situation": ["ivr_only"], "outcome": "activity_only"},
            {
                "name": say("preset_stranger", locale),
                "situation": [*INBOUND, *ASKED_FOR],
                "person": ["unknown"],
                "outcome": stranger,
                "responsible": ["answered_by", "rung_first", "on_duty"],
            },
            {
                "name": say("preset_returning", locale),
                "situation": ["inbound_answered", "inbound_missed", "callback_done", "form"],
                "person": ["contact"],
                "outcome": "contact_deal",
                "responsible": ["owner", "answered_by"],
            },
            _logged(locale),
        ],
        "tasks": {"who": ["owner", "rung_first", "on_duty"], "within_minutes": 15, "working_hours": True},
    }


def service_desk(stranger: str, locale: str) -> dict[str, Any]:
    """Known clients are served. A stranger becomes a card, missed or not: in some CRMs a task needs one to hang on."""
    return {
        "version": 1,
        "policy": [
            _internal(locale),
            {
                "name": say("preset_served", locale),
                "situation": ["inbound_answered", "inbound_missed", "repeat_missed", "after_hours", *ASKED_FOR],
                "person": ["unknown"],
                "outcome": stranger,
                "responsible": ["answered_by", "on_duty"],
            },
            _logged(locale),
        ],
        "tasks": {"who": ["on_duty", "owner"], "within_minutes": 30, "working_hours": True},
    }


_PAID = ("*/cpc", "*/cpm", "*/cpa", "*/ppc", "*/paid*", "*/offline")


def agency(stranger: str, locale: str) -> dict[str, Any]:
    """Where the client came from stands in the title; the shortest talks are no enquiries."""
    return {
        "version": 1,
        "policy": [
            _internal(locale),
            {"name": say("preset_menu", locale), "situation": ["ivr_only"], "outcome": "activity_only"},
            {
                "name": say("preset_campaign", locale),
                "situation": [*INBOUND, *ASKED_FOR],
                "source": [f"{medium}/?*" for medium in _PAID],
                "person": ["unknown"],
                "outcome": stranger,
                "title": "{source.source} / {source.campaign}: {client.phone}",
            },
            {
                "name": say("preset_advertised", locale),
                "situation": [*INBOUND, *ASKED_FOR],
                "source": list(_PAID),
                "person": ["unknown"],
                "outcome": stranger,
                "title": "{source.source} / {source.medium}: {client.phone}",
            },
            {
                "name": say("unknown_becomes_lead", locale),
                "situation": [*INBOUND, *ASKED_FOR],
                "person": ["unknown"],
                "outcome": stranger,
            },
            _logged(locale),
        ],
        "tasks": {"who": ["owner", "rung_first", "on_duty"], "within_minutes": 60, "working_hours": True},
        "quality": {"min_talk_seconds": 45, "unique_days": 90},
    }


PRESETS: Mapping[str, Any] = {"sales_team": sales_team, "service_desk": service_desk, "agency": agency}
"""A preset is a function of the outcome for strangers and the language."""


def _internal(locale: str) -> dict[str, Any]:
    return {"name": say("internal_stays", locale), "situation": ["internal"], "outcome": "nothing"}


def _logged(locale: str) -> dict[str, Any]:
    return {"name": say("known_is_logged", locale), "outcome": "activity_only"}
