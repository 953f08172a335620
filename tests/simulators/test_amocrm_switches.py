"""Switches for what the documents leave open (amocrm.md §9, §10)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulators.amocrm import AmoCrmSimulator, ManualClock
from tests.simulators.amocrm_talk import PHONE, Talk, call, refresh


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def amo(clock: ManualClock) -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator(clock=clock) as simulator:
        simulator.settings.limited = False
        yield simulator


@pytest.fixture
def talk(amo: AmoCrmSimulator) -> Talk:
    return Talk(amo)


@pytest.mark.parametrize(("lives", "status"), [(True, 200), (False, 401)])
def test_replaced_access_token_lives_on_or_dies_when_the_new_one_is_used(
    amo: AmoCrmSimulator, lives: bool, status: int
) -> None:
    amo.settings.rotated_access_lives = lives
    old = Talk(amo, amo.access_token)
    refresh(amo, amo.refresh_token)
    assert old.ask("GET", "account")[0] == 200
    assert Talk(amo).ask("GET", "account")[0] == 200
    assert old.ask("GET", "account")[0] == status


def test_missing_entity_may_be_404(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.settings.missing_status = 404
    assert [talk.ask("GET", path)[0] for path in ("contacts/77", "tasks/77", "leads/unsorted/x")] == [404] * 3
    assert talk.ask("PATCH", "contacts/77", {"name": "x"})[0] == 404
    assert talk.ask("GET", "contacts")[0] == 204


def test_last_changed_contact_may_get_the_call(amo: AmoCrmSimulator, talk: Talk, clock: ManualClock) -> None:
    first, second = amo.add_contact(PHONE), amo.add_contact(PHONE)
    clock.advance(5)
    amo.change_entity("contacts", first, {"name": "changed"})
    amo.change_entity("contacts", second, {"name": "changed", "updated_at": 1_788_000_100})
    assert talk.ok("POST", "calls", [call()])["_embedded"]["calls"][0]["entity_id"] == first
    amo.settings.which_contact = "last"
    assert talk.ok("POST", "calls", [call(uniq="2")])["_embedded"]["calls"][0]["entity_id"] == second


def test_deleted_entities_may_be_listed(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.delete_entity("contacts", amo.add_contact(PHONE))
    assert talk.ask("GET", "contacts")[0] == 204
    amo.settings.list_deleted = True
    assert talk.ok("GET", "contacts")["_embedded"]["contacts"][0]["is_deleted"] is True


def test_filter_by_a_field_works_only_where_it_is_enabled(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.add_contact(PHONE)
    second = amo.add_contact("+79007654321")
    field = amo.contacts()[0]["custom_fields_values"][0]["field_id"]
    path = f"contacts?filter[custom_fields_values][{field}][]=%2B79007654321"
    assert len(talk.ok("GET", path)["_embedded"]["contacts"]) == 2
    assert amo.offences("filter_not_enabled")
    amo.settings.api_filter_enabled = True
    assert [one["id"] for one in talk.ok("GET", path)["_embedded"]["contacts"]] == [second]
    assert talk.ok("GET", "account?with=is_api_filter_enabled")["is_api_filter_enabled"] is True


def test_complex_may_answer_in_an_envelope(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.settings.complex_envelope = True
    body = talk.ok("POST", "leads/complex", [{"name": "L"}])
    assert body["_embedded"]["leads"][0]["id"] == amo.leads()[0]["id"]


def test_webhook_posted_again_may_be_merged(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.settings.webhook_repost = "merge"
    for code in ("add_contact", "add_lead"):
        talk.ok("POST", "webhooks", {"destination": "https://hub.example/h", "settings": [code]})
    assert amo.webhooks()[0]["settings"] == ["add_contact", "add_lead"]


def test_webhooks_may_be_out_of_the_plan(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.settings.webhook_plan = False
    assert talk.ask("POST", "webhooks", {"destination": "https://hub.example/h", "settings": ["add_lead"]})[0] == 402
