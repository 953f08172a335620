"""Every CRM is asked the same: which steps, were they done, and what does a rude answer do?"""

from __future__ import annotations

import itertools
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.contract import Absent, Found, StepResult, StepSpec, Unclear, Unsupported
from connectors.registry import REGISTRY
from hub.domain.errors import DeliveryError
from hub.domain.intents import Intent, IntentKind, Lane
from hub.domain.phone import Phone
from tests.contract.crms import STANDS, Tried, call_facts, every_intent
from tests.contract.rude import RUDENESS, RudeHttp, error_of

VENDORS = sorted(vendor for vendor, connector in REGISTRY.items() if connector.crm is not None)
CLIENT = Phone("89001234567", "+79001234567")
_numbers = itertools.count()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "talk.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(8000)
        out.writeframes(bytes(800))
    return path


@pytest.fixture(scope="module", params=VENDORS)
def tried(request: pytest.FixtureRequest, recording: Path) -> Iterator[Tried]:
    vendor: str = request.param
    crm = REGISTRY[vendor].crm
    assert crm is not None
    if vendor not in STANDS:
        pytest.fail(f"{vendor} has a crm and no stand-in: add it to tests/contract/crms.py")
    with STANDS[vendor]() as stand:
        yield Tried(vendor, crm, stand, recording)


def fresh(tried: Tried) -> tuple[Tried, list[tuple[StepSpec, Intent]]]:
    """The CRM before a new call of a new client."""
    number = next(_numbers)
    phone = f"+7900123{number:04d}"
    one = replace(tried, done={}, number=number)
    return one, one.story(f"call-{number}", Phone(phone, phone))


def test_every_crm_has_a_stand_in() -> None:
    assert sorted(STANDS) == VENDORS


# --- Steps -----------------------------------------------------------------------------------------


def test_steps_are_pure_and_fit_their_columns(tried: Tried) -> None:
    for client in (CLIENT, None, Phone("sip:anna@acme.example"), Phone("0" * 200)):
        for user_id in ("7", None):
            for intent in every_intent(call_facts("c" * 36, client, user_id)):
                steps = tried.crm.steps(intent)
                assert steps == tried.crm.steps(intent)
                if isinstance(steps, Unsupported):
                    assert steps.reason
                    continue
                for spec in steps:
                    assert 0 < len(spec.key) <= 300
                    assert isinstance(spec.lane, Lane)
                    assert spec.lives_seconds > 0


def test_long_names_still_make_keys_that_fit(tried: Tried) -> None:
    call = call_facts("c" * 36, CLIENT, "7")
    for intent in every_intent(call):
        if intent.kind is IntentKind.ATTACH_RECORDING:
            steps = tried.crm.steps(replace(intent, about="https://records.acme.example/" + "r" * 260))
            assert not isinstance(steps, Unsupported)
            assert all(len(spec.key) <= 300 for spec in steps)


def test_what_a_step_needs_comes_before_it_and_exists(tried: Tried) -> None:
    ranks = {spec.key: spec.rank for spec, _ in fresh(tried)[1]}
    for spec, _ in fresh(tried)[1]:
        for need in spec.needs:
            assert ranks[need] < spec.rank, f"{spec.key} needs {need}"


def test_every_kind_is_either_stepped_or_said_to_be_unsupported(tried: Tried) -> None:
    for intent in every_intent(call_facts("c1", CLIENT, "7")):
        steps = tried.crm.steps(intent)
        if isinstance(steps, Unsupported):
            assert steps.reason.endswith(".")


# --- Did it happen? ---------------------------------------------------------------------------------


def looked_up(one: Tried, spec: StepSpec, intent: Intent) -> Found | Absent | Unclear:
    return one.crm.look_up(one.step(spec.key, intent), one.door(one.http()))


def test_nothing_is_found_before_anything_was_sent(tried: Tried) -> None:
    one, story = fresh(tried)
    for spec, intent in story:
        if not spec.repeatable and not spec.needs:
            assert isinstance(looked_up(one, spec, intent), Absent | Unclear), spec.key


def test_whole_story_is_carried_out_and_each_write_is_found_again(tried: Tried) -> None:
    """Later steps get what the look-ups found: a worker that died after each write leaves them nothing else.

    A step whose `resend_is_safe` may be absent while it is there, if only a second try makes nothing new.
    """
    one, story = fresh(tried)
    for spec, intent in story:
        one.done[spec.key] = sent = one.perform(spec.key, one.settled(intent))
        if spec.repeatable:
            continue
        found = looked_up(one, spec, intent)
        if isinstance(found, Found):
            one.done[spec.key] = found.result
        else:
            assert spec.resend_is_safe, f"{spec.key} was sent, and is {found}"
            assert one.perform(spec.key, one.settled(intent)).items() >= identity(sent).items()


