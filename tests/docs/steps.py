"""Numbered steps of a how-to, read as they are printed and done in a browser.

A label in **bold** is a word of our own pages; the verb before it, in the same sentence, says what is done with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from playwright.sync_api import FrameLocator, Locator, Page, expect

from tests.docs.howto import ROOT
from tests.docs.labels import Language, is_translation

_VERBS: Mapping[Language, Mapping[str, str]] = {
    "en": {"press": r"press|open|choose", "fill": r"into", "see": r"says|shows|under"},
    "ru": {"press": r"нажмите|откройте|выберите", "fill": r"в поле", "see": r"скажет|покажет|в таблице"},
}
_STEP = re.compile(r"^(\d+)\. (.*(?:\n\n? {2,}.*)*)", re.MULTILINE)
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_END = r"(?![A-Za-zА-Яа-яЁё])"
"""After a label no letter follows; as a browser reads it, for which `\\w` has Latin letters alone."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done on a page: "press", "fill" or "see" what is called `label`."""

    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Step:
    number: int
    text: str
    acts: tuple[Act, ...]


def page_of(name: str, language: Language) -> str:
    """The path of a page of the user docs, from the root of the repository."""
    return f"docs/{name}{'.ru' if language == 'ru' else ''}.md"


def steps_under(page: str, heading: str, language: Language) -> list[Step]:
    """The numbered steps below a heading. Raises `LookupError` where there is no such heading or no steps."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    steps = [] if found is None else [
        Step(int(one[1]), one[2], acts_of(one[2], language)) for one in _STEP.finditer(_FENCE.sub("", found[1]))
    ]  # fmt: skip
    if [step.number for step in steps] != list(range(1, len(steps) + 1)) or not steps:
        raise LookupError(f"{page} has no steps 1, 2, … under {heading!r}: {[step.number for step in steps]}")
    return steps


def acts_of(text: str, language: Language) -> tuple[Act, ...]:
    """What a step does on our pages. Raises `ValueError` for a label of which the sentence says nothing."""
    verbs = "|".join(rf"(?P<{kind}>\b(?:{words})\b)" for kind, words in _VERBS[language].items())
    acts: list[Act] = []
    kind = ""
    for token in re.finditer(rf"\*\*(?P<label>.+?)\*\*|{verbs}|(?P<end>[.!?](?=\s|$))", text, re.IGNORECASE):
        if token["label"] is None:
            kind = "" if token["end"] else str(token.lastgroup)
        elif not kind:
            raise ValueError(f"what is to be done with {token['label']!r}? {text}")
        else:
            acts.append(Act(kind, token["label"]))
    return tuple(acts)


def is_same(english: Step, russian: Step) -> bool:
    """Whether both languages say to do the same with the same things."""
    return [act.kind for act in english.acts] == [act.kind for act in russian.acts] and all(
        is_translation(one.label, other.label) for one, other in zip(english.acts, russian.acts, strict=True)
    )


@dataclass
class Reader:
    """Somebody before a browser, who reads a page of the docs. `types` has what they write into which field, by its
    English label; `elsewhere` what they do outside of our pages before a step's labels, by the step's number."""

    page: Page
    language: Language
    types: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[int, Callable[[], None]] = field(default_factory=dict)

    def follow(self, steps: list[Step]) -> None:
        """Do all of it. Raises `AssertionError` where a page does not have what the step says."""
        assert self.elsewhere.keys() <= {step.number for step in steps}
        for step in steps:
            assert step.acts or step.number in self.elsewhere, f"nobody does this step: {step.text}"
            self.elsewhere.get(step.number, lambda: None)()
            for act in step.acts:
                {"press": self._press, "fill": self._fill, "see": self._see}[act.kind](act.label)

    def _press(self, label: str) -> None:
        name = re.compile(f"^{re.escape(label)}{_END}")
        target = self.page.get_by_role("link", name=name).or_(self.page.get_by_role("button", name=name))
        self._one(target.or_(self.page.locator("summary").filter(has_text=name)), label).click()

    def _fill(self, label: str) -> None:
        named = self.page.locator("label", has=self.page.get_by_text(label, exact=True))
        field = self._one(named.locator("input, select, textarea"), label)
        (value,) = [value for english, value in self.types.items() if self._is(english, label)]
        field.fill(value)

    def _see(self, label: str) -> None:
        place: Page | FrameLocator = self.page
        if self.page.frame(name="app") is not None:
            place = self.page.frame_locator("iframe[name=app]")
        words = re.compile(f"{re.escape(label)}{_END}")
        expect(place.get_by_text(words).locator("visible=true").first, label).to_be_visible()

    def _one(self, target: Locator, label: str) -> Locator:
        """The one thing of that name which is to be seen."""
        seen = target.locator("visible=true")
        expect(seen, f"{label!r} on {self.page.url}").to_have_count(1)
        return seen

    def _is(self, english: str, label: str) -> bool:
        return english == label if self.language == "en" else is_translation(english, label)
