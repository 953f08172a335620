"""Who should get this caller, and why. Pure: the same facts at the same moment have the same answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from hub.domain.phone import Phone
from hub.routing.staff import Colleague, Group, Staff

STALE_AFTER = timedelta(days=7)
"""An owner who was not confirmed for so long still gets the caller, and is looked up again."""
HERE, ABSENT, OFF_SHIFT = "is on shift", "is absent", "is off shift"
CLOCKED_OUT = "is not at work by the CRM's time clock"


class Reason(StrEnum):
    """Why this one: the rule that decided. The words are promised in `docs/routing.md`."""

    BLOCKED = "blocked"
    VIP = "vip"
    OWNER = "owner"
    LAST_TALKED = "last_talked"
    GROUP = "group"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class VipEntry:
    """A line of the VIP list; without an extension the caller's owner is meant, before anybody else."""

    extension: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class IndexedParty:
    """Whom a CRM keeps behind a phone, as the index remembers it. `vip` is the CRM's own mark.

    `owner_at_work` is what the CRM's time clock said when it was asked last, None when that is old or unknown.
    """

    connection_id: int
    kind: str
    id: str
    name: str | None
    owner_user_id: str | None
    vip: bool
    seen_at: datetime
    owner_at_work: bool | None = None


@dataclass(frozen=True, slots=True)
class CallerFacts:
    """What is known of the caller before anybody decides. `parties`: the one to prefer first.

    `last_talked` is the extension that talked with the caller last, on the PBX that is asked about.
    """

    caller: Phone | None
    blocked: bool = False
    vip: VipEntry | None = None
    parties: tuple[IndexedParty, ...] = ()
    last_talked: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A fact in words that a page can translate: `words` with %(name)s where the `values` go."""

    words: str
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.words % self.values


@dataclass(frozen=True, slots=True)
class RuleTried:
    """One rule on the way: `took` it or not, and the fact that settled it. `says` is the fact before translation."""

    rule: Reason
    took: bool
    fact: str
    says: Said | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Who gets the caller. `extension` None leaves the call to the PBX's own scheme.

    `stale`: the answer rests on a party that should be looked up again.
    """

    extension: str | None
    name: str | None
    reason: Reason
    vip: bool
    party: IndexedParty | None
    steps: tuple[RuleTried, ...]
    stale: bool = False


Found = tuple[str, str | None]
"""An extension and the name of who or what is there."""


def decide(facts: CallerFacts, staff: Staff, at: datetime) -> Decision:
    """The first rule that has somebody for the caller; every rule before it says why not."""
    steps: list[RuleTried] = []
    party = facts.parties[0] if facts.parties else None
    vip = facts.vip is not None or any(one.vip for one in facts.parties)
    stale = party is not None and at - party.seen_at > STALE_AFTER
    base = Decision(None, None, Reason.DEFAULT, vip, party, (), stale)
    if facts.blocked:
        return replace(base, reason=Reason.BLOCKED, steps=(_tried(Reason.BLOCKED, True, Said("on the black list")),))
    for rule, found, fact in _rules(facts, staff, at, vip):
        steps.append(_tried(rule, found is not None, fact))
        if found is not None:
            return replace(base, extension=found[0], name=found[1], reason=rule, steps=tuple(steps))
    return replace(base, steps=tuple(steps))


def _tried(rule: Reason, took: bool, said: Said) -> RuleTried:
    return RuleTried(rule, took, str(said), said)


def _rules(facts: CallerFacts, staff: Staff, at: datetime, vip: bool) -> Iterator[tuple[Reason, Found | None, Said]]:
    yield Reason.VIP, *_vip(facts, staff, at, vip)
    yield Reason.OWNER, *_owner(facts, staff, at)
    yield Reason.LAST_TALKED, *_last_talked(facts, staff, at)
    yield Reason.GROUP, *_group(facts.caller, staff.groups, at)
    default = staff.default_extension
    if default is None:
        yield Reason.DEFAULT, None, Said("the PBX goes on by its own scheme")
    else:
        yield Reason.DEFAULT, (default, None), Said("everybody else goes to %(extension)s", {"extension": default})


def _vip(facts: CallerFacts, staff: Staff, at: datetime, vip: bool) -> tuple[Found | None, Said]:
    if not vip:
        return None, Said("not a VIP")
    if facts.vip is None or facts.vip.extension is None:
        found, _ = _owner(facts, staff, at)
        return found, Said("a VIP without an extension: the owner is meant")
    extension = facts.vip.extension
    colleague = staff.by_extension(extension)
    if colleague is None:
        return (extension, None), Said("on the VIP list with extension %(extension)s", {"extension": extension})
    return _if_available(colleague, staff, at, "on the VIP list with %(name)s, who %(why)s", {})


def _owner(facts: CallerFacts, staff: Staff, at: datetime) -> tuple[Found | None, Said]:
    if facts.caller is None or facts.caller.e164 is None:
        return None, Said("the caller's number is hidden or no full one")
    if not facts.parties:
        return None, Said("no CRM is known to keep this number")
    said = Said("nobody in the CRM owns this number")
    for party in facts.parties:
        if party.owner_user_id is None:
            continue
        colleague = staff.by_user(party.connection_id, party.owner_user_id)
        if colleague is None:
            said = Said("the owner, CRM user %(user)s, has no extension on this PBX", {"user": party.owner_user_id})
            continue
        known = colleague if party.owner_at_work is None else replace(colleague, at_work=party.owner_at_work)
        card = {"kind": party.kind.lower(), "id": party.id}
        found, said = _if_available(known, staff, at, "%(name)s owns %(kind)s %(id)s and %(why)s", card)
        if found is not None:
            return found, said
    return None, said


def _last_talked(facts: CallerFacts, staff: Staff, at: datetime) -> tuple[Found | None, Said]:
    if facts.last_talked is None:
        return None, Said("nobody talked with this number lately")
    colleague = staff.by_extension(facts.last_talked)
    if colleague is None:
        return None, Said("extension %(extension)s talked last and is nobody's now", {"extension": facts.last_talked})
    return _if_available(colleague, staff, at, "%(name)s talked last and %(why)s", {})


def _if_available(
    colleague: Colleague, staff: Staff, at: datetime, words: str, values: Mapping[str, str]
) -> tuple[Found | None, Said]:
    """The colleague when they can take the caller now, and `words` with who and why in them."""
    why = _not_there(colleague, staff, at)
    said = Said(words, {**values, "name": colleague.name, "why": why or HERE})
    return None if why else (colleague.extension, colleague.name), said


def _not_there(colleague: Colleague, staff: Staff, at: datetime) -> str:
    if colleague.absent(at):
        return ABSENT
    if colleague.at_work is False:
        return CLOCKED_OUT
    return "" if (colleague.hours or staff.hours).is_open(at) else OFF_SHIFT


def _group(caller: Phone | None, groups: Sequence[Group], at: datetime) -> tuple[Found | None, Said]:
    """By weight, the same group for the same caller: who rings twice tells the story once."""
    open_groups = [group for group in groups if group.weight > 0 and group.hours.is_open(at)]
    if not open_groups:
        return None, Said("no group is open" if groups else "there are no groups")
    total = sum(group.weight for group in open_groups)
    place = _share(caller.display if caller else "") * total
    for group in open_groups:
        place -= group.weight
        if place < 0:
            break
    values = {"name": group.name, "weight": str(group.weight), "total": str(total)}
    return (group.extension, group.name), Said("%(name)s is open, its weight is %(weight)s of %(total)s", values)


def _share(text: str) -> float:
    """An even number in 0…1 out of a text, the same one each time."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
