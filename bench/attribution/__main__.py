"""`python -m bench.attribution [--seed N] [--quick] [--write FILE]`: the tables of docs/attribution.md."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from bench.attribution.runs import OURS, Line, compare, hard_worlds

MARKS = ("<!-- measured -->", "<!-- /measured -->")
# Answered and right, by visits of a day per number.
GOALS = {20: (0.95, 0.97), 40: (0.92, 0.95)}
CALIBRATION_GOAL = 0.02
WRONG_LAW_GOAL = 0.05


def main() -> int:
    """Print the tables; exit code 0 even where a goal is missed: the text says so."""
    options = _options()
    began = time.monotonic()
    methods, by_law = compare(options.seed, quick=options.quick)
    hard = list(hard_worlds(options.seed, quick=options.quick))
    took = time.monotonic() - began
    text = "\n".join([*_report(methods, by_law, hard), "", _where(options.seed, took)])
    print(text)
    if options.write:
        _write(options.write, text)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.attribution", description=__doc__)
    parser.add_argument("--seed", type=int, default=20260301, help="another seed makes other traffic")
    parser.add_argument("--quick", action="store_true", help="less traffic, within 20 seconds")
    parser.add_argument("--write", type=Path, help="put the tables between the marks of this page")
    return parser.parse_args()


def _report(methods: list[Line], by_law: list[Line], hard: list[Line]) -> list[str]:
    return [
        "**All laws and shapes together**",
        "",
        *_table("method", methods),
        "",
        "**Our method by the law of delays**",
        "",
        *_table("law", by_law),
        "",
        "**Our method where what it believes is wrong**",
        "",
        *_table("world", hard),
        "",
        "**Goals**",
        "",
        *_goals(methods, hard),
    ]


def _table(first: str, lines: Iterable[Line]) -> list[str]:
    head = [f"| {first} | daily visits per number | calls | answered | right | calibration error |"]
    rows = [
        f"| {line.name} | {line.ratio} | {line.score.calls} | {line.score.answered:.1%} | {line.score.right:.1%} "
        f"| {line.score.calibration_error:.3f} |"
        for line in lines
    ]
    return [*head, "|---|---:|---:|---:|---:|---:|", *rows]


def _goals(methods: list[Line], hard: list[Line]) -> list[str]:
    said = []
    for line in (line for line in methods if line.name == OURS and line.ratio in GOALS):
        answered, right = GOALS[line.ratio]
        met = line.score.answered >= answered and line.score.right >= right
        said.append(f"- 1 number per {line.ratio}: {answered:.0%} answered, {right:.0%} right: {_word(met)}")
        if line.ratio == 20:
            honest = line.score.calibration_error <= CALIBRATION_GOAL
            said.append(f"- 1 number per 20: calibration error at most {CALIBRATION_GOAL}: {_word(honest)}")
    worst = max(line.score.calibration_error for line in hard if line.name.startswith("law:"))
    said.append(f"- three laws it does not expect: at most {WRONG_LAW_GOAL}: {_word(worst <= WRONG_LAW_GOAL)}")
    return said


def _word(met: bool) -> str:
    return "met" if met else "**missed**"


def _where(seed: int, took_seconds: float) -> str:
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    return f"Measured on {datetime.now(UTC):%Y-%m-%d} ({machine}), seed {seed}, in {took_seconds:.0f} s."


def _write(page: Path, text: str) -> None:
    before, _, rest = page.read_text("utf-8").partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    page.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
