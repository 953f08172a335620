"""Where a portal is, by its zone and its user's language: what a new workspace begins with."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    timezone: str
    region: str
    locale: str


_ZONES = {
    "ru": Place("Europe/Moscow", "RU", "ru"),
    "by": Place("Europe/Minsk", "BY", "ru"),
    "kz": Place("Asia/Almaty", "KZ", "ru"),
    "uz": Place("Asia/Tashkent", "UZ", "ru"),
    "ua": Place("Europe/Kyiv", "UA", "en"),
    "de": Place("Europe/Berlin", "DE", "en"),
    "pl": Place("Europe/Warsaw", "PL", "en"),
    "fr": Place("Europe/Paris", "FR", "en"),
    "it": Place("Europe/Rome", "IT", "en"),
    "es": Place("Europe/Madrid", "ES", "en"),
    "in": Place("Asia/Kolkata", "IN", "en"),
    "com": Place("America/New_York", "US", "en"),
}


def place_of(domain: str, language: str) -> Place:
    """By the last part of the portal's name; by the language where the name says nothing."""
    zone = domain.partition(":")[0].rpartition(".")[2]
    return _ZONES.get(zone) or (_ZONES["ru"] if language.startswith("ru") else Place("UTC", "US", "en"))
