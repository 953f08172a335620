"""What is exported makes the same workspace again."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.engine import Database
from hub.db.migrate import upgrade
from hub.db.tables import ConnectionToken, User
from hub.domain.errors import DozvonError
from hub.provisioning import ProvisioningError, export_workspace
from hub.provisioning.people import has_password
from tests.provisioning.conftest import CANARIES, Apply


def exported(database: Database, **options: bool) -> str:
    with database.reading() as session:
        return export_workspace(session, "acme", **options)


@pytest.fixture
def fresh(tmp_path: Path) -> Database:
    url = f"sqlite:///{tmp_path / 'fresh.sqlite3'}"
    upgrade(url)
    return Database(url)


def test_an_export_with_secrets_makes_the_same_workspace_on_a_fresh_database(
    database: Database, apply: Apply, fresh: Database
) -> None:
    apply()
    text = exported(database, with_secrets=True)
    apply(text, into=fresh)
    assert exported(fresh, with_secrets=True) == text
    with fresh.reading() as session:
        assert has_password(session.scalars(select(User)).one(), "correct horse battery")
        assert len(session.scalars(select(ConnectionToken)).all()) == 2


@pytest.mark.parametrize("with_secrets", [False, True])
def test_an_export_applied_where_it_came_from_changes_nothing(
    database: Database, apply: Apply, with_secrets: bool
) -> None:
    apply()
    assert apply(exported(database, with_secrets=with_secrets)).changes == ()


def test_an_export_without_secrets_holds_none(database: Database, apply: Apply) -> None:
    apply()
    text = exported(database)
    assert not [canary for canary in CANARIES if canary in text]
    assert 'api_salt_env = "ACME_MANGO_API_SALT"' in text


def test_an_export_without_secrets_asks_for_the_variables_it_names(
    database: Database, apply: Apply, fresh: Database
) -> None:
    apply()
    with pytest.raises(ProvisioningError, match="needs ACME_OWNER_ACME_EXAMPLE_PASSWORD"):
        apply(exported(database), into=fresh)


def test_a_workspace_that_is_not_there_is_said_so(database: Database, apply: Apply) -> None:
    apply()
    apply('[workspace]\nslug = "other"\n')
    with database.reading() as session:
        with pytest.raises(DozvonError, match="Which workspace"):
            export_workspace(session)
        with pytest.raises(DozvonError, match="no workspace nowhere"):
            export_workspace(session, "nowhere")
