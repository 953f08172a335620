"""Which rows an intent needs, and in which order."""

from __future__ import annotations

import pytest

from connectors.amocrm.crm import AmocrmCrm
from connectors.amocrm.steps import steps_for
from connectors.contract import StepSpec, Unsupported
from hub.domain.intents import Intent, IntentKind, Lane
from tests.amocrm.story import Hub, call, intent, lead, log, missed, record, source, task


def rows(what: Intent) -> dict[str, StepSpec]:
    steps = steps_for(what)
    assert not isinstance(steps, Unsupported)
    return {spec.key: spec for spec in steps}


def test_a_call_is_found_created_if_need_be_and_logged() -> None:
    steps = rows(log())
    assert list(steps) == ["find", "create", "call"]
    assert [spec.repeatable for spec in steps.values()] == [True, False, False]
    assert set(steps["call"].needs) == {"find", "create"}
    assert steps["call"].settles
    assert steps["create"].settles


def test_two_calls_of_one_number_do_not_create_at_once() -> None:
    assert rows(log())["create"].by_client


def test_nothing_is_created_while_the_phone_still_rings() -> None:
    assert rows(lead(call(ended_at=None))) == {}
    assert list(rows(lead())) == ["find", "create"]


def test_a_card_is_urgent_short_lived_and_holds_nothing_up() -> None:
    (card,) = rows(intent(IntentKind.SHOW_CARD, about="5")).values()
    assert (card.key, card.lane, card.lives_seconds) == ("show:5", Lane.URGENT, 60)
    assert card.rank > max(spec.rank for what in (log(), task(missed())) for spec in rows(what).values())


def test_a_card_closes_by_itself() -> None:
    assert rows(intent(IntentKind.HIDE_CARD, about="5")) == {}


@pytest.mark.parametrize("what", [source(call()), record(call()), task(missed()), intent(IntentKind.ADD_NOTE)])
def test_what_hangs_on_a_card_comes_after_the_client_is_there(what: Intent) -> None:
    (spec,) = rows(what).values()
    assert "create" in spec.needs
    assert spec.rank > 30


def test_no_write_is_sent_again_without_a_look_up() -> None:
    """amoCRM does not know a second try by anything, so nothing may claim that it does (amocrm.md §2.4)."""
    for what in (log(), source(call()), record(call()), task(missed()), intent(IntentKind.ADD_NOTE)):
        assert not any(spec.resend_is_safe for spec in rows(what).values())


@pytest.mark.parametrize(
    "what",
    [
        intent(IntentKind.REPORT_CONVERSION),
        intent(IntentKind.SHOW_CARD),
        log(call(client=None)),
    ],
)
def test_what_amocrm_cannot_show_is_said(what: Intent) -> None:
    steps = steps_for(what)
    assert isinstance(steps, Unsupported)
    assert steps.reason


def test_every_intent_has_an_answer() -> None:
    for kind in IntentKind:
        steps_for(intent(kind, about="5"))


def test_the_budget_is_the_integrations_and_below_seven_a_second() -> None:
    hub = Hub()
    rule = AmocrmCrm().quota(hub.door.connection)
    assert rule.key == "amocrm:abc:acme.amocrm.ru"
    assert rule.per_second < 7
    assert rule.capacity <= 7


def test_all_integrations_of_an_account_share_a_wider_budget_below_fifty_a_second() -> None:
    beside = set()
    for client_id in ("abc", "def"):
        hub = Hub(secrets={"client_id": client_id})
        wide = AmocrmCrm().quota(hub.door.connection).beside
        assert wide is not None
        assert wide.per_second + wide.capacity * 0.8 <= 50
        beside.add(wide.key)
    assert beside == {"amocrm:account:acme.amocrm.ru"}


def test_kommo_counts_by_address_so_its_accounts_share_one_budget() -> None:
    keys = set()
    for name in ("one", "two"):
        hub = Hub(settings={"base_url": f"https://{name}.kommo.com"}, secrets={"client_id": name})
        keys.add(AmocrmCrm().quota(hub.door.connection).key)
    assert keys == {"amocrm:kommo"}
