"""What a reader sees of a page: its texts and labels, without code, quotations and what was typed."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_UNSEEN = {"script", "style", "code", "pre", "q", "textarea", "template", "svg"}
"""What holds no words of ours: programs, other systems' own words, and what somebody has typed."""
_VOID = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "track",
    "wbr",
    "rect",
    "path",
}
_LABELS = ("title", "aria-label", "alt", "placeholder", "data-label", "data-done", "label")
_ADDRESS = re.compile(
    r"\S+@\S+|https?://\S+|/[\w/.-]{3,}|\b[A-Z]\w+/[A-Z]\w+|\b[\w-]+(\.[\w-]+)+(:\d+)?\b|\{[\w.]+\}|\b\w*\d\w*\b"
)
"""Addresses, time zones, names of files and hosts, facts of the catalogue, and keys with figures in them."""


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        hidden = self._is_hidden or tag in _UNSEEN or (tag != "html" and "lang" in named)
        if not hidden or tag == "textarea":
            self.texts += [value for name in _LABELS if (value := named.get(name))]
        if tag not in _VOID:
            self._open.append((tag, hidden))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if any(opened == tag for opened, _hidden in self._open):
            while self._open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self._is_hidden and data.strip():
            self.texts.append(" ".join(data.split()))

    @property
    def _is_hidden(self) -> bool:
        return bool(self._open) and self._open[-1][1]


def seen(page: str) -> list[str]:
    """The texts and labels of a page of HTML, in their order."""
    parser = _Texts()
    parser.feed(page)
    return parser.texts


def foreign_words(texts: list[str], letters: str, accepted: set[str], phrases: tuple[str, ...] = ()) -> dict[str, str]:
    """Words of three and more of `letters` that are not `accepted` (in small letters), each with a text it stands in.

    `phrases` are taken out of the texts first, where words are right only as they stand there.
    """
    found: dict[str, str] = {}
    for text in texts:
        rest = text
        for phrase in phrases:
            rest = rest.replace(phrase, " ")
        for word in re.findall(f"[{letters}]{{3,}}", _ADDRESS.sub(" ", rest)):
            if word.lower().strip("_") not in accepted:
                found.setdefault(word, text[:160])
    return found
