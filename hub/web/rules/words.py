"""The rules' own words on pages: one dictionary with the planner's."""

from __future__ import annotations

from hub.rules.store import vendor_rules
from hub.web.i18n import locale_of_request
from hub.web.services import web
from mapping.words import WORDS, say


def locale() -> str:
    return locale_of_request()


def ruleword(value: object, table: str) -> str:
    """A word of the document as people say it: `table` is situation, person, who, outcome, act, what, recordings."""
    key = f"{table}_{value}"
    return say(key, locale()) if key in WORDS else str(value)


def outcomes_of(vendor: str) -> list[str]:
    """What this CRM can make of a client, in the order in which people think of it."""
    possible = vendor_rules(web().services.registry, vendor).outcomes
    return [str(one) for one in type(next(iter(possible))) if one in possible]
