"""What the planner writes for people, in the workspace's language."""

from __future__ import annotations

from collections.abc import Callable

from hub.domain.retelling import Sentences
from mapping.rule_words import RULE_WORDS

WORDS: dict[str, dict[str, str]] = {
    # Tasks
    "missed_title": {"ru": "Перезвонить: {client}", "en": "Call back: {client}"},
    "missed_text": {
        "ru": "Пропущенный звонок {client} на линию {line}.",
        "en": "Missed call from {client} to line {line}.",
    },
    # Recordings
    "recording": {"ru": "Запись разговора", "en": "Recording"},
    "recording_of": {"ru": "Запись разговора: {who}", "en": "Recording: {who}"},
    # A request for a callback
    "request_text": {"ru": "Заказан обратный звонок{when}.", "en": "A callback was requested{when}."},
    "request_name": {"ru": "Имя: {name}", "en": "Name: {name}"},
    "request_comment": {"ru": "Комментарий: {comment}", "en": "Comment: {comment}"},
    "request_site": {"ru": "Сайт: {site}", "en": "Site: {site}"},
    "request_page": {"ru": "Страница: {page}", "en": "Page: {page}"},
    "request_told": {"ru": "заявка видна в карточке", "en": "the request is told on the card"},
    "callback_requested": {"ru": "посетитель попросил перезвонить", "en": "a visitor asked to be called back"},
    "callback_failed_title": {"ru": "Перезвонить по заявке: {client}", "en": "Call back as requested: {client}"},
    "callback_failed_text": {
        "ru": "Обратный звонок {client} не состоялся: {reason}.",
        "en": "The callback to {client} failed: {reason}.",
    },
    "callback_failed_task": {"ru": "обратный звонок не состоялся", "en": "the callback failed"},
    # The visit behind a call
    "visit_text": {
        "ru": "Визит на сайт перед звонком. Вход: {landing}. Откуда: {referrer}.",
        "en": "Visit before the call. Landing: {landing}. Referrer: {referrer}.",
    },
    "visit_source": {"ru": "Источник: {source}", "en": "Source: {source}"},
    "visit_pages": {"ru": "Страницы:", "en": "Pages:"},
    "unknown_visitor": {
        "ru": "Источник звонка неизвестен: номер {line} видели разные посетители сайта, самый вероятный — {percent}.",
        "en": "The source is unknown: different visitors were shown the number {line}, the best fits with {percent}.",
    },
    "unknown_stranger": {
        "ru": "Источник звонка неизвестен: похоже, на номер {line} позвонил не посетитель сайта.",
        "en": "The source is unknown: most probably no visitor of the site called the number {line}.",
    },
    "visit_told": {"ru": "известный визит виден в карточке", "en": "a known visit is told on the card"},
    # Why nothing is written
    "internal_call": {
        "ru": "внутренний звонок: остаётся в хабе, в CRM не пишется",
        "en": "internal call: kept in the hub, not written to a CRM",
    },
    "direction_unknown": {"ru": "направление ещё неизвестно", "en": "the direction is not known yet"},
    "hidden_caller": {
        "ru": "номер скрыт: звонок остаётся в хабе, в CRM не пишется",
        "en": "the caller hid the number: kept in the hub, not written to a CRM",
    },
    "not_a_full_number": {
        "ru": "{number} — не полный городской или мобильный номер: звонок остаётся в хабе",
        "en": "{number} is not a full public number: kept in the hub, not written to a CRM",
    },
    # Rules
    "show_card": {"ru": "сейчас звонит у сотрудника", "en": "rings at the employee now"},
    "hide_card": {"ru": "больше не звонит и не разговаривает", "en": "rings no more and does not talk"},
    "talked_last": {"ru": "последним говорил с клиентом", "en": "talked with the client last"},
    "rung_first": {"ru": "звонили первому, никто не ответил", "en": "rung first, nobody talked"},
    "default_person": {"ru": "ответственный по умолчанию", "en": "default person"},
    "unknown_becomes_lead": {
        "ru": "неизвестный клиент становится одним лидом",
        "en": "an unknown caller becomes one lead",
    },
    "outbound_creates_nothing": {
        "ru": "исходящий звонок ничего не создаёт",
        "en": "outbound calls create nothing",
    },
    "unknown_stays_unknown": {"ru": "неизвестное остаётся неизвестным", "en": "unknown stays unknown"},
    "where_from": {"ru": "откуда пришёл клиент", "en": "where the client came from"},
    "logged_once": {
        "ru": "каждый завершённый звонок записывается один раз",
        "en": "every call that is over is logged once",
    },
    "recordings_attached": {
        "ru": "запись прикрепляется, когда она готова",
        "en": "recordings are attached when they are there",
    },
    "transcript_attached": {
        "ru": "расшифровка прикрепляется, когда АТС её прислала",
        "en": "a transcript is attached when the PBX has sent it",
    },
    "task_closed_by_talk": {
        "ru": "задача закрывается, когда с клиентом поговорили",
        "en": "a task is closed when somebody has talked to the client",
    },
    "one_task_per_client": {
        "ru": "пропущенные звонки одного клиента дают одну задачу",
        "en": "missed calls of one client make one task",
    },
    "within_an_hour": {"ru": "в течение часа", "en": "within an hour"},
    # Facts
    "employee": {"ru": "{name}, внутренний {extension}", "en": "{name}, extension {extension}"},
    "stranger": {
        "ru": "внутренний {extension}, которого CRM не знает",
        "en": "extension {extension}, whom the CRM is not known to list",
    },
    "nobody_rung": {"ru": "никому не звонили", "en": "nobody was rung"},
    "inbound_call": {"ru": "входящий звонок", "en": "inbound call"},
    "outbound_call": {"ru": "исходящий звонок", "en": "outbound call"},
    "answered_call": {"ru": "разговор состоялся", "en": "answered call"},
    "missed_call": {"ru": "звонок пропущен", "en": "missed call"},
    "nothing_explains": {
        "ru": "ни визит, ни закреплённый номер не объясняют этот звонок",
        "en": "no visit and no static number explains this call",
    },
    "closing_stated": {"ru": "АТС сообщила о конце звонка", "en": "the PBX said that the call is over"},
    "closing_stale": {"ru": "АТС молчит: звонок закрыт по времени", "en": "the PBX is silent: closed by the clock"},
    "recording_is_there": {"ru": "запись сохранена в хабе", "en": "the hub holds the recording"},
    "transcript_is_there": {"ru": "АТС прислала расшифровку", "en": "the PBX has sent a transcript"},
    "no_open_task": {
        "ru": "звонок пропущен, открытой задачи по клиенту нет",
        "en": "missed call, no open task for this client",
    },
}

