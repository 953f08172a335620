"""The reasons of an attribution in the reader's language. A sentence that nobody knows is shown as it is."""

from __future__ import annotations

from flask_babel import get_locale  # type: ignore[import-untyped]

from hub.tracking.attribution.told import told


def evidence_in_words(sentence: str) -> str:
    """A sentence of `Attribution.evidence` (`hub.tracking.attribution.evidence`) in the language of this request."""
    return told(sentence, str(get_locale() or "en"))
