"""The connectors that the pages for developers build are real: the contract suites judge the code as it is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ("adding-a-pbx.md", "adding-a-crm.md")
BLOCK = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```", re.DOTALL | re.MULTILINE)
# What the pages tell the reader to add by hand: two lines in the registry, and one in each table of the suites.
PLUGIN = """
from pathlib import Path

import connectors, simulators
from connectors import registry
from tests.contract import crms, senders

here = Path(__file__).parent
for package in (connectors, simulators):
    package.__path__.append(str(here / package.__name__))

from connectors.acme import CONNECTOR as ACME
from connectors.acmecrm import CONNECTOR as ACMECRM
from simulators.acmecrm import AcmeCrmSimulator

registry.REGISTRY.update(acme=ACME, acmecrm=ACMECRM)
exec((here / "tests/contract/senders.py").read_text(), vars(senders))
senders.SENDERS["acme"] = senders._acme()
crms.AcmeCrmSimulator = AcmeCrmSimulator
exec((here / "tests/contract/crms.py").read_text(), vars(crms))
crms.STANDS["acmecrm"] = crms._acmecrm
"""


def printed() -> dict[str, str]:
    """The files that the pages build, by their path."""
    return {name: code for page in PAGES for name, code in BLOCK.findall((ROOT / "docs" / page).read_text())}


def judge(files: dict[str, str], folder: Path, which: str) -> tuple[int, str]:
    """Pytest's exit code and words on the contract suites with these connectors in the registry."""
    for name, code in {**files, "printed_connectors.py": PLUGIN}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(code)
    suites = [f"tests/contract/test_{name}.py" for name in ("hooks", "nonsense", "crms")]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "printed_connectors",
            "-p",
            "no:cacheprovider",
            "-k",
            which,
            *suites,
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))},
        capture_output=True,
        text=True,
        timeout=170,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_connectors_of_the_pages_pass_the_suites(tmp_path: Path) -> None:
    code, words = judge(printed(), tmp_path, "acme")
    assert code == 0, words[-3000:]
    assert int(re.findall(r"(\d+) passed", words)[0]) >= 100


def test_a_mistake_on_a_page_would_be_noticed(tmp_path: Path) -> None:
    files = printed()
    for name, was, becomes in (
        ("connectors/acme/events.py", "raise BadSignature", "BadSignature"),
        ("connectors/acmecrm/crm.py", "if found else Absent()", "if not found else Absent()"),
    ):
        assert was in files[name]
        files[name] = files[name].replace(was, becomes)
    code, words = judge(files, tmp_path, "acme and (wrong_secret or nothing_is_found)")
    assert code == 1
    assert {"test_wrong_secret_is_refused[acme]", "test_nothing_is_found_before_anything_was_sent[acmecrm]"} <= set(
        re.findall(r"FAILED \S+::(\S+)", words)
    )
