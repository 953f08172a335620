"""`dozvon user …`: new passwords, people put aside, a way in; and settings and doctor about the provider."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.cli import run
from hub.config import load_settings
from hub.db.engine import Database
from hub.db.identities import UserIdentity
from hub.db.tables import User
from hub.domain.errors import ConfigurationError
from hub.provisioning.people import has_password
from simulators.oidc import simulated

Say = Callable[..., tuple[int, str, str]]
EMAIL = "anna@acme.example"
ISSUER = "https://id.acme.example"


@pytest.fixture
def say(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Say:
    """Runs a command line on a home in which Anna is a user; gives exit code, stdout, stderr."""
    for name in ("DOZVON_DATABASE_URL", "DOZVON_REDIS_URL", "DOZVON_SECRET_KEYS", "DOZVON_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOZVON_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    shutil.copyfile(migrated_sqlite, tmp_path / "home" / "dozvon.sqlite3")
    monkeypatch.setenv("PASS", "correct horse battery")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.toml").write_text('[workspace]\nslug = "acme"\n', encoding="utf-8")

    def command(*words: str) -> tuple[int, str, str]:
        code = run(words)
        out, err = capsys.readouterr()
        return code, out, err

    assert command("apply", "acme.toml")[0] == 0
    assert command("user", "add", EMAIL, "--password-env", "PASS")[0] == 0
    return command


def anna(change: Callable[[User], None] = lambda _: None) -> User:
    database = Database(load_settings().database_url)
    try:
        with database.transaction() as session:
            user = session.scalars(select(User).where(User.email == EMAIL)).one()
            change(user)
            session.flush()
            session.refresh(user)
            session.expunge(user)
        return user
    finally:
        database.close()


def test_password_is_reset_by_command_and_ends_all_sessions(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    before = anna()
    monkeypatch.setenv("PASS", "another battery")
    code, out, err = say("user", "password", "Anna@ACME.example", "--password-env", "PASS")
    assert (code, out, err) == (0, f"~ user {EMAIL}: password\n", "")
    after = anna()
    assert has_password(after, "another battery")
    assert not has_password(after, "correct horse battery")
    assert after.session_version == before.session_version + 1


def test_password_of_nobody_and_a_short_one_are_refused(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = say("user", "password", "olga@acme.example", "--password-env", "PASS")
    assert (code, "olga@acme.example is not in acme." in err) == (1, True)
    monkeypatch.setenv("PASS", "short")
    assert say("user", "password", EMAIL, "--password-env", "PASS")[0] == 2
    assert has_password(anna(), "correct horse battery")


def test_user_is_disabled_and_enabled_by_command(say: Say) -> None:
    version = anna().session_version
    assert say("user", "disable", EMAIL)[:2] == (0, f"~ user {EMAIL}: disabled\n")
    assert anna().disabled_at is not None
    assert anna().session_version == version + 1
    code, _, err = say("user", "way-in", EMAIL)
    assert (code, f"dozvon user enable {EMAIL}" in err) == (1, True)
    assert say("user", "enable", EMAIL)[:2] == (0, f"~ user {EMAIL}: enabled\n")
    assert anna().disabled_at is None


def test_way_in_is_an_address_of_the_hub(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    assert say("user", "way-in", EMAIL)[1].startswith("http://127.0.0.1:8080/admin/login/way-in?token=")
    monkeypatch.setenv("DOZVON_PUBLIC_URL", "https://hub.acme.example/")
    assert say("user", "way-in", EMAIL)[1].startswith("https://hub.acme.example/admin/login/way-in?token=")


def test_unbound_user_is_unknown_to_the_provider(say: Say) -> None:
    user = anna()
    database = Database(load_settings().database_url)
    with database.transaction() as session:
        session.add(UserIdentity(user_id=user.id, issuer=ISSUER, subject="s", bound_at=user.created_at))
    assert say("user", "unbind", EMAIL)[:2] == (0, f"~ user {EMAIL}: not bound to a provider\n")
    with database.reading() as session:
        assert session.scalars(select(UserIdentity)).all() == []
    database.close()


# --- Settings and doctor -------------------------------------------------------------------------------------------


def test_settings_of_the_provider_are_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("from a file\n")
    given = {"DOZVON_OIDC_ISSUER": f"{ISSUER}/", "DOZVON_OIDC_CLIENT_ID": "hub"}
    settings = load_settings({**given, "DOZVON_OIDC_CLIENT_SECRET_FILE": str(secret), "DOZVON_PASSWORD_LOGIN": "off"})
    assert settings.oidc is not None
    assert (settings.oidc.issuer, settings.oidc.client_secret) == (f"{ISSUER}/", "from a file")
    assert (settings.oidc.title, settings.password_login) == ("id.acme.example", False)
    assert "from a file" not in repr(settings)
    assert load_settings({}).oidc is None


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"DOZVON_OIDC_ISSUER": ISSUER}, "DOZVON_OIDC_CLIENT_ID"),
        ({"DOZVON_OIDC_CLIENT_ID": "hub"}, "DOZVON_OIDC_ISSUER"),
        ({"DOZVON_OIDC_TITLE": "Acme"}, "DOZVON_OIDC_ISSUER"),
        ({"DOZVON_OIDC_ISSUER": "id.acme.example", "DOZVON_OIDC_CLIENT_ID": "hub"}, "address"),
        ({"DOZVON_OIDC_ISSUER": f"{ISSUER}?x=1", "DOZVON_OIDC_CLIENT_ID": "hub"}, "address"),
        ({"DOZVON_PASSWORD_LOGIN": "off"}, "nobody could log in"),
        ({"DOZVON_PASSWORD_LOGIN": "no"}, "on or off"),
        (
            {
                "DOZVON_OIDC_ISSUER": ISSUER,
                "DOZVON_OIDC_CLIENT_ID": "hub",
                "DOZVON_OIDC_CLIENT_SECRET": "s",
                "DOZVON_OIDC_CLIENT_SECRET_FILE": "f",
            },
            "not both",
        ),
        (
            {
                "DOZVON_OIDC_ISSUER": ISSUER,
                "DOZVON_OIDC_CLIENT_ID": "hub",
                "DOZVON_OIDC_CLIENT_SECRET_FILE": "/nowhere/at/all",
            },
            "cannot be read",
        ),
    ],
)
def test_half_a_provider_stops_the_start(given: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        load_settings(given)


def test_doctor_says_whether_the_provider_answers(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    with simulated() as provider:
        monkeypatch.setenv("DOZVON_OIDC_ISSUER", provider.issuer)
        monkeypatch.setenv("DOZVON_OIDC_CLIENT_ID", "hub")
        monkeypatch.setenv("DOZVON_OIDC_TITLE", "Acme ID")
        code, out, _ = say("doctor")
        assert code == 1
        assert "add 127.0.0.1" in out
        monkeypatch.setenv("DOZVON_ALLOW_HOSTS", "127.0.0.1")
        assert "ok    Acme ID answers, with 1 key(s)" in say("doctor")[1]
        provider.state.switch("other_discovery")
        code, out, _ = say("doctor")
        assert (code, "calls itself https://other.acme.example" in out) == (1, True)
