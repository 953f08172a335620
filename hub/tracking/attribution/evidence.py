"""The reasons for an answer, in words that a marketer reads."""

from __future__ import annotations

from hub.tracking.attribution.posterior import Suspect, Verdict

_WORTH_TELLING = 0.01
_CLEARLY_MORE = 1.5
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def words_of(verdict: Verdict, place: int) -> tuple[str, ...]:
    """Why the suspect at `place` is as probable as it is."""
    suspect, call = verdict.view.suspects[place], verdict.view.call
    said = [_delay_in_words(suspect, call.at), _rivals_in_words(verdict, place)]
    if call.region is not None and suspect.holding.region is not None:
        agrees = call.region == suspect.holding.region
        said.append("the caller's region is the visitor's" if agrees else "the caller's region is not the visitor's")
    if verdict.by_history > _CLEARLY_MORE:
        said.append("other calls of this client point to the same visitor")
    if verdict.somebody_else >= _WORTH_TELLING:
        said.append(f"somebody else with {verdict.somebody_else:.0%}")
    return tuple(said)


def _delay_in_words(suspect: Suspect, at: float) -> str:
    if suspect.on_page:
        shown = duration_in_words(at - suspect.holding.since)
        return f"the visitor was on the page, the number had been shown for {shown}"
    return f"the call came {duration_in_words(suspect.delay)} after the visitor was last seen with this number"


def _rivals_in_words(verdict: Verdict, place: int) -> str:
    rivals = sum(1 for other, share in enumerate(verdict.shares) if other != place and share >= _WORTH_TELLING)
    if rivals == 0:
        return "no other visit with this number is plausible"
    taken = sum(share for other, share in enumerate(verdict.shares) if other != place)
    return f"{rivals} other visit{'s' if rivals > 1 else ''} with this number, together {taken:.0%}"


def duration_in_words(seconds: float) -> str:
    """The two greatest units: "2 h 5 min"."""
    left = max(0.0, seconds)
    said: list[tuple[int, str]] = []
    for size, unit in _UNITS:
        count = int(left // size)
        left -= count * size
        if count or (said and len(said) < 2):
            said.append((count, unit))
    shown = [f"{count} {unit}" for count, unit in said[:2] if count]
    return " ".join(shown) or "0 s"
