"""What the planner writes for people, in the workspace's language."""

from __future__ import annotations

WORDS: dict[str, dict[str, str]] = {
    "missed_title": {
        "ru": "Перезвонить: {client}",
        "en": "Call back: {client}",
    },
    "missed_text": {
        "ru": "Пропущенный звонок {client} на линию {line}.",
        "en": "Missed call from {client} to line {line}.",
    },
}


def say(key: str, locale: str, **values: str) -> str:
    """The sentence `key` in `locale`; English when the language is not spoken here."""
    sentences = WORDS[key]
    return sentences.get(locale, sentences["en"]).format(**values)
