"""Versions, drafts, publishing, going back; alarms when the CRM changes under its rules."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.contract import CrmRules
from hub.db.dials import ReferenceRow
from hub.db.directory import DirectoryUser
from hub.db.rules import RulesVersion
from hub.db.statements import NoticeRow
from hub.db.tables import AuditRow, Connection
from hub.domain.treatment import LeadOutcome
from hub.rules.store import (
    ChangedMeanwhile,
    NotPublished,
    digest,
    discard_draft,
    draft_of,
    in_force,
    note_preview,
    publish,
    publish_draft,
    roll_back,
    save_draft,
    standing,
    versions,
)  # fmt: skip
from hub.rules.watch import NOTICE, watch_all, watch_rules
from mapping.catalogue import CATALOGUE
from mapping.files import read_text
from mapping.schema import RulesError, read_rules
from tests.delivery.world import START, World, make_world


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    file = tmp_path / "test.sqlite3"
    shutil.copyfile(migrated_sqlite, file)
    return f"sqlite:///{file}"


@pytest.fixture
def world(database: Any, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def document(name: str, **more: Any) -> dict[str, Any]:
    return {"version": 1, "policy": [{"name": name, "outcome": "lead", "person": ["unknown"], **more}]}


def test_the_built_in_rules_hold_until_somebody_publishes(world: World) -> None:
    with world.database.reading() as session:
        held = in_force(session, world.runtime.registry, session.get_one(Connection, world.crm_id))
    assert held.version == 0
    assert held.document["policy"][1]["outcome"] == "lead"


def test_a_draft_is_published_only_as_it_was_previewed(world: World) -> None:
    with world.database.transaction() as session:
        link = session.get_one(Connection, world.crm_id)
        with pytest.raises(NotPublished, match="no draft"):
            publish_draft(session, link, by="anna", now=START)
        save_draft(session, link, document("one"), by="anna", now=START)
        with pytest.raises(NotPublished, match="never tried"):
            publish_draft(session, link, by="anna", now=START)
        note_preview(session, link.id, document("another"))
        with pytest.raises(NotPublished):
            publish_draft(session, link, by="anna", now=START)
        note_preview(session, link.id, document("one"))
        save_draft(session, link, document("two"), by="anna", now=START)
        with pytest.raises(NotPublished):
            publish_draft(session, link, by="anna", now=START)
        note_preview(session, link.id, document("two"))
        assert publish_draft(session, link, by="anna", now=START, note="why").version == 1
        assert draft_of(session, link.id) is None
        assert in_force(session, world.runtime.registry, link).rules.policy[0].name == "two"


def test_a_published_version_never_changes_and_going_back_makes_a_new_one(world: World) -> None:
    with world.database.transaction() as session:
        link = session.get_one(Connection, world.crm_id)
        first = publish(session, link, document("one"), by="anna", now=START)
        assert publish(session, link, document("one"), by="boris", now=START).id == first.id
        publish(session, link, document("two"), by="anna", now=START + timedelta(hours=1))
        back = roll_back(session, link, 1, by="anna", now=START + timedelta(hours=2))
        assert (back.version, back.document, back.digest) == (3, first.document, digest(document("one")))
        assert [row.ended_at is None for row in versions(session, link.id)] == [True, False, False]
        found = standing(session, link.id)
        assert found is not None
        assert found.version == 3
        with pytest.raises(NotPublished, match="no version 9"):
            roll_back(session, link, 9, by="anna", now=START)
        assert [row.action for row in session.scalars(select(AuditRow))] == ["rules.publish"] * 3


def test_two_people_who_edit_notice_each_other(world: World) -> None:
    with world.database.transaction() as session:
        link = session.get_one(Connection, world.crm_id)
        assert save_draft(session, link, document("one"), by="anna", now=START, revision=0).revision == 1
        with pytest.raises(ChangedMeanwhile, match="anna"):
            save_draft(session, link, document("two"), by="boris", now=START, revision=0)
        assert save_draft(session, link, document("two"), by="boris", now=START, revision=1).revision == 2
        discard_draft(session, link, by="boris", now=START)
        discard_draft(session, link, by="boris", now=START)
        with pytest.raises(ChangedMeanwhile):
            save_draft(session, link, document("two"), by="boris", now=START, revision=2)


def test_a_wrong_document_is_neither_draft_nor_version(world: World) -> None:
    with world.database.transaction() as session:
        link = session.get_one(Connection, world.crm_id)
        for keep in (save_draft, publish):
            with pytest.raises(RulesError, match="policy"):
                keep(session, link, {"version": 1, "policy": []}, by="anna", now=START)
        assert session.scalars(select(RulesVersion)).all() == []


def test_a_deleted_stage_and_a_fired_user_name_their_rules_until_they_are_mended(world: World) -> None:
    more = {"stage": "NEW", "responsible": ["fixed"], "users": ["7"]}
    with world.database.transaction() as session:
        link = session.get_one(Connection, world.crm_id)
        stage = ReferenceRow(
            connection_id=link.id, kind="stage", parent="1", item_id="NEW", name="New", active=True, refreshed_at=START
        )
        other = ReferenceRow(
            connection_id=link.id, kind="stage", parent="1", item_id="OLD", name="Old", active=True, refreshed_at=START
        )
        user = DirectoryUser(
            connection_id=link.id, user_id="7", name="Anna", extension=None, email=None, active=True, refreshed_at=START
        )
        session.add_all([stage, other, user])
        publish(session, link, document("to Anna", **more), by="anna", now=START)
        assert watch_rules(session, world.runtime.registry, link.id, START) == []
        stage.active = user.active = False
        session.flush()
        said = watch_rules(session, world.runtime.registry, link.id, START)
        assert said == [
            "rule 1 «to Anna»: stage points at NEW, which the CRM does not have: deleted or switched off.",
            "rule 1 «to Anna»: users points at employee 7, who no longer works in the CRM.",
        ]
    assert watch_all(world.runtime) == 1
    with world.database.transaction() as session:
        notices = session.scalars(select(NoticeRow).where(NoticeRow.kind == NOTICE)).all()
        assert [(notice.ended_at, "«to Anna»" in notice.words) for notice in notices] == [(None, True)]
        session.get_one(DirectoryUser, (world.crm_id, "7")).active = True
        publish(session, session.get_one(Connection, world.crm_id), document("to all"), by="anna", now=START)
    assert watch_all(world.runtime) == 0
    with world.database.reading() as session:
        assert all(notice.ended_at for notice in session.scalars(select(NoticeRow)))


def test_a_crm_says_beforehand_what_it_makes_of_a_stranger() -> None:
    rules = CrmRules(frozenset({LeadOutcome.UNSORTED}), {}, stranger=lambda _settings: LeadOutcome.UNSORTED)
    assert rules.stranger({}) is LeadOutcome.UNSORTED
    assert CrmRules(frozenset(LeadOutcome), {}).stranger({}) is LeadOutcome.LEAD


def test_the_document_of_the_handbook_is_sound() -> None:
    page = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text()
    rules = read_rules(read_text(page.split("```text\n")[1].split("```")[0], "toml"))
    assert len(rules.policy) == 4
    named = set(re.findall(r"`([a-z_]+)`", page.split("## Facts for templates")[1].split("##")[0]))
    assert {name.partition(".")[2] for name in CATALOGUE} <= named


def test_a_renamed_field_and_stage_name_their_rules_until_they_are_published_again(world: World) -> None:
    content = {
        **document("to the sales stage", stage="NEW"),
        "fields": [{"name": "landing page", "entity": "lead", "field": "UF_LANDING", "value": "{visit.landing}"}],
    }
    with world.database.transaction() as session:
        link = session.get_one(Connection, world.crm_id)
        rows = [
            ReferenceRow(connection_id=link.id, kind=kind, parent=parent, item_id=item, name=name, active=True,
                         refreshed_at=START)
            for kind, parent, item, name in (("stage", "1", "NEW", "New"), ("field", "lead", "UF_LANDING", "Landing"))
        ]  # fmt: skip
        session.add_all(rows)
        publish(session, link, content, by="anna", now=START)
        assert watch_rules(session, world.runtime.registry, link.id, START) == []
        rows[0].name, rows[1].name = "Cold", "Budget"
        session.flush()
        assert watch_rules(session, world.runtime.registry, link.id, START) == [
            "rule 1 «to the sales stage»: stage points at NEW («New»), which is called “Cold” in the CRM now.",
            "field 1 «landing page»: field points at UF_LANDING («Landing»), which is called “Budget” in the CRM now.",
        ]
        publish(session, link, content, by="anna", now=START)
        assert watch_rules(session, world.runtime.registry, link.id, START) == []
