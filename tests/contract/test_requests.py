"""Every CRM is asked the same of a callback request: one card, found again, joined by a second; a task at the end."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.contract import Found, StepSpec, Unsupported
from hub.domain.intents import FormFacts, Intent
from hub.domain.party import Source
from hub.domain.phone import Phone
from mapping.facts import PlanFacts
from mapping.request import Request, call_to_come, plan_request
from tests.contract.crms import Tried
from tests.contract.test_crms import recording, tried

assert recording
assert tried
AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FORM = FormFacts(
    AT, name="Ольга", comment="про двери", site="shop.example", page="https://shop.example/p", ip="203.0.113.9"
)
_numbers = itertools.count()


def story(one: Tried, phone: str, key: str) -> list[tuple[StepSpec, Intent]]:
    request = Request(Phone(phone, phone), FORM, failed="nobody picked up", failed_at=AT)
    facts = PlanFacts(
        call=call_to_come(request), call_id=key, default_user_id=one.stand.user_id, source=Source("yandex", "cpc")
    )
    found: dict[str, tuple[StepSpec, Intent]] = {}
    for intent in plan_request(request, facts).intents:
        steps = one.crm.steps(intent)
        assert not isinstance(steps, Unsupported), intent.kind
        for spec in steps:
            found.setdefault(spec.key, (spec, intent))
    return sorted(found.values(), key=lambda pair: pair[0].rank)


@pytest.fixture
def asked(tried: Tried) -> tuple[Tried, str, str]:
    number = next(_numbers)
    return replace(tried, done={}, number=5000 + number), f"+7900777{number:04d}", f"request-{number:032d}"


def carry_out(one: Tried, steps: list[tuple[StepSpec, Intent]]) -> None:
    for spec, intent in steps:
        one.done[spec.key] = one.perform(spec.key, intent)


def card_of(one: Tried) -> object:
    """The card that the request is on, in the vendor's own words."""
    for key in ("create", "find", "request"):
        result = one.done.get(key, {})
        card = result.get("lead_id") or result.get("entity_id")
        if card:
            return card
    return None


def test_each_write_of_a_request_is_found_again(asked: tuple[Tried, str, str]) -> None:
    one, phone, key = asked
    for spec, intent in story(one, phone, key):
        one.done[spec.key] = sent = one.perform(spec.key, intent)
        assert "skipped" not in sent or spec.key in ("source", "trace"), (spec.key, sent)
        only_asked = sent.get("created") == []
        if not spec.repeatable and spec.key != "trace" and not only_asked:
            found = one.crm.look_up(one.step(spec.key, intent), one.door(one.http()))
            assert isinstance(found, Found), spec.key
            one.done[spec.key] = found.result
    assert one.done["task"].get("task_id")
    assert card_of(one)


def test_who_looked_before_another_made_the_card_joins_it_all_the_same(asked: tuple[Tried, str, str]) -> None:
    """Between looking and making there may lie a dead process, and in that time a call that makes the card."""
    late, phone, key = asked
    quick = replace(late, done={})
    steps, others = story(late, phone, key), story(quick, phone, f"request-{next(_numbers):032d}")
    carry_out(late, steps[:1])
    carry_out(quick, others)
    carry_out(late, steps[1:])
    assert card_of(late) == card_of(quick) is not None


def test_a_second_request_of_the_same_client_is_a_note_on_the_same_card(asked: tuple[Tried, str, str]) -> None:
    one, phone, key = asked
    carry_out(one, story(one, phone, key))
    again = replace(one, done={})
    carry_out(again, story(again, phone, key[:-1] + "x"))
    assert card_of(again) == card_of(one)
    assert not again.done.get("create", {}).get("created")
    assert not again.done.get("request", {}).get("created")
