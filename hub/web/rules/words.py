"""The rules' own words on pages: one dictionary with the planner's."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from hub.rules.store import vendor_rules
from hub.web.i18n import locale_of_request
from hub.web.rules.changed import change_where, change_words
from hub.web.services import web
from hub.web.told import retold_reason
from hub.web.words import word
from mapping.words import WORDS, say


def locale() -> str:
    return locale_of_request()


def ruleword(value: object, table: str) -> str:
    """A word of the document as people say it: `table` is situation, person, who, outcome, act, what, recordings."""
    key = f"{table}_{value}"
    return say(key, locale()) if key in WORDS else str(value)


def rulefield(name: str) -> str:
    """What a reason is about: a field of the plan, or "entity.field" of the CRM."""
    entity, dot, field = name.partition(".")
    return f"{ruleword(entity, 'what')}: {field}" if dot else word(name, "field")


def rulewhat(what: str) -> str:
    """What there would be in the CRM: a word of the forecast, or "entity.field"."""
    return rulefield(what) if "." in what else ruleword(what, "what")


def effect_words(words: str, act: str) -> str | Markup:
    """The particulars of an effect: a reason for what is left; what is written stands as it would in the CRM."""
    reason = retold_reason(ruleword(words, "person")) if act == "left" else words
    return reason if reason != words else Markup("<q>%s</q>") % words


def filters() -> dict[str, Callable[..., str]]:
    """What the templates call these."""
    return {
        "rulefield": rulefield, "rulewhat": rulewhat, "effect": effect_words, "change_where": change_where,
        "change_words": change_words,
    }  # fmt: skip


def outcomes_of(vendor: str) -> list[str]:
    """What this CRM can make of a client, in the order in which people think of it."""
    possible = vendor_rules(web().services.registry, vendor).outcomes
    return [str(one) for one in type(next(iter(possible))) if one in possible]