def identity(result: StepResult) -> dict[str, object]:
    """The ids among what a step returned; what was made by the first try is not made by the second."""
    return {name: value for name, value in result.items() if name.endswith("_id") and value is not None}


# --- Rude answers -----------------------------------------------------------------------------------


def assert_no_secret(tried: Tried, error: DeliveryError | None) -> None:
    if error is None:
        return
    said = " ".join(map(str, (error, error.message, error.hint, repr(error), error.args)))
    for name, secret in tried.stand.secrets.items():
        assert secret not in said, f"{name} is in the error"


def requests_of(one: Tried, spec: StepSpec, intent: Intent) -> int:
    """How many requests the step makes when all goes well; its result counts as done."""
    http = one.http()
    one.done[spec.key] = one.perform(spec.key, one.settled(intent), http)
    return http.requests


@pytest.mark.parametrize("name", RUDENESS)
def test_rude_answer_to_any_request_raises_nothing_but_delivery_errors(tried: Tried, name: str) -> None:
    one, story = fresh(tried)
    for spec, intent in story:
        for place in range(requests_of(one, spec, intent)):
            another, _ = fresh(tried)
            another.done = {key: result for key, result in one.done.items() if key != spec.key}
            http = replace(another.http(), rudeness=RUDENESS[name], befalls=frozenset({place}))
            settled = one.settled(intent)
            assert_no_secret(one, error_of(lambda: another.perform(spec.key, settled, http)))  # noqa: B023 - called at once
            assert not http.strangers or name == "302 to a stranger"


@pytest.mark.parametrize("name", RUDENESS)
def test_crm_that_is_rude_all_the_time_never_looks_like_a_success(tried: Tried, name: str) -> None:
    one, story = fresh(tried)
    for spec, intent in story:
        requests_of(one, spec, intent)
        settled = one.settled(intent)
        if spec.repeatable:
            continue
        http = replace(one.http(), rudeness=RUDENESS[name])
        done = {key: result for key, result in one.done.items() if key != spec.key}
        another = replace(fresh(one)[0], done=done)
        error = error_of(lambda: another.perform(spec.key, settled, http))  # noqa: B023 - called at once
        assert_no_secret(one, error)
        if http.requests and not name.startswith(("404", "truncated")):
            assert error is not None, f"{spec.key} was taken for done"


@pytest.mark.parametrize("name", RUDENESS)
def test_look_up_at_a_rude_crm_never_says_that_nothing_is_there(tried: Tried, name: str) -> None:
    one, story = fresh(tried)
    for spec, intent in story:
        requests_of(one, spec, intent)
    for spec, intent in story:
        if spec.repeatable:
            continue
        http = replace(one.http(), rudeness=RUDENESS[name])
        step = one.step(spec.key, intent)
        step = replace(step, done={key: value for key, value in step.done.items() if key != spec.key})
        try:
            answer = one.crm.look_up(step, one.door(http))
        except DeliveryError as error:
            assert_no_secret(one, error)
            continue
        assert isinstance(answer, Absent | Found | Unclear)
        if name.startswith(("5", "429", "reset", "slow", "connection", "200 in HTML", "200 not", "403", "401", "402")):
            assert not isinstance(answer, Absent), f"{spec.key}: {name} was taken for an absence"


def test_broken_result_of_an_earlier_step_is_a_delivery_error(tried: Tried) -> None:
    """Rows of an older version may have results with other names."""
    one, story = fresh(tried)
    for spec, intent in story:
        another = replace(one, done={key: {} for key in spec.needs})
        error_of(lambda: another.perform(spec.key, intent))  # noqa: B023 - called at once


def test_quota_is_pure_and_users_are_complete_or_an_error(tried: Tried) -> None:
    assert tried.crm.quota(tried.facts) == tried.crm.quota(tried.facts)
    assert tried.crm.users(tried.door(tried.http()))
    for rudeness in RUDENESS.values():
        http = RudeHttp(tried.stand.hosts, rudeness)
        assert_no_secret(tried, error_of(lambda: tried.crm.users(tried.door(http))))  # noqa: B023 - called at once
