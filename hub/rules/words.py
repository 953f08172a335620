"""Dry runs and differences as lines of text, for the command line."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.phone import mask_phone
from hub.rules.tried import DryRun, TriedCall
from mapping.compare import Change
from mapping.forecast import Effect, Forecast


def change_line(change: Change) -> str:
    """ "~ policy «From ads»: stage: NEW → IN_PROCESS"."""
    return f"{change.sign} {change.where}" + (f": {change.words}" if change.words else "")


def run_lines(run: DryRun, *, only_changed: bool) -> Iterator[str]:
    """One line for each call, what changes under it, and the totals."""
    for one in run.every:
        if one.changed or not only_changed:
            yield from _call_lines(one)
    asked_for = f" and {len(run.requests)} requests for a callback" if run.requests else ""
    yield f"{len(run.tried)} calls{asked_for} tried, {run.changed} would come to something else. Nothing was written."
    if run.in_doubt:
        yield f"Of {run.in_doubt} the CRM could not be asked who the client is: those rest on what the hub remembers."
    for name, (draft, published) in run.totals().items():
        yield f"  {name}: {draft} (now {published})"


def _call_lines(one: TriedCall) -> Iterator[str]:
    client = mask_phone(one.client_e164 or one.client_raw or "hidden")
    sign = "~" if one.changed else "="
    when = one.started_at.isoformat(timespec="minutes")
    what = f"call {one.call_id}" if one.request_id is None else f"request {one.request_id}"
    yield f"{sign} {what} {when} {client}: {one.draft.situation}, {one.person}"
    yield f"    rule «{one.draft.rule}»: {_effects(one.draft)}"
    if one.changed:
        yield f"    now  «{one.published.rule}»: {_effects(one.published)}"
    for state, found in one.depends:
        yield f"    depends on the CRM: {state}, rule «{found.rule}»: {_effects(found)}"
    yield from (f"    because {why.rule}: {why.fact}" for why in one.draft.why if why.field == "creates_lead")


def _effects(found: Forecast) -> str:
    return "; ".join(effect_line(effect) for effect in found.effects) or "nothing yet"


def effect_line(effect: Effect) -> str:
    return " ".join(part for part in (effect.act, effect.what, f"({effect.words})" if effect.words else "") if part)
