"""Groups, black list, own hours and the settings of routing, by file and out again."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.registry import REGISTRY
from hub.db.engine import Database
from hub.db.routing import Block, PersonHours, RoutingGroup
from hub.provisioning.apply import Outcome, Surroundings, apply_file
from hub.provisioning.errors import ProvisioningError
from hub.provisioning.export import export_workspace
from hub.routing.facts import read_settings, read_staff

NOW = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
FILE = """
[workspace]
slug = "acme"

[[employee]]
name = "Anna"
extension = "101"
[employee.hours]
zone = "Asia/Omsk"
sat = ["10:00-14:00"]

[hours]
mon = ["09:00-18:00"]

[[group]]
name = "Sales"
extension = "300"
weight = 3
[group.hours]
mon = ["09:00-20:00"]

[[block]]
phone = "8 900 123-45-67"
reason = "spam"

[routing]
default_extension = "100"
push = ["vip", "owner", "group"]
"""


@pytest.fixture
def apply(database: Database, tmp_path: Path):  # type: ignore[no-untyped-def]
    def run(text: str) -> Outcome:
        file = tmp_path / "acme.toml"
        file.write_text(text)
        return apply_file(database, file, Surroundings(REGISTRY, {}, NOW, "http://127.0.0.1:8080"))

    return run


def test_the_same_file_again_changes_nothing_and_comes_out_as_it_went_in(apply, database: Database) -> None:  # type: ignore[no-untyped-def]
    assert len(apply(FILE).changes) >= 6
    assert apply(FILE).changes == ()
    with database.reading() as session:
        text = export_workspace(session, "acme")
        staff = read_staff(session, 1, "any")
        settings = read_settings(session, 1)
    assert apply(text).changes == ()
    assert (settings.default_extension, settings.push) == ("100", ("vip", "owner", "group"))
    assert [(group.name, group.extension, group.weight) for group in staff.groups] == [("Sales", "300", 3)]
    anna = staff.by_extension("101")
    assert anna is not None
    assert anna.hours is not None
    assert anna.hours.zone == "Asia/Omsk"


def test_what_the_file_does_not_name_any_more_is_gone(apply, database: Database) -> None:  # type: ignore[no-untyped-def]
    apply(FILE)
    apply('[workspace]\nslug = "acme"\n')
    with database.reading() as session:
        assert len(session.scalars(select(RoutingGroup)).all()) == 1
    apply('group = []\nblock = []\n[workspace]\nslug = "acme"\n')
    with database.reading() as session:
        assert not session.scalars(select(RoutingGroup)).all()
        assert not session.scalars(select(Block)).all()
        assert len(session.scalars(select(PersonHours)).all()) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ('[[group]]\nname = "A"', "extension"),
        ('[[group]]\nname = "A"\nextension = "3"\nweight = -1', "weight"),
        ('[[block]]\nphone = "12"', "telephone number"),
        ('[routing]\npush = ["everybody"]', "push"),
        ('[hours]\nzone = "Mars"', "zone"),
    ],
)
def test_a_mistake_is_named_and_changes_nothing(apply, database: Database, wrong: str, words: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ProvisioningError, match=words):
        apply(f'[workspace]\nslug = "acme"\n{wrong}\n')
