"""What a dry run foretells is what the CRM then holds, and a dry run itself writes nothing."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connectors.amocrm.crm import AmocrmCrm
from connectors.amocrm.memory import Memory
from connectors.amocrm.rules import RULES
from connectors.amocrm.settings import AmocrmSecrets, AmocrmSettings
from connectors.contract import Connector
from hub.calls.intake import drain_inbox
from hub.calls.record import refold
from hub.db.engine import Database
from hub.db.routing import PhoneOwner
from hub.db.tables import CallRow, Connection, LineSource
from hub.db.work import DeliveryRow
from hub.delivery.outbox import plan_deliveries
from hub.domain.phone import Phone
from hub.domain.treatment import PersonState
from hub.net.bucket import Bucket
from hub.net.http import Http
from hub.rules.dry_run import dry_run
from hub.rules.store import note_preview, publish_draft, save_draft
from hub.rules.tried import DryRun
from mapping.schema import read_rules
from tests.amocrm.account import FakeAccount
from tests.delivery.story import LINE, answers, ends, leaves, rings
from tests.delivery.world import START, World, make_world

DRAFT: dict[str, Any] = {
    "version": 1,
    "policy": [
        {"name": "night", "situation": ["after_hours"], "outcome": "nothing", "person": ["unknown"]},
        {
            "name": "billboard", "situation": ["inbound_answered"], "source": ["billboard"], "person": ["unknown"],
            "outcome": "lead", "pipeline": "3", "responsible": ["fixed"], "users": ["9"],
            "title": "{source.source}: {client.phone}",
        },
        {"name": "missed", "situation": ["inbound_missed"], "person": ["unknown"], "outcome": "unsorted"},
        {"name": "rest", "outcome": "activity_only"},
    ],
    "tasks": {"who": ["fixed"], "users": ["8"], "situation": ["inbound_missed"]},
}  # fmt: skip


class EndlessBucket:
    """The budget is not what these tests are about."""

    def take(self, *_: object) -> None:
        return None


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    file = tmp_path / "test.sqlite3"
    shutil.copyfile(migrated_sqlite, file)
    return f"sqlite:///{file}"


@pytest.fixture
def account() -> FakeAccount:
    return FakeAccount(users={5, 7, 8, 9})


@pytest.fixture
def world(database: Database, tmp_path: Path, account: FakeAccount) -> World:
    world = make_world(database, tmp_path)
    amo = Connector("amocrm", "amoCRM", AmocrmSettings, AmocrmSecrets, crm=AmocrmCrm(Memory()), rules=RULES)
    registry = {"pbx": world.runtime.registry["pbx"], "amocrm": amo}
    world.runtime = replace(
        world.runtime, registry=registry, http=cast("Http", account), bucket=cast("Bucket", EndlessBucket())
    )
    with database.transaction() as session:
        row = session.get_one(Connection, world.crm_id)
        row.vendor = "amocrm"
        row.settings = {"auth": "long_lived", "base_url": "https://acme.amocrm.ru"}
        row.secrets = {"access_token": "for-years"}
        assert LINE.e164
        session.add(LineSource(workspace_id=world.workspace_id, number=LINE.e164, source="billboard", medium="offline"))
    return world


def heard(world: World, *, talked: dict[str, bool]) -> None:
    """Calls that are kept but not planned: call id, which ends the client's number, to whether somebody talked."""
    for call, answered in talked.items():
        client = {"client": Phone(f"7900123456{call}", f"+7900123456{call}")}
        if answered:
            events = (rings("101", 1, call, **client), answers("101", 5, call, **client))
            world.receive((*events, leaves("101", 65, call, **client)))
            world.receive((ends(65, call, answered_at=5, extension="101", **client),))
        else:
            world.receive((rings("101", 1, call, **client), leaves("101", 20, call, **client)))
            world.receive((ends(20, call, answered_at=None, extension=None, **client),))
    drain_inbox(world.runtime, lambda *_: None)


def tried(session: Session, world: World) -> DryRun:
    connection = session.get_one(Connection, world.crm_id)
    return dry_run(session, world.runtime.registry, connection, read_rules(DRAFT))


