"""The hubs that the pictures are taken from: the demo, and an empty one for the first ten minutes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

ZONE = "Europe/Moscow"
PATIENCE_SECONDS = 600.0
_SEED = "4"
_CALM_DEMO = "import hub.demo; hub.demo._CALLS = '4/min'; from hub.cli import cli; cli()"
"""The demo with fewer calls: in its own pace more is to be written than a portal takes, and all pictures show a jam."""
_OWNER, _PASSWORD = "owner@acme.example", "correct horse battery"
_EMPTY = """
workspace = {{ slug = "acme", name = "{name}", timezone = "{zone}", region = "RU", locale = "{language}" }}
user = [{{ email = "{owner}", password = "{password}", role = "owner" }}]
"""
_NAMES = {"ru": "ООО «Акме»", "en": "Acme"}


@dataclass
class Tour:
    """Where the pictures are taken. `addresses` are those that the demo printed, by their names."""

    hub: str
    email: str
    password: str
    home: Path
    addresses: dict[str, str] = field(default_factory=dict)


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise click.ClickException(f"{what} did not come within {PATIENCE_SECONDS:g} s.")
        time.sleep(0.2)


@contextlib.contextmanager
def running(
    words: Sequence[str], says: str, log: Path, start: Sequence[str] = ("-m", "hub.cli"), **environment: str
) -> Iterator[str]:
    """`dozvon WORDS` until the block ends, then Ctrl-C; yields what it said by the time that it said `says`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DOZVON_")}
    command = [sys.executable, *start, *words]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**clean, **environment})  # noqa: S603
    try:
        until(lambda: says in log.read_text() or process.poll() is not None, says)
        if process.poll() is not None:
            raise click.ClickException(f"dozvon {words[0]} ended:\n{log.read_text()[-2000:]}")
        yield log.read_text()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


@contextlib.contextmanager
def demo(folder: Path) -> Iterator[Tour]:
    home = folder / "demo"
    words = ["demo", "--port", "0", "--seed", _SEED, "--home", str(home)]
    with running(words, "Ctrl-C stops everything", folder / "demo.log", ("-c", _CALM_DEMO)) as said:
        addresses = dict(re.findall(r"^  (\w[\w24 ]*?) {2,}(http\S+)", said, re.MULTILINE))
        login = re.search(r"Log in as +(\S+) +password: (\S+)", said)
        assert login is not None
        hub = addresses["Pages"].removesuffix("/admin/")
        yield Tour(hub, login[1], login[2], home, addresses)


@contextlib.contextmanager
def empty_hub(folder: Path, language: str) -> Iterator[Tour]:
    """A hub with a workspace and its owner in it, and nothing else."""
    folder.mkdir()
    file = folder / "acme.toml"
    words = {"name": _NAMES[language], "zone": ZONE, "language": language, "owner": _OWNER, "password": _PASSWORD}
    file.write_text(_EMPTY.format(**words))
    settings = {"DOZVON_HOME": str(folder / "home"), "DOZVON_ALLOW_HOSTS": "127.0.0.1"}
    apply = [sys.executable, "-m", "hub.cli", "apply", str(file)]
    subprocess.run(apply, check=True, capture_output=True, env={**os.environ, **settings})  # noqa: S603 - no shell
    with running(["up", "--port", "0"], "Dozvon is ready", folder / "up.log", **settings) as said:
        address = re.search(r"ready: (\S+)", said)
        assert address is not None
        yield Tour(address[1], _OWNER, _PASSWORD, folder / "home")
