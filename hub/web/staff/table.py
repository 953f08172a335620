"""The table as a form has it: what is shown, what comes back, what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from flask import request
from werkzeug.datastructures import MultiDict

from connectors.contract import ListedExtension
from hub.db.tables import Connection
from hub.staff.changes import ANOTHER, Change, Refused, Wish, labels_of
from hub.staff.matching import Line
from hub.staff.roster import roster_of
from hub.staff.settling import settle
from hub.staff.systems import Systems, systems_of
from hub.web.i18n import _, _n
from hub.web.paging import parse_id
from hub.web.services import web
from hub.web.staff.asked import listing_of
from hub.web.staff.words import how_word, refusal_words, tone_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where the table stands: the address its form goes to, what goes along unseen, and who may change it.

    `parent` is the origin of the page that shows ours in a frame and may ask it to keep what was typed; "" for none.
    """

    action: str
    hidden: Mapping[str, str]
    actor: str
    may_change: bool = True
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """What the template shows. `typed` is what a form had that was not kept, by `Line.key`."""

    place: Place
    systems: Systems
    lines: Sequence[Line]
    free: Sequence[ListedExtension]
    trouble: str = ""
    is_early: bool = False
    said: str = ""
    tone: str = "good"
    typed: Mapping[str, str] = field(default_factory=dict)

    @property
    def groups(self) -> tuple[tuple[str, Sequence[Line]], ...]:
        """What has to be settled, and the rest."""
        settled = [line for line in self.lines if line.is_settled]
        return (("open", [line for line in self.lines if not line.is_settled]), ("settled", settled))

    @property
    def people(self) -> int:
        return len({line.user_id for line in self.lines if line.user_id and not line.gone})

    @property
    def known(self) -> int:
        return len({line.user_id for line in self.lines if line.is_settled})

    @property
    def gone(self) -> int:
        return len({line.user_id for line in self.lines if line.gone})

    @property
    def labels(self) -> Mapping[str, str]:
        return labels_of(self.lines)

    def value(self, line: Line) -> str:
        """What stands in the line's field: what was typed and not kept, else what is known or proposed."""
        return self.typed.get(line.key, line.extension if line.user_id else "")

    def shown(self, line: Line) -> str:
        """For somebody who may only look: the extension that holds; a proposal is for whoever can keep it."""
        return (line.was if line.user_id else line.extension) or "—"

    def how(self, line: Line) -> str:
        is_proposal = bool(line.user_id) and not line.was
        return how_word(replace(line, how="") if is_proposal and not self.place.may_change else line)

    def tone_of(self, line: Line) -> str:
        return tone_of(line)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a form: what was changed, or what was refused; `typed` is what was not kept."""

    changes: Sequence[Change] = ()
    refused: Refused | None = None
    typed: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """In a sentence."""
        if self.refused is not None:
            return f"{_('Nothing was kept.')} {refusal_words(self.refused)}"
        if not self.changes:
            return _("Nothing was changed.")
        return _n("%(num)d line was kept.", "%(num)d lines were kept.", len(self.changes))

    @property
    def tone(self) -> str:
        return "bad" if self.refused is not None else "good" if self.changes else "warn"


def chosen_systems(crm: Connection) -> Systems:
    """The PBX that the request chose, of the CRM's workspace; else the one that was connected last."""
    with web().database.reading() as session:
        return systems_of(session, web().services.registry, crm, parse_id(request.values.get("pbx", "")))


def table_of(systems: Systems, place: Place, outcome: Outcome | None = None) -> Table:
    """The table as it is now, after `outcome` where something was just tried."""
    listing = listing_of(systems)
    with web().database.reading() as session:
        lines = roster_of(session, systems, listing.extensions)
    nobodys = {line.extension for line in lines if not line.user_id}
    free = [one for one in listing.extensions if one.extension in nobodys]
    if outcome is None:
        return Table(place, systems, lines, free, listing.trouble, listing.is_early)
    return Table(
        place, systems, lines, free, listing.trouble, listing.is_early, outcome.said, outcome.tone, outcome.typed
    )


def keep_form(systems: Systems, place: Place) -> Outcome:
    """Keep what the form of this request wants: the one line whose button was pressed, else every line."""
    wishes = wishes_in(request.form)
    only = request.form.get("only", "")
    wanted = [wish for number, wish in enumerate(wishes, 1) if only in {"", str(number)}]
    listed = listing_of(systems).extensions
    with web().database.transaction() as session:
        found = settle(session, systems, listed, wanted, actor=place.actor, now=web().services.now())
    if isinstance(found, Refused):
        return Outcome(refused=found, typed=_typed(wishes))
    return Outcome(changes=found, typed=_typed([wish for wish in wishes if wish not in wanted]))


def wishes_in(form: MultiDict[str, str]) -> list[Wish]:
    """The lines of a form, in its order; a form without `was` means whatever stands there."""
    users, extensions, before = (form.getlist(name) for name in ("user", "extension", "was"))
    known = before if len(before) == len(users) else [None] * len(users)
    return [Wish(user, extension, was) for user, extension, was in zip(users, extensions, known, strict=False)]


def _typed(wishes: Sequence[Wish]) -> dict[str, str]:
    """By the key of the line: the extension of a person, the person of an extension."""
    return {
        f"/{wish.extension}" if wish.was == ANOTHER else f"{wish.user}/{wish.was or ''}": (
            wish.user if wish.was == ANOTHER else wish.extension
        )
        for wish in wishes
    }
