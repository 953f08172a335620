"""`dozvon mapping`: rules from file to draft to what holds, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.cli import run

Say = Callable[..., tuple[int, str, str]]
WORKSPACE = """
[workspace]
slug = "acme"
[[connection]]
name = "b24"
vendor = "bitrix24"
settings = { auth = "webhook" }
secrets = { webhook_url = "https://acme.bitrix24.example/rest/1/abcdefgh12345678/" }
"""
RULES = 'version = 1\n[[policy]]\nname = "all new ones"\nperson = ["unknown"]\noutcome = "lead"\n'


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command line on a home with a CRM; gives exit code, stdout, stderr."""
    for name in ("DOZVON_DATABASE_URL", "DOZVON_REDIS_URL", "DOZVON_SECRET_KEYS", "DOZVON_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOZVON_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.toml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")

    def command(*words: str) -> tuple[int, str, str]:
        code = run(words)
        out, err = capsys.readouterr()
        return code, out, err

    assert command("apply", "acme.toml")[0] == 0
    return command


def test_rules_go_from_a_file_to_what_holds_and_back(say: Say) -> None:
    assert "неизвестный клиент" in say("mapping", "export", "b24")[1]
    assert "Nothing was published yet" in say("mapping", "versions", "b24")[1]
    assert "is the draft of b24" in say("mapping", "import", "b24", "rules.toml")[1]
    assert "+ policy «all new ones»" in say("mapping", "diff", "b24")[1]
    code, _, err = say("mapping", "publish", "b24")
    assert (code, "dry run" in err) == (1, True)
    assert "0 calls tried, 0 would come to something else. Nothing was written." in say("mapping", "dry-run", "b24")[1]
    assert "Version 1 of b24 holds" in say("mapping", "publish", "b24", "--note", "first")[1]
    assert "the draft" in say("mapping", "preset", "b24", "agency")[1].lower()
    say("mapping", "dry-run", "b24")
    say("mapping", "publish", "b24")
    assert "what version 1 said" in say("mapping", "rollback", "b24", "1")[1]
    assert "in force" in say("mapping", "versions", "b24")[1].splitlines()[0]
    document = json.loads(say("mapping", "export", "b24", "--format", "json")[1])
    assert document["policy"][0]["name"] == "all new ones"
    assert json.loads(say("mapping", "schema")[1])["title"] == "Dozvon rules"


def test_a_wrong_file_changes_nothing_and_names_the_rule(say: Say, tmp_path: Path) -> None:
    (tmp_path / "wrong.toml").write_text(RULES.replace('"lead"', '"led"'), encoding="utf-8")
    code, out, _ = say("mapping", "check", "b24", "wrong.toml")
    assert (code, "rule 1 «all new ones»: outcome must be one of" in out) == (1, True)
    code, _, err = say("mapping", "import", "b24", "wrong.toml")
    assert (code, "«all new ones»" in err) == (1, True)
    assert say("mapping", "export", "b24", "--draft")[0] == 2
    assert say("mapping", "check", "b24", "rules.toml")[:1] == (0,)
    assert "There is no CRM connection amo. Known: b24." in say("mapping", "export", "amo")[2]
    assert say("mapping", "export", "b24", "--version", "9")[0] == 2
    assert say("mapping", "rollback", "b24", "9")[0] == 1
