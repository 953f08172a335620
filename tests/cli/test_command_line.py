"""Commands tell people one line, and machines an exit code."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.cli import cli, run
from hub.cli.errors import scrub

COMMANDS = [
    *(["up"], ["demo"], ["web"], ["worker"], ["scheduler"], ["apply"], ["export"], ["simulate"], ["doctor"]),
    *(["replay"], ["ring-test"], ["db"], ["db", "upgrade"], ["db", "rotate-keys"]),
    *(["user"], ["user", "add"], ["user", "password"], ["key"], ["key", "new"], ["key", "secret"]),
    *(["simulate", "mango"], ["simulate", "bitrix24"]),
]
WORKSPACE = '[workspace]\nslug = "acme"\n'

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command line on a home of its own; gives exit code, stdout, stderr."""
    for name in ("DOZVON_DATABASE_URL", "DOZVON_REDIS_URL", "DOZVON_SECRET_KEYS", "DOZVON_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOZVON_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> tuple[int, str, str]:
        code = run(words)
        out, err = capsys.readouterr()
        return code, out, err

    return command


@pytest.fixture
def acme(say: Say, tmp_path: Path) -> Path:
    file = tmp_path / "acme.toml"
    file.write_text(WORKSPACE, encoding="utf-8")
    assert say("apply", str(file))[0] == 0
    return file


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(say: Say, words: list[str]) -> None:
    code, out, err = say(*words, "--help")
    assert (code, err) == (0, "")
    assert "Example" in out


def test_the_help_lists_every_command(say: Say) -> None:
    _, out, _ = say("--help")
    assert all(f"\n  {name} " in out for name in cli.list_commands(cli.make_context("dozvon", ["doctor"])))


@pytest.mark.parametrize(
    "words",
    [
        ["fly"],
        ["up", "--port", "99999"],
        ["up", "--workers", "0"],
        ["worker", "--lane", "urgent,slow"],
        ["apply"],
        ["apply", "absent.toml"],
        ["replay"],
        ["replay", "--dead", "--inbox", "3"],
        ["replay", "--inbox", "3", "--connection", "b24"],
        ["replay", "--inbox", "three"],
        ["simulate", "nobody"],
        ["user", "add", "no-address"],
        ["user", "add", "a@b.example", "--role", "king"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_one_line_a_hint_and_exit_code_2(say: Say, words: list[str]) -> None:
    code, out, err = say(*words)
    assert (code, out) == (2, "")
    error, hint = err.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: See: dozvon")


def test_an_unknown_setting_stops_with_a_hint(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOZVON_SWEEP", "3")
    code, _, err = say("db", "upgrade")
    assert code == 1
    assert "error: Unknown setting DOZVON_SWEEP." in err
    assert "DOZVON_SWEEP_SECONDS" in err


def test_a_database_that_does_not_answer_is_one_line(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOZVON_DATABASE_URL", "postgresql+psycopg://dozvon:canary@127.0.0.1:1/none")
    code, _, err = say("export")
    assert code == 1
    assert len(err.splitlines()) == 2
    assert "database does not answer" in err
    assert "canary" not in err


def test_an_unexpected_error_is_one_line_and_its_trace_is_kept_without_secrets(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object) -> None:
        raise RuntimeError("call from +79001234567 with dz_0123456789abcdef0123456789abcdef failed")

    monkeypatch.setattr("hub.db.migrate.upgrade", explode)
    code, _, err = say("db", "upgrade")
    assert code == 1
    assert "Traceback" not in err
    assert len(err.splitlines()) == 2
    log = tmp_path / "home" / "logs" / "crash.log"
    assert str(log) in err
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    kept = log.read_text()
    assert "RuntimeError" in kept
    assert "9001234567" not in kept + err
    assert "0123456789abcdef" not in kept + err


def test_debug_shows_where_it_came_from(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.db.migrate.upgrade", lambda _: 1 / 0)
    _, _, err = say("--debug", "db", "upgrade")
    assert "ZeroDivisionError" in err
    assert "Traceback" in err


def test_an_interrupt_is_no_mistake(say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hub.db.migrate.upgrade", interrupt)
    code, _, err = say("db", "upgrade")
    assert (code, err) == (130, "error: Stopped.\n")
    assert not (tmp_path / "home" / "logs").exists()


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://dozvon:canary@db/x",
        "POST https://hub.example/hooks/canaryAAAAAAAAAAAAAAAAAA",
        "{'refresh_token': 'canary'}",
        "api_salt='canary'",
        "Bearer dz_canary0000000000000000000000000000",
        "cAnary0123456789-_cAnary0123456789abc",
        "from 8 (900) 123-45-67 canary".replace(" canary", ""),
    ],
)
def test_what_looks_secret_is_scrubbed(text: str) -> None:
    scrubbed = scrub(text)
    assert "canary" not in scrubbed.lower()
    assert "123-45-67" not in scrubbed
    assert "***" in scrubbed


# --- Provisioning, people and keys ----------------------------------------------------------------


def test_apply_works_on_an_empty_home_and_says_when_nothing_changes(say: Say, tmp_path: Path) -> None:
    file = tmp_path / "acme.toml"
    file.write_text(WORKSPACE, encoding="utf-8")
    assert say("apply", str(file), "--home", str(tmp_path / "other home")) == (0, "+ workspace acme\n", "")
    assert say("apply", str(file), "--home", str(tmp_path / "other home")) == (0, "= nothing to change\n", "")


def test_a_wrong_file_is_exit_code_1_with_line_and_field(say: Say, tmp_path: Path) -> None:
    file = tmp_path / "acme.toml"
    file.write_text(WORKSPACE + 'region = "??"\n', encoding="utf-8")
    code, out, err = say("apply", str(file))
    assert (code, out) == (1, "")
    assert err.startswith("error: acme.toml, line 3: workspace.region must be a country code")


def test_export_prints_the_file(say: Say, acme: Path) -> None:
    code, out, _ = say("export")
    assert code == 0
    assert 'slug = "acme"' in out


def test_export_without_a_workspace_says_so(say: Say) -> None:
    assert say("export") == (1, "", "error: Which workspace?\nhint: Name one with --workspace: none yet.\n")


def test_a_person_is_added_once_and_gets_a_new_password(say: Say, acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASS", "correct horse")
    words = ("anna@acme.example", "--password-env", "PASS")
    assert say("user", "add", *words, "--role", "agent")[:2] == (0, "+ user anna@acme.example (agent)\n")
    code, _, err = say("user", "add", *words)
    assert code == 1
    assert "already" in err
    assert say("user", "password", *words)[:2] == (0, "~ user anna@acme.example: password\n")


def test_a_short_password_is_refused(say: Say, acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASS", "short")
    assert say("user", "add", "anna@acme.example", "--password-env", "PASS")[0] == 2


def test_a_key_is_printed_and_made_once(say: Say, acme: Path) -> None:
    code, out, _ = say("key", "new", "robot", "--scope", "calls:read")
    assert code == 0
    assert out.startswith("dz_")
    assert len(out.strip()) == 35
    assert say("key", "new", "robot")[0] == 1
    assert say("key", "new", "other", "--scope", "everything")[0] == 2


def test_a_fresh_encryption_key_takes_over_every_secret(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "acme.toml"
    secrets = '[connection.secrets]\napi_key = "k"\napi_salt = "canary"\n'
    file.write_text(WORKSPACE + f'[[connection]]\nname = "pbx"\nvendor = "mango"\n{secrets}', encoding="utf-8")
    old = say("key", "secret")[1].strip()
    new = say("key", "secret")[1].strip()
    monkeypatch.setenv("DOZVON_SECRET_KEYS", old)
    say("apply", str(file))
    monkeypatch.setenv("DOZVON_SECRET_KEYS", f"{new},{old}")
    assert say("db", "rotate-keys")[:2] == (0, "2 stored secrets are encrypted with the first key.\n")
    monkeypatch.setenv("DOZVON_SECRET_KEYS", new)
    assert 'api_salt = "canary"' in say("export", "--with-secrets")[1]


def test_replaying_an_unknown_connection_names_the_known_ones(say: Say, acme: Path) -> None:
    code, _, err = say("replay", "--dead", "--connection", "b24")
    assert code == 2
    assert "Connections: none yet." in err


def test_replaying_nothing_says_so(say: Say, acme: Path) -> None:
    assert say("replay", "--dead")[:2] == (0, "0 items are due again.\n")
    assert say("replay", "--inbox", "3", "5")[:2] == (0, "0 items are due again.\n")


# --- Doctor ---------------------------------------------------------------------------------------


def test_the_doctor_says_what_to_do_on_an_empty_home(say: Say) -> None:
    code, out, _ = say("doctor")
    assert code == 1
    assert "WRONG The SQLite database has another schema." in out
    assert "→ Run: dozvon db upgrade" in out


def test_the_doctor_finds_nothing_wrong_after_the_first_steps(say: Say, acme: Path) -> None:
    code, out, _ = say("doctor")
    assert code == 0
    assert "can be written" in out
    assert "There is no connection yet." in out
    assert out.endswith("Nothing is wrong.\n")


def test_the_doctor_names_a_dead_broker(say: Say, acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOZVON_REDIS_URL", "redis://127.0.0.1:1/0")
    code, out, _ = say("doctor")
    assert code == 1
    assert "WRONG The broker does not answer" in out


@pytest.mark.parametrize(
    ("address", "warned"),
    [("http://127.0.0.1:8080", True), ("https://10.0.0.1", True), ("https://hub.example", False)],
)
def test_the_doctor_warns_of_an_address_that_no_pbx_can_reach(
    say: Say, acme: Path, monkeypatch: pytest.MonkeyPatch, address: str, warned: bool
) -> None:
    monkeypatch.setenv("DOZVON_PUBLIC_URL", address)
    _, out, _ = say("doctor")
    assert (f"WARN  DOZVON_PUBLIC_URL {address} cannot be reached" in out) is warned