def deliver_all(world: World) -> None:
    with world.database.transaction() as session:
        for row in session.scalars(select(CallRow).order_by(CallRow.id)).all():
            plan_deliveries(session, world.runtime, refold(session, world.runtime, row))
    for _ in range(12):
        world.make_due()
        world.deliver()


def published(world: World) -> None:
    with world.database.transaction() as session:
        connection = session.get_one(Connection, world.crm_id)
        save_draft(session, connection, DRAFT, by="anna", now=START)
        note_preview(session, world.crm_id, DRAFT)
        publish_draft(session, connection, by="anna", now=START)


def test_what_was_foretold_is_what_the_account_holds(world: World, account: FakeAccount) -> None:
    heard(world, talked={"1": True, "2": False, "3": True})
    with world.database.reading() as session:
        run = tried(session, world)
        assert session.scalar(select(func.count()).select_from(DeliveryRow)) == 0
    assert account.writes() == []
    foretold = {name: numbers[0] for name, numbers in run.totals().items()}
    assert foretold == {"created call": 3, "created lead": 2, "created unsorted": 1, "created task": 1}
    published(world)
    deliver_all(world)
    made = [lead for lead in account.leads.values() if lead.get("name", "").startswith("billboard")]
    assert len(made) == foretold["created lead"]
    assert {lead["responsible_user_id"] for lead in made} == {9}
    assert {lead["pipeline_id"] for lead in made} == {3}
    assert len(account.leads) == foretold["created lead"] + foretold["created unsorted"]
    assert len(account.call_notes()) == foretold["created call"]
    assert [task["responsible_user_id"] for task in account.tasks.values()] == [8] * foretold["created task"]
    with world.database.reading() as session:
        again = tried(session, world)
    assert [one.draft.effects for one in again.tried] == [one.draft.effects for one in run.tried]
    assert {one.person for one in again.tried} == {PersonState.UNKNOWN}
    assert again.changed == 0
    assert again.version == 1


def test_each_call_of_the_run_says_why(world: World) -> None:
    heard(world, talked={"1": True, "2": False})
    with world.database.reading() as session:
        by_id = {one.client_e164: one for one in tried(session, world).tried}
    reasons = {why.field: (why.rule, why.fact) for why in by_id["+79001234561"].draft.why}
    assert reasons["creates_lead"] == ("billboard", "inbound, answered; client: unknown")
    assert by_id["+79001234562"].draft.rule == "missed"
    assert by_id["+79001234561"].published.rule == "an unknown caller becomes one lead"
    assert by_id["+79001234561"].changed


def test_whom_the_index_knows_is_left_alone(world: World, account: FakeAccount) -> None:
    heard(world, talked={"1": True})
    with world.database.transaction() as session:
        session.add(
            PhoneOwner(
                workspace_id=world.workspace_id, connection_id=world.crm_id, e164="+79001234561", kind="contact",
                party_id="5", place=150_000_000, name="Olga", owner_user_id="7", seen_at=START,
            )
        )  # fmt: skip
    with world.database.reading() as session:
        (one,) = tried(session, world).tried
    assert (one.person, one.draft.rule) == (PersonState.CONTACT, "rest")
    assert {(effect.act, effect.what) for effect in one.draft.effects} == {("left", "card"), ("created", "call")}
    assert account.leads == {}


def test_a_second_call_of_whom_the_rules_have_made_is_no_second_lead(world: World) -> None:
    heard(world, talked={"1": True})
    with world.database.transaction() as session:
        first = session.scalars(select(CallRow)).one()
        names = {column.key for column in CallRow.__table__.columns} - {"id", "uid"}
        copied = {name: getattr(first, name) for name in names}
        session.add(CallRow(**{**copied, "uid": "second", "call_key": "later"}))
    with world.database.reading() as session:
        later, earlier = tried(session, world).tried
    assert ("created", "lead") in {(effect.act, effect.what) for effect in earlier.draft.effects}
    assert later.person is PersonState.CONTACT_WITH_DEAL
    assert later.draft.rule == "rest"
