"""The rules of the house that no linter knows: sizes, names, and what may not stand in a tracked file."""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("hub", "webhooks", "connectors", "mapping", "simulators", "tracker", "bench")
MEDIAN_LINES = 10
NINE_IN_TEN_LINES = 35
LONGEST_FUNCTION_LINES = 60
LONGEST_FILE_LINES = 300
SMALLEST_TABLE_LINES = 5
EXCEPTED = ("hub/db/migrations/versions/", "hub/web/static/vendor/")
EMPTY_WORDS = re.compile(r"(Manager|Helper|Util|Processor)s?(?![a-z])")
EMPTY_MODULES = {
    "manager",
    "managers",
    "helper",
    "helpers",
    "util",
    "utils",
    "processor",
    "processors",
}
REGISTRIES = tuple("".join(parts) for parts in (
    ("pypi", ".org"), ("registry", ".npmjs"), ("files.python", "hosted"), ("index", "-url"), ("registry.", "yarnpkg"),
))  # fmt: skip
FOREIGN_PATHS = re.compile(r"(?<![\w.}])/(?:(?:work|root)/|home/[a-z])")
LUCK = {("time", "sleep"), ("page", "wait_for_timeout")}


@cache
def our_files() -> tuple[str, ...]:
    """Every file that is tracked, or new and not ignored; paths from the root of the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(sorted(name for name in listed.split("\0") if name and (ROOT / name).is_file()))


def python_files(*folders: str) -> list[str]:
    return [
        name
        for name in our_files()
        if name.endswith(".py") and name.split("/", 1)[0] in folders and not name.startswith(EXCEPTED)
    ]


@dataclass(frozen=True)
class Function:
    place: str
    lines: int


def functions_of(source: str, name: str) -> Iterator[Function]:
    """Every function with its lines from `def` to the end; tables inside it do not count."""
    for node in ast.walk(ast.parse(source, name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = _span(node) - sum(_span(table) - 1 for table in _tables(node))
            yield Function(f"{name}:{node.lineno} {node.name}", lines)


def _span(node: ast.stmt | ast.expr) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _tables(node: ast.AST) -> Iterator[ast.expr]:
    """The outermost literals of some length under `node`; a table inside a table is part of it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Dict | ast.List | ast.Set | ast.Tuple) and _span(child) >= SMALLEST_TABLE_LINES:
            yield child
        else:
            yield from _tables(child)


def _functions(*folders: str) -> list[Function]:
    return [
        function
        for name in python_files(*folders)
        for function in functions_of((ROOT / name).read_text(encoding="utf-8"), name)
    ]


def test_the_walk_sees_the_house() -> None:
    assert {"hub/config.py", "connectors/contract.py"} <= set(python_files(*PACKAGES))
    assert len(_functions(*PACKAGES)) > 50


def test_half_of_all_functions_are_short_and_nine_in_ten_are_not_long() -> None:
    lengths = sorted(function.lines for function in _functions(*PACKAGES))
    assert statistics.median(lengths) < MEDIAN_LINES
    assert lengths[int(len(lengths) * 0.9)] <= NINE_IN_TEN_LINES


def test_no_function_is_very_long() -> None:
    too_long = [f for f in _functions(*PACKAGES, "tests") if f.lines > LONGEST_FUNCTION_LINES]
    assert not too_long


def test_no_file_is_very_long() -> None:
    lengths = {
        name: len((ROOT / name).read_text(encoding="utf-8").splitlines())
        for name in our_files()
        if name.endswith((".py", ".js")) and not name.startswith(EXCEPTED)
    }
    assert not {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE_LINES}


def test_no_name_is_empty_of_meaning() -> None:
    modules = [name for name in python_files(*PACKAGES, "tests") if _has_empty_name(name)]
    classes = [
        f"{name}:{node.lineno} {node.name}"
        for name in python_files(*PACKAGES, "tests")
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and EMPTY_WORDS.search(node.name)
    ]
    assert not modules + classes


def _has_empty_name(path: str) -> bool:
    return bool(EMPTY_MODULES.intersection(Path(path).with_suffix("").parts))


def _texts() -> Iterator[tuple[str, str]]:
    for name in our_files():
        content = (ROOT / name).read_bytes()
        if b"\0" not in content:
            yield name, content.decode("utf-8", "replace")


def test_no_file_names_a_package_registry() -> None:
    assert not [(name, registry) for name, text in _texts() for registry in REGISTRIES if registry in text]


def test_no_file_has_a_path_of_somebodys_machine() -> None:
    assert not [(name, found[0]) for name, text in _texts() if (found := FOREIGN_PATHS.search(text))]


def test_no_test_sleeps() -> None:
    assert not [place for name in python_files("tests") for place in sleeps_in((ROOT / name).read_text(), name)]


def sleeps_in(source: str, name: str) -> Iterator[str]:
    """Calls of `time.sleep` (by whatever import) and of the browser's `wait_for_timeout`."""
    for node in ast.walk(ast.parse(source, name)):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (f"{name}:{node.lineno}" for alias in node.names if alias.name == "sleep")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else "page"
            if (owner, node.func.attr) in LUCK or node.func.attr == "wait_for_timeout":
                yield f"{name}:{node.lineno}"


# --- the rules themselves can fail --------------------------------------------------------------------------------


def test_lines_of_a_table_do_not_count_but_code_does() -> None:
    table = "def f():\n    return {\n" + "        1: 2,\n" * 80 + "    }\n"
    code = "def f():\n" + "    print(1)\n" * 80
    assert [f.lines for f in functions_of(table, "t.py")] == [2]
    assert [f.lines for f in functions_of(code, "c.py")] == [81]


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.sleep(1)",
        "from time import sleep\nsleep(1)",
        "page.wait_for_timeout(5)",
        "a.b.wait_for_timeout(5)",
    ],
)
def test_a_sleep_is_found(source: str) -> None:
    assert list(sleeps_in(source, "s.py"))


@pytest.mark.parametrize("path", ["see {}root/x", "cd {}work/main", "'{}home/anna/x'"])
def test_a_path_of_somebodys_machine_is_found(path: str) -> None:
    assert FOREIGN_PATHS.search(path.format("/"))
    assert not FOREIGN_PATHS.search("https://acme.example/work/7 and ./root/x and /var/lib/dozvon")


@pytest.mark.parametrize("name", ["CallManager", "PhoneUtils", "HelperOfCalls", "EventProcessor"])
def test_an_empty_name_is_found(name: str) -> None:
    assert EMPTY_WORDS.search(name)
    assert not EMPTY_WORDS.search("UtilityBill")
