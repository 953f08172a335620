"""Keeping the account in step with us, and reading what it shows (amocrm.md §3.6, §5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.amocrm import CONNECTOR
from connectors.amocrm.calls import log as log_call
from connectors.amocrm.client import Account
from connectors.amocrm.create import make
from connectors.amocrm.events import WATCHED
from connectors.amocrm.logged import AmocrmLog
from connectors.amocrm.upkeep import keep_up
from connectors.contract import LoggedCall, Step, Surroundings
from hub.domain.intents import CallFacts
from simulators.amocrm import AmoCrmSimulator
from tests.amocrm.live import Live, live
from tests.amocrm.story import CLIENT, LINK, call, log

ADDRESS = "https://hub.acme.example/hooks/AAAAAAAAAAAAAAAAAAAAAAAA"
OURS = Surroundings("https://hub.acme.example", (), ADDRESS)
ANNA = 504


@pytest.fixture
def amo() -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator() as running:
        yield running


@pytest.fixture
def hub(amo: AmoCrmSimulator) -> Live:
    return live(amo)


def registered(amo: AmoCrmSimulator) -> list[tuple[str, bool]]:
    return [(row["destination"], row["disabled"]) for row in amo.webhooks()]


def test_our_address_is_registered_once_for_what_says_who_owns_a_client(amo: AmoCrmSimulator, hub: Live) -> None:
    keep_up(hub.door, OURS)
    keep_up(hub.door, OURS)
    assert registered(amo) == [(ADDRESS, False)]
    assert amo.webhooks()[0]["settings"] == list(WATCHED)
    assert len(amo.requests("POST", "webhooks")) == 1
    assert hub.settings["account_id"] == str(amo.account.id)


@pytest.mark.parametrize("repost", ["replace", "merge"])
def test_webhook_switched_off_silently_is_switched_on_again(amo: AmoCrmSimulator, hub: Live, repost: str) -> None:
    """amocrm.md §8: more than a hundred bad answers in two hours, and amoCRM says nothing of it."""
    amo.settings.webhook_repost = repost  # type: ignore[assignment]
    keep_up(hub.door, OURS)
    (row,) = amo.account.webhooks.values()
    row["disabled"] = True
    assert "on again" in keep_up(hub.door, OURS)
    assert registered(amo) == [(ADDRESS, False)]


def test_other_programs_addresses_and_living_ones_of_ours_stay(amo: AmoCrmSimulator, hub: Live) -> None:
    hub_address = OURS.public_url + "/hooks/"
    for number, (address, disabled) in enumerate(
        [("https://other.example/in", True), (hub_address + "B" * 24, False), (hub_address + "C" * 24, True)], 10
    ):
        amo.account.webhooks[number] = {"id": number, "destination": address, "settings": ["add_lead"], "disabled": disabled, "sort": 1}  # noqa: E501  # fmt: skip
    keep_up(hub.door, OURS)
    assert [one for one, _ in registered(amo)] == ["https://other.example/in", hub_address + "B" * 24, ADDRESS]


def test_a_user_who_may_not_manage_webhooks_costs_no_new_token(amo: AmoCrmSimulator, hub: Live) -> None:
    hub.tokens.chosen = amo.token_of(ANNA)
    said = keep_up(hub.door, OURS)
    assert "once a day" in said
    assert hub.tokens.renewals == 0
    assert registered(amo) == []


def test_a_plan_without_webhooks_stops_nothing(amo: AmoCrmSimulator, hub: Live) -> None:
    amo.settings.webhook_plan = False
    assert "once a day" in keep_up(hub.door, OURS)


def test_a_hub_without_an_address_registers_nothing(amo: AmoCrmSimulator, hub: Live) -> None:
    keep_up(hub.door, Surroundings(""))
    assert registered(amo) == []


# --- What the account shows ----------------------------------------------------------------------------


def now_call(**changes: object) -> CallFacts:
    started_at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    times = {"started_at": started_at, "ended_at": started_at + timedelta(minutes=4), "user_id": str(ANNA)}
    return call(**{**times, **changes})


def write(hub: Live, facts: CallFacts, contact: int) -> None:
    card = {"entity": "contacts", "id": str(contact)}
    log_call(Step("call", log(facts), {"find": card}), Account(hub.door))


def test_calls_are_found_by_our_id_with_link_and_copies(amo: AmoCrmSimulator, hub: Live) -> None:
    contact = amo.add_contact(CLIENT.display)
    write(hub, now_call(call_id="one", recording_links=(LINK,)), contact)
    write(hub, now_call(call_id="two"), contact)
    write(hub, now_call(call_id="two"), contact)
    amo.add_contact("+79990000000")
    since = datetime.now(UTC) - timedelta(hours=1)
    found = AmocrmLog().logged(hub.door, since, datetime.now(UTC))
    assert {key: (one.recorded, one.copies) for key, one in found.items()} == {"one": (True, 1), "two": (False, 2)}


def test_an_incoming_leads_own_call_counts_once(amo: AmoCrmSimulator, hub: Live) -> None:
    make(now_call(call_id="waiting", recording_links=(LINK,)), Account(hub.door))
    found = AmocrmLog().logged(hub.door, datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
    assert [(key, one.recorded, one.copies) for key, one in found.items()] == [("waiting", True, 1)]


def test_calls_of_another_time_are_not_listed(amo: AmoCrmSimulator, hub: Live) -> None:
    write(hub, now_call(call_id="today"), amo.add_contact(CLIENT.display))
    yesterday = datetime.now(UTC) - timedelta(days=1)
    assert AmocrmLog().logged(hub.door, yesterday - timedelta(hours=3), yesterday) == {}


def test_more_calls_than_a_page_are_all_listed(amo: AmoCrmSimulator, hub: Live) -> None:
    contact = amo.add_contact(CLIENT.display)
    for number in range(251):
        write(hub, now_call(call_id=f"c{number}"), contact)
    found = AmocrmLog().logged(hub.door, datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))
    assert len(found) == 251
    assert isinstance(found["c250"], LoggedCall)


def test_the_dictionaries_are_read_with_what_belongs_where(amo: AmoCrmSimulator, hub: Live) -> None:
    assert CONNECTOR.reference is not None
    found = CONNECTOR.reference(hub.door)
    kinds = {item.kind for item in found}
    assert kinds >= {"pipeline", "stage", "field", "task_type"}
    pipelines = {item.id for item in found if item.kind == "pipeline"}
    stages = [item for item in found if item.kind == "stage"]
    assert {stage.parent for stage in stages} <= pipelines
    assert {"142", "143"} <= {stage.id for stage in stages}
    assert {item.parent for item in found if item.kind == "field"} >= {"lead", "contact"}
