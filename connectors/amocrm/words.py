"""What people read in amoCRM, in the workspace's language."""

from __future__ import annotations

_WORDS = {
    "call_from": {"ru": "Звонок {client}", "en": "Call from {client}"},
    "missed_from": {"ru": "Пропущенный звонок {client}", "en": "Missed call from {client}"},
    "callback_for": {"ru": "Обратный звонок {client}", "en": "Callback for {client}"},
    "callback_form": {"ru": "Заказ обратного звонка", "en": "Callback request"},
    "missed_tag": {"ru": "пропущенный", "en": "missed"},
    "talked": {"ru": "С клиентом поговорили.", "en": "Somebody has talked to the client."},
    "recording": {"ru": "Запись разговора: {link}", "en": "Recording of the call: {link}"},
}


def say(key: str, locale: str, **values: str) -> str:
    """The sentence `key` in `locale`; English when the language is not spoken here."""
    sentences = _WORDS[key]
    return sentences.get(locale, sentences["en"]).format(**values)
