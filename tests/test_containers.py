"""Dockerfile and compose.yaml name only what there is: files, commands, options, settings, services."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any, cast

import click
import yaml  # type: ignore[import-untyped]  # the stubs would be one more package for one test

from hub.cli import cli
from hub.config import KNOWN_NAMES

ROOT = Path(__file__).parents[1]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions as (word, rest), continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [
        (word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line.strip())
    ]


def of(word: str) -> list[str]:
    return [rest for name, rest in instructions() if name == word]


def compose() -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load((ROOT / "compose.yaml").read_text()))


def ours() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose()["services"].items() if "build" in service}


def assert_command_exists(words: list[str]) -> None:
    """`dozvon` with a command that there is, and options that it takes."""
    assert words[0] == "dozvon"
    command: click.Command = cli
    rest = words[1:]
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), rest.pop(0))
        assert found is not None, f"no command in {words}"
        command = found
    command.make_context("dozvon", rest)


def test_every_copied_file_is_in_the_repository_and_reaches_the_engine() -> None:
    wanted = [source for line in of("COPY") if not line.startswith("--from") for source in shlex.split(line)[:-1]]
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert wanted
    assert [source for source in wanted if not (ROOT / source).exists()] == []
    assert set(wanted) == sent


def test_every_package_of_the_project_is_copied() -> None:
    import tomllib

    include = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {name.rstrip("*") for name in include}
    copied = {line.split()[0] for line in of("COPY")}
    assert {name for name in packages if (ROOT / name / "__init__.py").exists()} <= copied


def test_the_image_runs_the_web_process_without_root() -> None:
    assert_command_exists(json.loads(of("CMD")[-1]))
    assert of("USER")[-1] not in {"root", "0"}
    names = [name for name, _ in instructions()]
    last_user = len(names) - names[::-1].index("USER")
    assert "RUN" not in names[last_user:]


def test_the_image_installs_hashed_packages_only() -> None:
    installs = [line for line in of("RUN") if "pip install" in line]
    assert len(installs) == 2
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)


def test_the_image_asks_healthz() -> None:
    (check,) = of("HEALTHCHECK")
    assert "/healthz" in check
    compile(json.loads(check[check.index("[") :])[2], "healthcheck", "exec")


def test_compose_runs_each_process_by_a_command_that_exists() -> None:
    assert set(ours()) == {"migrate", "web", "worker", "scheduler"}
    for service in ours().values():
        assert_command_exists(list(service["command"]))


def test_compose_sets_only_settings_that_exist() -> None:
    for service in ours().values():
        assert set(service["environment"]) <= KNOWN_NAMES
        assert {"DOZVON_DATABASE_URL", "DOZVON_REDIS_URL", "DOZVON_SECRET_KEYS"} <= set(service["environment"])


def test_compose_has_no_secret_in_it() -> None:
    for service in compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name or "SECRET" in name or "DATABASE_URL" in name:
                assert "${" in value


def test_compose_refers_to_its_own_services_and_volumes() -> None:
    document = compose()
    for service in document["services"].values():
        assert set(service.get("depends_on", {})) <= set(document["services"])
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in document["volumes"]


def test_compose_watches_the_health_of_what_others_wait_for() -> None:
    services = compose()["services"]
    awaited = {
        name
        for service in services.values()
        for name, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_healthy"
    }
    assert awaited == {"postgres", "redis"}
    assert all("test" in services[name]["healthcheck"] for name in awaited)


def test_compose_publishes_the_web_port_on_this_machine_only() -> None:
    published = [port for service in compose()["services"].values() for port in service.get("ports", [])]
    assert published == ["127.0.0.1:8080:8080"]
