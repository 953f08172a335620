"""No how-to is only claimed: every block that somebody might do is executed by a test, or it is said why not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.docs import test_on_the_running_hub, test_on_the_server
from tests.docs.howto import EXECUTED, ROOT, Block, blocks_with, every_block

WHY_NOT = {
    ("README.md", "make run"): "the demo: tests/cli/test_demo.py; the tests themselves",
    ("docs/index.md", "make run"): "the demo: tests/cli/test_demo.py",
    ("docs/adding-a-connector.md", "make test"): "the tests themselves",
    ("docs/testing.md", "make test"): "the tests themselves",
    ("docs/reliability.md", "make soak"): "the tests themselves, for hours",
    ("docs/simulators-amocrm.md", "accounts="): "an outline: the reader's own test stands where the dots are",
    ("docs/simulators-bitrix24.md", "ManualClock()"): "an outline: the reader's own test stands where the dots are",
    (
        "docs/security.md",
        "DOZVON_OIDC_ISSUER=",
    ): "settings of a provider that is not here: tests/web/test_oidc.py logs in through one",
    ("docs/routing.md", "same => n"): "a dialplan of Asterisk: no such PBX here; its request is executed",
}
"""Blocks that are not executed here, by page and words, and why."""
ELSEWHERE = {
    "docs/adding-a-pbx.md": "tests/test_docs_connectors.py",
    "docs/adding-a-crm.md": "tests/test_docs_connectors.py",
    "docs/webhook-connector.md": "tests/webhook/test_documentation.py",
}
"""Pages whose Python is executed by a test of its own: page to test."""


ATTRIBUTION = (
    *blocks_with("docs/attribution.md", "from hub.tracking import CallFact"),
    *blocks_with("docs/attribution.md", "from hub.tracking import DelayLaw"),
)
EXECUTED.update(ATTRIBUTION)


def test_the_examples_of_attribution_answer_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for block in ATTRIBUTION:
        exec(compile(block.text, block.place, "exec"), names)
    assert capsys.readouterr().out.startswith("v1 ")
    assert names["answer"].visit_id == "v1"
    assert len(names["history"]) == 1


def excused() -> set[Block]:
    here = {block for page, says in WHY_NOT for block in blocks_with(page, says)}
    pages = {name for page in ELSEWHERE for name in (page, page.replace(".md", ".ru.md"))}
    return here | {block for block in every_block() if block.page in pages and block.kind in {"python", "json"}}


def test_every_block_is_executed_or_it_is_said_why_not() -> None:
    assert test_on_the_server
    assert test_on_the_running_hub
    assert [block.place for block in every_block() if block not in EXECUTED | excused()] == []


def test_nothing_is_excused_that_is_executed() -> None:
    assert [block.place for block in EXECUTED & excused()] == []


def test_the_tests_elsewhere_are_there_and_speak_of_the_page() -> None:
    lost = [
        page
        for page, test in ELSEWHERE.items()
        if not (ROOT / test).exists() or page.removeprefix("docs/") not in (ROOT / test).read_text()
    ]
    assert lost == []
