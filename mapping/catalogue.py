"""The facts that templates may name, each with its kind; and how a template is filled in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from hub.domain.call import Outcome
from hub.domain.events import Direction
from hub.domain.phone import format_phone, mask_phone
from mapping.facts import PlanFacts

NAMED = re.compile(r"\{([A-Za-z_.]*)\}")
Value = str | int | bool | datetime | None


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    MOMENT = "moment"
    FLAG = "flag"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of the catalogue: what kind it is, what people call it, and how it is read."""

    kind: Kind
    ru: str
    en: str
    read: Callable[[PlanFacts], Value]


def _client(facts: PlanFacts) -> Value:
    client = facts.call.client
    if client is None:
        return None
    return mask_phone(client.display) if facts.rules_of.privacy.mask_phones else format_phone(client)


def _employee(facts: PlanFacts) -> Value:
    extension = facts.call.answered_by or facts.call.first_rung
    known = facts.employees.get(extension) if extension else None
    return known.name if known else extension


def _good(facts: PlanFacts) -> Value:
    return facts.call.outcome is Outcome.ANSWERED and facts.call.talk_seconds >= facts.rules_of.quality.min_talk_seconds


def _line(facts: PlanFacts) -> Value:
    return format_phone(facts.call.line) if facts.call.line else None


CATALOGUE: Mapping[str, Fact] = {
    "call.id": Fact(Kind.TEXT, "id звонка в хабе", "the hub's id of the call", lambda f: f.call_id),
    "call.direction": Fact(
        Kind.TEXT, "направление", "direction", lambda f: str(f.call.direction) if f.call.direction else None
    ),
    "call.outcome": Fact(Kind.TEXT, "чем кончился", "outcome", lambda f: str(f.call.outcome)),
    "call.started_at": Fact(Kind.MOMENT, "начало звонка", "when it began", lambda f: f.call.started_at),
    "call.ended_at": Fact(Kind.MOMENT, "конец звонка", "when it ended", lambda f: f.call.ended_at),
    "call.wait_seconds": Fact(Kind.NUMBER, "ожидание, секунды", "waited, seconds", lambda f: f.call.wait_seconds),
    "call.talk_seconds": Fact(Kind.NUMBER, "разговор, секунды", "talked, seconds", lambda f: f.call.talk_seconds),
    "call.answered": Fact(Kind.FLAG, "был разговор", "answered", lambda f: f.call.outcome is Outcome.ANSWERED),
    "call.inbound": Fact(Kind.FLAG, "входящий", "inbound", lambda f: f.call.direction is Direction.INBOUND),
    "call.good": Fact(Kind.FLAG, "качественный", "a good call", _good),
    "call.unique": Fact(Kind.FLAG, "уникальный", "a new caller", lambda f: f.first_call),
    "call.missed_reason": Fact(
        Kind.TEXT, "почему пропущен", "why it was missed",
        lambda f: str(f.call.missed_reason) if f.call.missed_reason else None,
    ),
    "call.line": Fact(Kind.TEXT, "номер фирмы", "the firm's number", _line),
    "call.group": Fact(Kind.TEXT, "группа", "group", lambda f: f.call.group),
    "call.extension": Fact(
        Kind.TEXT, "внутренний номер", "extension", lambda f: f.call.answered_by or f.call.first_rung
    ),
    "call.employee": Fact(Kind.TEXT, "сотрудник", "employee", _employee),
    "call.recording": Fact(
        Kind.TEXT, "ссылка на запись", "link to the recording",
        lambda f: f.recording_links[0] if f.recording_links else None,
    ),
    "source.source": Fact(Kind.TEXT, "источник", "source", lambda f: f.source.source if f.source else None),
    "source.medium": Fact(Kind.TEXT, "канал", "medium", lambda f: f.source.medium if f.source else None),
    "source.campaign": Fact(Kind.TEXT, "кампания", "campaign", lambda f: f.source.campaign if f.source else None),
    "source.content": Fact(Kind.TEXT, "объявление", "content", lambda f: f.source.content if f.source else None),
    "source.term": Fact(Kind.TEXT, "ключевое слово", "term", lambda f: f.source.term if f.source else None),
    "source.evidence": Fact(
        Kind.TEXT, "откуда это известно", "how we know", lambda f: f.source.evidence if f.source else None
    ),
    "source.certain": Fact(Kind.FLAG, "источник точный", "certain", lambda f: f.source.certain if f.source else None),
    "visit.started_at": Fact(
        Kind.MOMENT, "начало визита", "when the visit began", lambda f: f.visit.started_at if f.visit else None
    ),
    "visit.landing": Fact(
        Kind.TEXT, "страница входа", "landing page", lambda f: f.visit.landing_url if f.visit else None
    ),
    "visit.referrer": Fact(
        Kind.TEXT, "откуда перешёл", "referrer", lambda f: f.visit.referrer if f.visit else None
    ),
    "visit.pages": Fact(
        Kind.TEXT, "страницы", "pages", lambda f: "\n".join(page.url for page in f.visit.pages) if f.visit else None
    ),
    "visit.page_count": Fact(
        Kind.NUMBER, "сколько страниц", "number of pages", lambda f: len(f.visit.pages) if f.visit else None
    ),
    "client.phone": Fact(Kind.TEXT, "номер клиента", "the client's number", _client),
    "client.state": Fact(Kind.TEXT, "кто это для CRM", "what the CRM knows of them", lambda f: str(f.person)),
    "client.vip": Fact(Kind.FLAG, "VIP", "VIP", lambda f: f.vip),
    "client.name": Fact(Kind.TEXT, "имя клиента", "the client's name", lambda f: f.client_name),
}  # fmt: skip


def unknown_names(template: str) -> list[tuple[str, str]]:
    """The names in `template` that the catalogue lacks, each with what was probably meant, or nothing."""
    found = []
    for name in NAMED.findall(template):
        if name not in CATALOGUE:
            close = difflib.get_close_matches(name, CATALOGUE, n=1)
            found.append((name, close[0] if close else ""))
    return found


def kind_of(template: str) -> Kind:
    """What a filled-in template is: one fact alone keeps its kind, a fixed number or date is one; all else is text."""
    alone = NAMED.fullmatch(template.strip())
    if "{" not in template:
        return _kind_of_words(template.strip())
    return CATALOGUE[alone.group(1)].kind if alone and alone.group(1) in CATALOGUE else Kind.TEXT


def _kind_of_words(words: str) -> Kind:
    if re.fullmatch(r"-?\d+([.,]\d+)?(\|[A-Z]{3})?", words):
        return Kind.NUMBER
    try:
        datetime.fromisoformat(words)
    except ValueError:
        return Kind.TEXT
    return Kind.MOMENT


def fill(template: str, facts: PlanFacts) -> str:
    """`template` with its facts; one that is not known leaves nothing behind."""
    if "{" not in template:
        return template.strip()
    return NAMED.sub(lambda found: show(_read(found.group(1), facts)), template).strip()


def _read(name: str, facts: PlanFacts) -> Value:
    fact = CATALOGUE.get(name)
    return fact.read(facts) if fact else None


def show(value: Value) -> str:
    """A fact as text: moments in ISO 8601 and UTC, flags as 1 and 0."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    return str(value)