WORDS.update(RULE_WORDS)


def say(key: str, locale: str, **values: str) -> str:
    """The sentence `key` in `locale`; English when the language is not spoken here."""
    sentences = WORDS[key]
    return sentences.get(locale, sentences["en"]).format(**values)


# --- The way back -------------------------------------------------------------------------------------

_FOR_THE_CRM = (
    "missed_title", "missed_text", "recording_of", "request_text", "request_name", "request_comment", "request_site",
    "request_page", "callback_failed_title", "callback_failed_text", "visit_text", "visit_source", "visit_pages",
    "unknown_visitor", "unknown_stranger",
)  # fmt: skip
"""What is written into the CRM: it stands there in the workspace's language, whoever reads of it here."""
_LABELS = (
    "situation_", "person_", "outcome_", "act_", "what_", "room_", "wrong_", "preset_name_", "page_", "part_", "line_",
    "detail_", "flag_", "open_deal_", "turn_",
)  # fmt: skip
_ONE_WORD = {"recording", "recordings_attach", "recordings_link", "recordings_none"}
_INSIDE = ("situation", "person", "rule", "reason")
"""Places of a sentence that hold words of ours, not names."""


def _sentences(is_wanted: Callable[[str], bool]) -> Sentences:
    return Sentences({key: tuple(said.values()) for key, said in WORDS.items() if is_wanted(key)})


_REASONS = _sentences(lambda key: not key.startswith((*_FOR_THE_CRM, *_LABELS)) and key not in _ONE_WORD)
_WORDS_INSIDE = Sentences(
    {**_REASONS.templates, **_sentences(lambda key: key.startswith(("situation_", "person_"))).templates}
)


def retold(sentence: str, locale: str) -> str | None:
    """A reason that the planner gave in any language, in `locale`; None when it is none of the planner's."""
    return _retold(sentence, locale, _REASONS)


def _retold(sentence: str, locale: str, known: Sentences) -> str | None:
    found = known.source_of(sentence)
    if found is not None:
        key, values = found
        return say(key, locale, **{name: _inside(name, value, locale) for name, value in values.items()})
    first, semicolon, rest = sentence.partition("; ")
    if not semicolon:
        return None
    said, more = _retold(first, locale, known), _retold(rest, locale, known)
    return None if said is None and more is None else f"{said or first}; {more or rest}"


def _inside(name: str, value: str, locale: str) -> str:
    if name not in _INSIDE:
        return value
    return _retold(value, locale, _WORDS_INSIDE) or value
