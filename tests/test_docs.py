"""Documentation keeps up: every setting, every command, every link."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from connectors.registry import REGISTRY
from hub.cli import cli
from hub.config import KNOWN_NAMES
from hub.provisioning.document import read_source, validated

ROOT = Path(__file__).parents[1]
ONLY_FOR_TESTS = {"DOZVON_CRASH_AT", "DOZVON_TESTING"}
PROMISED = {
    "up", "demo", "web", "worker", "scheduler", "apply", "export", "simulate", "doctor", "replay", "reconcile",
    "db upgrade", "user add", "key new",
}  # fmt: skip
WEBHOOK_URL = "https://acme.bitrix24.example/rest/1/abcdefgh12345678/"
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def pages() -> list[Path]:
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "connectors").rglob("README.md")]
    return sorted(found)


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command and group under `command` with the words that call it; the import happens here."""
    if path:
        yield path, command
    if not isinstance(command, click.Group):
        return
    context = click.Context(command, info_name=path)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None, f"{path} {name} cannot be loaded"
        yield from commands(found, f"{path} {name}".strip())


def anchors(text: str) -> set[str]:
    """The anchors that a page's headings get."""
    headings = re.findall(r"^#+ +(.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["configuration.md", "configuration.ru.md"])
@pytest.mark.parametrize("name", sorted(KNOWN_NAMES - ONLY_FOR_TESTS))
def test_every_setting_is_in_the_table(name: str, page: str) -> None:
    assert f"\n| `{name}` | " in (ROOT / "docs" / page).read_text()


def test_the_docs_name_no_setting_that_there_is_not() -> None:
    named = {name for page in pages() for name in re.findall(r"\bDOZVON_[A-Z_]+[A-Z]\b", page.read_text())}
    assert named - KNOWN_NAMES == set()


def test_every_promised_command_is_there() -> None:
    assert {path for path, _ in commands(cli, "")} >= PROMISED


def test_every_command_has_help_with_an_example() -> None:
    without = [
        path
        for path, command in commands(cli, "")
        if not command.help or f"dozvon {path}" not in " ".join(command.get_help(click.Context(command)).split())
    ]
    assert without == []


def test_the_docs_call_only_commands_that_there_are() -> None:
    known = {path for path, _ in commands(cli, "")}
    called = {
        match
        for page in pages()
        for match in re.findall(
            r"(?:\.venv/bin/|`|^|&& )dozvon ([a-z][a-z-]*(?: [a-z][a-z-]+)?)", page.read_text(), re.MULTILINE
        )
    }
    assert called
    assert {words for words in called if words not in known and words.split()[0] not in known} == set()


def test_every_link_inside_the_docs_leads_somewhere() -> None:
    broken = []
    for page in pages():
        for target in LINK.findall(CODE.sub("", page.read_text())):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            aim = (page.parent / path) if path else page
            if not aim.exists() or (anchor and anchor not in anchors(aim.read_text())):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def test_every_page_that_the_code_speaks_of_exists() -> None:
    code = [
        path
        for folder in ("hub", "webhooks", "connectors", "mapping", "simulators")
        for path in (ROOT / folder).rglob("*.py")
    ]
    spoken = {(page, path.name) for path in code for page in re.findall(r"docs/[a-z/-]+\.md", path.read_text())}
    assert spoken
    assert {(page, name) for page, name in spoken if not (ROOT / page).exists()} == set()


def test_every_picture_has_words_for_those_who_do_not_see_it() -> None:
    assert [page.name for page in pages() if re.search(r"!\[\s*\]\(", page.read_text())] == []


def provisioning_examples() -> list[tuple[str, str]]:
    """Every TOML block of the docs, by page."""
    block = re.compile(r"```toml\n(.*?)```", re.DOTALL)
    return [(page.name, found) for page in pages() for found in block.findall(page.read_text())]


def test_the_pages_that_set_up_show_a_whole_file() -> None:
    whole = {name for name, text in provisioning_examples() if "workspace" in tomllib.loads(text)}
    assert {"README.md", "README.ru.md", "configuration.md"} <= whole


@pytest.mark.parametrize(("page", "text"), provisioning_examples())
def test_every_provisioning_example_is_accepted(page: str, text: str, tmp_path: Path) -> None:
    if "workspace" not in tomllib.loads(text):
        text = '[workspace]\nslug = "acme"\n' + text
    file = tmp_path / "acme.toml"
    file.write_text(text)
    variables = dict.fromkeys(re.findall(r'_env = "([A-Z0-9_]+)"', text), "correct horse battery")
    variables |= {name: WEBHOOK_URL for name in variables if name.endswith("_URL")}
    source, document = read_source(file, variables)
    assert source.unset == {}, page
    for connection in validated(source, document).get("connection", []):
        connector = REGISTRY[connection["vendor"]]
        connector.settings().load(connection["settings"])
        connector.secrets().load(connection["secrets"])


def test_the_make_targets_of_the_docs_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    code = "\n".join(found for page in pages() for found in CODE.findall(page.read_text()))
    called = set(re.findall(r"(?:^|`|&& )make ([a-z-]+)", code, re.MULTILINE))
    assert {"run", "test"} <= called <= targets
