"""What an outside system says, without what it was told in confidence: its words are kept, shown and logged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from hub.domain.access import AccessToken, TokenPair, Tokens
from hub.domain.errors import DeliveryError
from hub.observe.redact import MASK, mask_secrets

_SHORTEST = 6
"""A shorter value is part of too many innocent words."""


class Confidences:
    """The secrets of one connection, as far as a door has used them."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._known: set[str] = set()
        self.add(*secrets.values())

    def add(self, *values: str) -> None:
        for value in values:
            parts = {value, urlsplit(value).path.strip("/")} if "://" in value else {value}
            self._known |= {part for part in parts if len(part) >= _SHORTEST}

    def heard(self, pair: TokenPair) -> TokenPair:
        self.add(pair.access, pair.refresh)
        return pair

    def hush(self, error: DeliveryError) -> None:
        """Take the secrets out of what `error` says, before anybody keeps its words."""
        error.message, error.hint = self.without(error.message), self.without(error.hint)
        error.args = (error.message,)

    def hush_all(self, errors: Iterable[DeliveryError]) -> None:
        for error in errors:
            self.hush(error)

    def without(self, words: str) -> str:
        """The words with each known secret, and whatever is shaped like one, masked."""
        for secret in sorted(self._known, key=len, reverse=True):
            words = words.replace(secret, MASK)
        return mask_secrets(words)


class OverheardTokens:
    """`hub.domain.access.Tokens` that tells `confidences` of each token it hands out."""

    def __init__(self, tokens: Tokens, confidences: Confidences) -> None:
        self._tokens = tokens
        self._confidences = confidences

    def current(self) -> AccessToken:
        return self._noted(self._tokens.current())

    def renewed(self, stale: AccessToken) -> AccessToken:
        return self._noted(self._tokens.renewed(stale))

    def _noted(self, token: AccessToken) -> AccessToken:
        self._confidences.add(token.value)
        return token
