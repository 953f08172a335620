"""`sqlite3 FILE ".backup FILE"` for machines that have no such command: the same call of SQLite's own."""

from __future__ import annotations

import sqlite3
import sys


def main() -> int:
    _, source, words = sys.argv
    command, target = words.split(" ", 1)
    assert command == ".backup"
    with sqlite3.connect(source) as there, sqlite3.connect(target) as here:
        there.backup(here)
    return 0


if __name__ == "__main__":
    sys.exit(main())
