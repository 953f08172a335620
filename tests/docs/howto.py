"""How-tos as they are printed: the fenced blocks of the pages, which test executes which, and a place to do it in."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NOT_DONE = frozenset({"toml", "text", "mermaid", "ini", "nginx"})
"""Blocks that nobody does: files (the provisioning examples are applied by tests/test_docs.py) and output."""
_FENCE = re.compile(r"^(?P<indent> *)```(?P<kind>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. `page` is its path from the root of the repository, `line` where it begins."""

    page: str
    line: int
    kind: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> str:
        """The text without its comments: all that a translation leaves alone."""
        return "\n".join(re.sub(r"(^|\s)# .*", "", line).rstrip() for line in self.text.splitlines()).strip()


@cache
def every_block() -> tuple[Block, ...]:
    """All blocks of the pages that somebody might do, in both languages."""
    pages = [*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")]
    return tuple(
        Block(str(page.relative_to(ROOT)), text.count("\n", 0, found.start()) + 1, found["kind"], found["text"])
        for page in sorted(pages)
        for text in [page.read_text(encoding="utf-8")]
        for found in _FENCE.finditer(text)
        if found["kind"] not in NOT_DONE
    )


def blocks_with(page: str, says: str) -> list[Block]:
    """The block of `page` that has the words `says`, and its translation. Raises `LookupError` when there is none."""
    pages = {page, page.replace(".md", ".ru.md")}
    found = [block for block in every_block() if block.page in pages and says in block.text]
    if not found:
        raise LookupError(f"no block of {page} says {says!r} any more: what shall the test execute?")
    return found


EXECUTED: set[Block] = set()


def executes(page: str, says: str) -> Callable[[Callable[..., None]], Any]:
    """The test that is marked gets the `block` of `page` that has the words `says`; where a translation has other
    commands, it is executed as well. All of them count as executed."""
    found = blocks_with(page, says)
    EXECUTED.update(found)
    different = {block.commands: block for block in reversed(found)}
    return pytest.mark.parametrize("block", [pytest.param(one, id=one.place) for one in different.values()])


@dataclass
class Place:
    """A directory that a how-to is done in. `environment` is what the reader has set up before; `said_to_others` gets
    what was told to the tools that are not what a how-to is about (git, systemctl, …): a line for each. Without
    `HOWTO_PORT` in the environment `dozvon up` is such a tool; with it, the hub comes up on that port."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tools = self.folder / ".venv" / "bin"
        tools.mkdir(parents=True)
        python = f'exec "{sys.executable}" -m hub.cli'
        noted = f'echo "dozvon $*" >> "{self.said_to_others}"; exit 0'
        up = f'if [ -z "$HOWTO_PORT" ]; then {noted}; fi; set -- "$@" --port "$HOWTO_PORT"'
        self._tool("dozvon", f'if [ "$1" = up ]; then {up}; fi\n{python} "$@"')
        for name in ("git", "make", "systemctl", "pg_dump"):
            self._tool(name, f'echo "{name} $*" >> "{self.said_to_others}"')
        if not shutil.which("rsync"):
            self._tool("rsync", 'mkdir -p "$3" && cp -R "$2." "$3"')
        for name in ("curl", "sqlite3"):
            if not shutil.which(name):
                self._tool(name, f'exec "{sys.executable}" -m tests.docs.{name} "$@"')

    @property
    def said_to_others(self) -> Path:
        return self.folder / "said-to-others"

    def _tool(self, name: str, script: str) -> None:
        file = self.folder / ".venv" / "bin" / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def surroundings(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("DOZVON_")}
        paths = {"PATH": f"{self.folder / '.venv' / 'bin'}:{clean['PATH']}", "PYTHONPATH": str(ROOT)}
        return {**clean, **paths, "DOZVON_HOME": str(self.folder / "home"), **self.environment}

    def start(
        self, text: str, instead: Mapping[str, str] | None = None, errors: int = subprocess.STDOUT
    ) -> subprocess.Popen[str]:
        """Begin to do what is printed; `instead` has what this reader writes in place of the page's invented values.
        Raises `AssertionError` when the page does not have one of these values."""
        for printed, value in (instead or {}).items():
            assert printed in text, f"{printed!r} is not on the page any more"
            text = text.replace(printed, value)
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder, env=self.surroundings(), text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip

    def do(self, text: str, instead: Mapping[str, str] | None = None, *, types: str = "") -> str:
        """Do it to its end, and type what is asked for; returns what was printed. Raises `AssertionError` when a
        command of it fails."""
        process = self.start(text, instead, subprocess.PIPE)
        said, complaints = process.communicate(types, timeout=150)
        assert process.returncode == 0, said + complaints
        return said
