"""A file brings a workspace to what it says, once, and never prints a secret."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.db.engine import Database
from hub.db.rules import RulesVersion
from hub.db.tables import (
    ApiKey,
    AuditRow,
    Base,
    Connection,
    ConnectionToken,
    EmployeeRow,
    LineSource,
    Provisioned,
    User,
    Workspace,
)
from hub.domain.access import TokenPair
from hub.net.tokens import store_pair
from hub.provisioning.errors import ProvisioningError
from hub.provisioning.people import has_password
from tests.provisioning.conftest import CANARIES, FULL, Apply

HEAD = '[workspace]\nslug = "acme"\n'
PBX = '[[connection]]\nname = "pbx"\nvendor = "mango"\n[connection.secrets]\napi_key = "k1"\napi_salt = "s1"\n'


def one(database: Database, table: Any, **where: Any) -> Any:
    with database.reading() as session:
        return session.scalars(select(table).filter_by(**where)).one()


def every(database: Database, table: Any) -> list[Any]:
    with database.reading() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def lines(outcome: Any) -> list[str]:
    return [str(change) for change in outcome.changes]


def test_the_example_of_the_handbook_makes_a_whole_workspace(database: Database, apply: Apply) -> None:
    outcome = apply()
    assert [line for line in lines(outcome) if line.startswith("+")] == [
        "+ workspace acme",
        "+ user owner@acme.example",
        "+ api_key site-backend",
        "+ connection mango (Mango Office)",
        "+ connection b24 (Bitrix24)",
        "+ connection amo (amoCRM)",
        "+ employee Анна",
        "+ employee Борис",
        "+ vip +7900*****67",
        "+ site shop",
        "+ rules b24",
    ]
    assert one(database, Workspace).name == "ООО «Акме»"
    assert one(database, Workspace).hours["mon"] == ["09:00-18:00"]
    assert one(database, Workspace).hours["tue"] == []
    assert has_password(one(database, User), "correct horse battery")
    assert one(database, ApiKey).key_hash == hashlib.sha256(b"dz_0123456789abcdef0123456789abcdef").hexdigest()
    mango = one(database, Connection, name="mango")
    assert mango.secrets == {"api_key": "mango-key-canary", "api_salt": "mango-salt-canary"}
    assert mango.settings["base_url"] == "http://127.0.0.1:9101/vpbx"
    assert mango.hook_token == "AAAAAAAAAAAAAAAAAAAAAAAA"
    assert mango.hook_token_hash == hashlib.sha256(b"AAAAAAAAAAAAAAAAAAAAAAAA").hexdigest()
    anna, boris = every(database, EmployeeRow)
    assert (anna.extensions, anna.users) == ({"*": "101"}, {"b24": "7", "amo": "504"})
    assert boris.extensions == {"mango": "102"}
    line = one(database, LineSource)
    assert (line.number, line.source, line.medium) == ("+74952220001", "billboard", "offline")
    assert one(database, Provisioned, section="rules").document["document"]["policy"][0]["stage"] == "NEW"
    assert one(database, RulesVersion, ended_at=None).document["policy"][0]["name"] == "all"


def test_oauth_tokens_go_to_the_token_service_and_not_into_the_secrets(database: Database, apply: Apply) -> None:
    apply()
    b24 = one(database, Connection, name="b24")
    token = one(database, ConnectionToken, connection_id=b24.id)
    assert token.pair == {"access": "b24-access-canary", "refresh": "b24-refresh-canary"}
    assert int(token.expires_at.timestamp()) == 1788003601
    assert not {"access_token", "refresh_token", "expires_at"} & b24.secrets.keys()
    assert b24.secrets["application_token"] == "b24-application-canary"


def test_no_secret_is_printed(apply: Apply) -> None:
    outcome = apply()
    printed = "\n".join([*lines(outcome), *outcome.once])
    assert "hook address of mango: https://hub.example/hooks/AAAA…" in printed
    assert not [canary for canary in CANARIES if canary in printed]


def test_the_same_file_again_changes_nothing(database: Database, apply: Apply) -> None:
    apply()
    with database.reading() as session:
        before = session.scalar(select(func.count()).select_from(AuditRow))
    assert apply().changes == ()
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(AuditRow)) == before


def test_a_dry_run_tells_and_changes_nothing(database: Database, apply: Apply) -> None:
    assert "+ connection mango (Mango Office)" in lines(apply(dry_run=True))
    with database.reading() as session:
        for table in Base.metadata.sorted_tables:
            assert session.scalar(select(func.count()).select_from(table)) == 0, table.name


def test_each_change_is_named(apply: Apply) -> None:
    apply()
    text = (
        FULL.replace('name = "ООО «Акме»"', 'name = "Acme"')
        .replace('extension = "101"\nusers', 'extension = "111"\nusers')
        .replace('role = "owner"', 'role = "admin"')
        .replace('scopes = ["calls:read", ', "scopes = [")
        .replace("keep smiling", "be brief")
        .replace('source = "billboard"', 'source = "radio"')
        .replace("9101/vpbx", "9109/vpbx")
    )
    assert lines(apply(text)) == [
        "~ workspace acme: name",
        "~ user owner@acme.example: role",
        "~ api_key site-backend: scopes",
        "~ connection mango: settings.base_url",
        "~ employee Анна: extension",
        "~ vip +7900*****67: note",
        "~ site shop: static",
    ]


def test_changes_are_in_the_audit(database: Database, apply: Apply) -> None:
    apply()
    assert "+ connection mango (Mango Office)" in [row.subject for row in every(database, AuditRow)]


# --- What is absent -------------------------------------------------------------------------------


def test_an_absent_section_is_left_alone(database: Database, apply: Apply) -> None:
    apply()
    assert apply(HEAD).changes == ()
    assert len(every(database, EmployeeRow)) == 2


def test_employees_and_vips_that_the_file_dropped_go(database: Database, apply: Apply) -> None:
    apply()
    assert lines(apply("employee = []\nvip = []\n" + HEAD)) == [
        "- employee Анна",
        "- employee Борис",
        "- vip +7900*****67",
    ]
    assert every(database, EmployeeRow) == []


def test_a_static_line_that_left_its_site_is_no_source_any_more(database: Database, apply: Apply) -> None:
    apply()
    apply(HEAD + '[[site]]\nkey = "shop"\n')
    assert every(database, LineSource) == []


def test_connections_and_users_are_never_deleted(database: Database, apply: Apply) -> None:
    apply()
    apply("user = []\nconnection = []\napi_key = []\n" + HEAD)
    assert len(every(database, Connection)) == 3
    assert len(every(database, User)) == len(every(database, ApiKey)) == 1


def test_two_people_of_one_name_stay_two(database: Database, apply: Apply) -> None:
    text = HEAD + '[[employee]]\nname = "Анна"\nextension = "1"\n[[employee]]\nname = "Анна"\nextension = "2"\n'
    apply(text)
    assert apply(text).changes == ()
    assert [row.extensions for row in every(database, EmployeeRow)] == [{"*": "1"}, {"*": "2"}]


# --- Secrets --------------------------------------------------------------------------------------


def test_changed_secrets_keep_the_old_ones_for_the_sender(database: Database, apply: Apply) -> None:
    apply(HEAD + PBX)
    assert lines(apply(HEAD + PBX.replace("s1", "s2"))) == ["~ connection pbx: secrets.api_salt"]
    row = one(database, Connection)
    assert row.secrets == {"api_key": "k1", "api_salt": "s2"}
    assert row.previous_secrets == {"api_key": "k1", "api_salt": "s1"}


def test_a_rotation_ends_when_it_is_told_to(database: Database, apply: Apply) -> None:
    apply(HEAD + PBX)
    apply(HEAD + PBX.replace("s1", "s2"))
    outcome = apply(HEAD + PBX.replace("s1", "s2"), end_rotation=True)
    assert lines(outcome) == ["~ connection pbx: previous secrets are forgotten"]
    assert one(database, Connection).previous_secrets is None


def test_secrets_come_from_the_environment(database: Database, apply: Apply) -> None:
    text = HEAD + PBX.replace('api_salt = "s1"', 'api_salt_env = "SALT"')
    apply(text, {"SALT": "from-outside"})
    assert one(database, Connection).secrets["api_salt"] == "from-outside"
    assert apply(text, {}).changes == (), "without the variable the stored secret stays"


def test_a_password_comes_from_the_environment(database: Database, apply: Apply) -> None:
    text = HEAD + '[[user]]\nemail = "Owner@Acme.example"\npassword_env = "PASS"\nrole = "owner"\n'
    apply(text, {"PASS": "a long secret"})
    assert has_password(one(database, User, email="owner@acme.example"), "a long secret")


def test_a_new_password_ends_old_sessions(database: Database, apply: Apply) -> None:
    apply()
    assert lines(apply(FULL.replace("correct horse", "another horse"))) == ["~ user owner@acme.example: password"]
    assert one(database, User).session_version == 2


def test_a_key_is_generated_and_shown_once(database: Database, apply: Apply) -> None:
    text = HEAD + '[[api_key]]\nname = "robot"\nscopes = ["calls:read"]\n'
    (line,) = apply(text).once
    key = line.rpartition(" ")[2]
    assert key.startswith("dz_")
    assert len(key) == 35
    assert one(database, ApiKey).key_hash == hashlib.sha256(key.encode()).hexdigest()
    assert apply(text).once == ()


def test_a_hook_token_is_generated_and_its_address_shown_once(database: Database, apply: Apply) -> None:
    (line,) = apply(HEAD + PBX).once
    token = one(database, Connection).hook_token
    assert len(token) >= 22
    assert f"https://hub.example/hooks/{token} " in line
    assert apply(HEAD + PBX).once == ()


# --- What the hub did meanwhile -------------------------------------------------------------------


def _pair(access: str, refresh: str) -> TokenPair:
    return TokenPair(access, refresh, None)


def test_applying_again_does_not_bring_a_dead_token_back(database: Database, apply: Apply) -> None:
    apply()
    b24 = one(database, Connection, name="b24")
    with database.transaction() as session:
        store_pair(session, b24.id, _pair("rotated-access", "rotated-refresh"))
    assert apply().changes == ()
    assert one(database, ConnectionToken, connection_id=b24.id).pair["refresh"] == "rotated-refresh"


def test_a_new_pair_in_the_file_replaces_the_stored_one(database: Database, apply: Apply) -> None:
    apply()
    b24 = one(database, Connection, name="b24")
    with database.transaction() as session:
        session.get_one(Connection, b24.id).state = "needs_reconnect"
    text = FULL.replace("b24-access-canary", "b24-access-2").replace("b24-refresh-canary", "b24-refresh-2")
    assert lines(apply(text)) == ["~ connection b24: tokens"]
    assert one(database, ConnectionToken, connection_id=b24.id).pair["refresh"] == "b24-refresh-2"
    assert one(database, Connection, name="b24").state == "active"


def test_applying_again_keeps_an_address_that_the_hub_has_learned(database: Database, apply: Apply) -> None:
    apply()
    b24 = one(database, Connection, name="b24")
    with database.transaction() as session:
        row = session.get_one(Connection, b24.id)
        row.settings = {**row.settings, "domain": "renamed.example"}
    assert apply().changes == ()
    assert one(database, Connection, name="b24").settings["domain"] == "renamed.example"


def test_two_workspaces_live_side_by_side(database: Database, apply: Apply) -> None:
    apply()
    other = '[workspace]\nslug = "other"\n[[employee]]\nname = "Вера"\nextension = "101"\n'
    apply(other)
    assert len(every(database, EmployeeRow)) == 3


@pytest.mark.parametrize(
    ("section", "field"),
    [
        ('[[api_key]]\nname = "mine"\nkey = "dz_0123456789abcdef0123456789abcdef"\n', 'api_key "mine": key'),
        (
            PBX.replace('"mango"\n', '"mango"\nhook_token = "AAAAAAAAAAAAAAAAAAAAAAAA"\n'),
            'connection "pbx": hook_token',
        ),
    ],
)
def test_a_key_or_token_of_another_workspace_is_refused(apply: Apply, section: str, field: str) -> None:
    apply()
    with pytest.raises(ProvisioningError, match=field):
        apply('[workspace]\nslug = "other"\n' + section)
