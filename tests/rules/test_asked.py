"""The dry run asks the CRM whom its index cannot know, and tries requests for a callback, too: foretold is written."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.db.engine import Database
from hub.db.tables import Connection
from hub.domain.errors import Throttled
from hub.domain.treatment import PersonState
from hub.rules.asking import ask_crm
from hub.rules.words import run_lines
from simulators.amocrm.simulator import AmoCrmSimulator
from simulators.bitrix24.simulator import Bitrix24Simulator
from tests.rules.stands import AmocrmStand, Bitrix24Stand, CrmStand
from tests.rules.written import Written, holds, written_world

STATES = ("unknown", "contact", "contact_with_deal", "lead")
CALLS = {state: f"+7900500100{number}" for number, state in enumerate(STATES)}
REQUESTS = {state: f"+7900500200{number}" for number, state in enumerate(STATES)}

RULES: dict[str, Any] = {
    "version": 1,
    "policy": [
        {"name": "forms", "situation": ["form"], "person": ["unknown"], "outcome": "contact_deal", "title": "asked"},
        {"name": "old", "situation": ["form"], "person": ["contact"], "outcome": "contact_deal", "title": "old asked"},
        {"name": "new ones", "person": ["unknown"], "outcome": "lead", "title": "new"},
        {"name": "again", "person": ["contact"], "outcome": "contact_deal", "title": "again", "responsible": ["owner"]},
        {"name": "rest", "outcome": "activity_only"},
    ],
    "tasks": {"make": False},
}


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    file = tmp_path / "test.sqlite3"
    shutil.copyfile(migrated_sqlite, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=["bitrix24", "amocrm"])
def stand(request: pytest.FixtureRequest) -> Iterator[CrmStand]:
    simulator: Any = Bitrix24Simulator() if request.param == "bitrix24" else AmoCrmSimulator()
    with simulator:
        simulator.settings.limited = False
        yield Bitrix24Stand(simulator) if request.param == "bitrix24" else AmocrmStand(simulator)


@pytest.fixture
def written(database: Database, tmp_path: Path, stand: CrmStand) -> Written:
    return written_world(database, tmp_path, stand)


@pytest.fixture
def portal(database: Database, tmp_path: Path) -> Iterator[Written]:
    with Bitrix24Simulator() as simulator:
        simulator.settings.limited = False
        yield written_world(database, tmp_path, Bitrix24Stand(simulator))


def test_a_client_with_a_deal_that_the_index_does_not_know_is_foretold_as_it_is_written(portal: Written) -> None:
    for state, phone in CALLS.items():
        portal.stand.put(state, phone)
    portal.hear(dict.fromkeys(CALLS.values(), True))
    run = portal.tried(RULES)
    assert {one.client_e164: one.person for one in run.tried} == {
        phone: PersonState(state) for state, phone in CALLS.items()
    }
    assert run.in_doubt == 0
    portal.write(RULES)
    assert portal.booked() == portal.foretold(run) == {"call": 4, "LEAD": 1, "DEAL": 1}
    (deal,) = portal.new("DEAL")
    (told,) = [effect for one in run.tried for effect in one.draft.effects if effect.what == "deal"]
    assert (deal["TITLE"], str(deal["ASSIGNED_BY_ID"])) == (told.parts["title"], told.parts["responsible"])
    assert portal.stand.offences() == []


def test_many_clients_are_asked_about_in_few_requests(portal: Written) -> None:
    """Thirty clients, and two requests for each twenty-five of them: not one for each."""
    phones = [f"+79005003{number:03}" for number in range(30)]
    for phone in phones:
        portal.stand.put("contact_with_deal", phone)
    portal.hear(dict.fromkeys(phones, True))
    ledger = portal.stand.portal.ledger  # type: ignore[attr-defined]
    run = portal.tried(RULES)
    assert {one.person for one in run.tried} == {PersonState.CONTACT_WITH_DEAL}
    assert ledger.count("batch") == 4
    assert len(ledger.requests()) == 4 + 30 + 30, "all others are commands inside of the batches"


def test_where_the_crm_cannot_be_asked_each_row_says_on_what_it_depends(portal: Written) -> None:
    portal.stand.put("contact_with_deal", CALLS["contact_with_deal"])
    portal.hear({CALLS["contact_with_deal"]: True})
    run = portal.tried(RULES, ask=False)
    (one,) = run.tried
    assert (one.person, run.in_doubt) == (PersonState.UNKNOWN, 1)
    others = {state: [(effect.act, effect.what) for effect in found.effects] for state, found in one.depends}
    assert set(others) == {PersonState.CONTACT, PersonState.CONTACT_WITH_DEAL, PersonState.LEAD}
    assert ("created", "deal") in others[PersonState.CONTACT]
    assert ("left", "card") in others[PersonState.CONTACT_WITH_DEAL]
    lines = "\n".join(run_lines(run, only_changed=False))
    assert "depends on the CRM: contact, rule «again»" in lines
    assert "Of 1 the CRM could not be asked" in lines


def test_a_crm_that_asks_for_a_pause_is_left_alone_and_the_run_goes_on(
    portal: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.hear(dict.fromkeys(CALLS.values(), True))

    def pause(*_: object) -> None:
        raise Throttled("too fast", until=None)

    clients = type(portal.world.runtime.registry["bitrix24"].clients)
    monkeypatch.setattr(clients, "clients", pause)
    assert portal.tried(RULES).in_doubt == 4


def test_nobody_is_asked_once_the_time_is_over_or_while_the_connection_rests(portal: Written) -> None:
    world, phones = portal.world, list(CALLS.values())
    assert ask_crm(world.runtime, world.crm_id, phones, wait_seconds=0) == {}
    assert len(ask_crm(world.runtime, world.crm_id, phones)) == 4
    with world.database.transaction() as session:
        session.get_one(Connection, world.crm_id).state = "paused"
    assert ask_crm(world.runtime, world.crm_id, phones) == {}
    assert ask_crm(None, world.crm_id, phones) == {}


def test_what_was_said_when_a_call_was_written_stands_though_the_client_has_changed_since(portal: Written) -> None:
    phone = CALLS["contact"]
    portal.stand.put("contact", phone)
    portal.hear({phone: True})
    portal.write(RULES)
    run = portal.tried(RULES)
    assert [one.person for one in run.tried] == [PersonState.CONTACT]  # they have a deal by now, by this very call
    assert run.changed == 0


# --- Requests for a callback -----------------------------------------------------------------------------


def test_requests_are_rows_of_the_run_and_come_to_what_was_foretold(written: Written) -> None:
    states = [state for state in STATES if state != "lead" or written.stand.vendor == "bitrix24"]
    for state in states:
        written.stand.put(state, REQUESTS[state])
        written.ask_for_call(REQUESTS[state])
    run = written.tried(RULES)
    assert run.tried == ()
    if written.stand.vendor == "bitrix24":  # amoCRM's index is kept by its own events
        assert {one.client_e164: str(one.person) for one in run.requests} == {
            REQUESTS[state]: state for state in states
        }
        foretold = written.foretold(run)
    assert {one.draft.situation for one in run.requests} == {"form"}
    assert all(one.draft.why for one in run.requests)
    written.write(RULES)
    if written.stand.vendor == "bitrix24":
        assert written.booked() == foretold == {"CONTACT": 1, "DEAL": 2}
    again = written.tried(RULES)  # now amoCRM has said who they are as well
    assert {one.client_e164: str(one.person) for one in again.requests} == {REQUESTS[state]: state for state in states}
    assert written.booked() == written.foretold(again)
    assert again.changed == 0


def test_a_request_makes_somebody_of_a_stranger_and_the_call_that_follows_knows_them(written: Written) -> None:
    phone = REQUESTS["unknown"]
    written.ask_for_call(phone)
    written.hear({phone: True})
    run = written.tried(RULES)
    (asked,), (called,) = run.requests, run.tried
    assert (asked.person, called.person) == (PersonState.UNKNOWN, PersonState.CONTACT_WITH_DEAL)
    written.write(RULES)
    assert written.booked() == written.foretold(run)
    again = written.tried(RULES)
    assert [one.person for one in again.every] == [PersonState.CONTACT_WITH_DEAL, PersonState.UNKNOWN]
    assert (again.changed, written.foretold(again)) == (0, written.booked())
    assert sum(holds(card, phone) for card in written.new(written.stand.kinds[1])) == 1


def test_a_request_that_has_failed_foretells_its_task_with_its_person_and_why(written: Written) -> None:
    user = "9" if written.stand.vendor == "bitrix24" else "506"
    rules = {**RULES, "tasks": {"who": ["fixed"], "users": [user]}}
    written.ask_for_call(REQUESTS["unknown"], failed=True)
    run = written.tried(rules)
    (task,) = [effect for effect in run.requests[0].draft.effects if effect.what == "task"]
    assert (task.act, task.parts["responsible"]) == ("created", user)
    assert "the callback failed" in {why.rule for why in run.requests[0].draft.why}
    written.write(rules)
    made = _tasks(written)
    assert [str(one.get("RESPONSIBLE_ID") or one.get("responsible_user_id")) for one in made] == [user]


def _tasks(written: Written) -> list[dict[str, Any]]:
    if isinstance(written.stand, Bitrix24Stand):
        return list(written.stand.portal.tasks())
    assert isinstance(written.stand, AmocrmStand)
    return list(written.stand.account.tasks())


def test_no_task_is_foretold_for_whom_no_card_is_made(portal: Written) -> None:
    """Bitrix24 keeps a stranger's call without a card, and a task hangs on a card."""
    rules = {"version": 1, "policy": [{"name": "log", "outcome": "activity_only"}]}
    portal.hear({CALLS["unknown"]: False})
    (one,) = portal.tried(rules).tried
    assert ("left", "task") in {(effect.act, effect.what) for effect in one.draft.effects}
    portal.write(rules)
    assert _tasks(portal) == []


def test_a_number_that_is_to_be_hidden_stands_in_no_title_no_task_and_no_note(written: Written) -> None:
    """Only the phone field keeps it: Bitrix24 itself calls a new lead by the whole number."""
    rules = {
        "version": 1,
        "policy": [{"name": "all", "person": ["unknown"], "outcome": "lead"}],
        "privacy": {"mask_phones": True},
    }
    phone, asked = CALLS["unknown"], REQUESTS["unknown"]
    written.hear({phone: False})
    written.ask_for_call(asked, failed=True)
    written.write(rules)
    hidden = [number[5:8] + "-" + number[8:10] + "-" + number[10:] for number in (phone, asked)]
    texts: list[str] = []
    for kind in written.stand.kinds:
        names = ("TITLE", "NAME", "COMMENTS", "name")
        texts += [str(card[name]) for card in written.new(kind) for name in names if name in card]
    texts += [str(one.get("text") or (one.get("SUBJECT"), one.get("DESCRIPTION"))) for one in _tasks(written)]
    assert len(_tasks(written)) == 2
    assert len(texts) >= 5
    for text in texts:
        assert not any(number in text for number in (phone, asked, *hidden)), text
