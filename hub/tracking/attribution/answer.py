"""From probabilities to an answer: who is chosen, or why nobody is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.domain.attribution import Attribution, CallFact, Candidate, Model
from hub.tracking.attribution.evidence import words_of
from hub.tracking.attribution.law import USUAL_THRESHOLD
from hub.tracking.attribution.posterior import Verdict

_DECIDED_BY_HISTORY = 1.5
_LEAST_LISTED = 0.001
ENOUGH_CALLS = 50
"""From so many calls on the threshold is found from them; fewer are answered from `USUAL_THRESHOLD` on."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How answers are given.

    `threshold`: an answer needs this probability. None: it is found from the calls themselves, so that as many as
    possible are answered while, by the probabilities, `precision` of the answers are right. Where that would answer
    less than `coverage` of the visitors' calls, more are answered and less is asked: `coverage_precision` there, and
    evenly less down to `least_precision` where only `least_coverage` of them have an answer. No answer is ever given
    below `least_probability`. `candidates_kept` are listed with a call.
    """

    threshold: float | None = None
    precision: float = 0.975
    coverage: float = 0.958
    coverage_precision: float = 0.968
    least_coverage: float = 0.925
    least_precision: float = 0.948
    least_probability: float = 0.5
    candidates_kept: int = 10

    def asked_at(self, answered: float) -> float:
        """The precision that is asked for where this share of the visitors' calls is answered."""
        if answered > self.coverage:
            return self.precision
        part = (answered - self.least_coverage) / max(self.coverage - self.least_coverage, 1e-9)
        return self.least_precision + max(0.0, part) * (self.coverage_precision - self.least_precision)


def threshold_for(verdicts: Sequence[Verdict], settings: Settings) -> float:
    """The threshold for these calls; see `Settings`."""
    if settings.threshold is not None:
        return settings.threshold
    ranked = sorted((best, 1.0 - verdict.somebody_else) for verdict in verdicts if (best := verdict.best))
    by_visitors = sum(1.0 - verdict.somebody_else for verdict in verdicts)
    # Without a single certain call the settings' own precision is the threshold: better no answer than a wrong one.
    lowest, total, answered = settings.precision, 0.0, 0.0
    for count, (probability, by_visitor) in enumerate(reversed(ranked), 1):
        total += probability
        answered += by_visitor
        enough = total / count >= settings.asked_at(answered / max(by_visitors, 1e-9))
        if probability < settings.least_probability or not enough:
            break
        lowest = min(lowest, probability)
    return lowest if len(verdicts) >= ENOUGH_CALLS else min(lowest, USUAL_THRESHOLD)


def answer(call: CallFact, verdict: Verdict, threshold: float, settings: Settings) -> Attribution:
    """The attribution of a call whose number is held by visits."""
    order = sorted(
        range(len(verdict.shares)),
        key=lambda place: (-verdict.shares[place], verdict.view.suspects[place].holding.visit_id),
    )
    best = order[0] if order else None
    probability = verdict.shares[best] if best is not None else 0.0
    model = _model(verdict, probability, threshold)
    chosen = best is not None and model in {Model.DYNAMIC, Model.KNOWN_CALLER}
    return Attribution(
        call_id=call.id,
        model=model,
        visit_id=verdict.view.suspects[best].holding.visit_id if chosen and best is not None else None,
        probability=verdict.somebody_else if model is Model.SOMEBODY_ELSE else probability,
        candidates=tuple(
            _candidate(verdict, place)
            for place in order[: settings.candidates_kept]
            if verdict.shares[place] >= _LEAST_LISTED or place == best
        ),
        somebody_else=verdict.somebody_else,
        evidence=_evidence(verdict, best, model, probability, threshold),
    )


def _model(verdict: Verdict, probability: float, threshold: float) -> Model:
    if probability >= threshold:
        return Model.KNOWN_CALLER if verdict.by_history > _DECIDED_BY_HISTORY else Model.DYNAMIC
    return Model.SOMEBODY_ELSE if verdict.somebody_else >= threshold else Model.UNKNOWN


def _candidate(verdict: Verdict, place: int) -> Candidate:
    suspect = verdict.view.suspects[place]
    return Candidate(
        visit_id=suspect.holding.visit_id,
        visitor_id=suspect.holding.visitor_id,
        probability=verdict.shares[place],
        delay_seconds=suspect.delay,
        on_page=suspect.on_page,
    )


def _evidence(
    verdict: Verdict, best: int | None, model: Model, probability: float, threshold: float
) -> tuple[str, ...]:
    if best is None:
        return ("no visit held this number in the 30 days before the call",)
    if model is Model.SOMEBODY_ELSE:
        return (f"somebody else with {verdict.somebody_else:.0%}: no visit with this number is near enough in time",)
    words = words_of(verdict, best)
    if model is Model.UNKNOWN:
        return (f"the best candidate has {probability:.0%}, an answer needs {threshold:.0%}", *words)
    return words


def certain(call: CallFact, model: Model, *, evidence: str, source: str | None = None) -> Attribution:
    """An attribution that rests on no guess."""
    candidates: tuple[Candidate, ...] = ()
    if call.known_visit_id is not None:
        candidates = (Candidate(call.known_visit_id, "", 1.0, 0.0, on_page=False),)
    return Attribution(call.id, model, call.known_visit_id, 1.0, candidates, 0.0, source, (evidence,))


def lost(call: CallFact) -> Attribution:
    """A call to the default number: everybody sees it, so nobody can be named. The loss meter counts these."""
    return Attribution(
        call.id, Model.DEFAULT_NUMBER, None, 0.0, evidence=("the default number was called: everybody sees it",)
    )
