"""Fifty lines × twelve situations × sources: read, checked, answered and pasted without anybody having to wait."""

from __future__ import annotations

import time
from itertools import product
from typing import Any

from hub.domain.party import Source
from hub.domain.phone import Phone
from hub.domain.treatment import PersonState
from hub.web.rules.reading import policy_pasted, policy_rows
from mapping.check import CrmDefinitions, check
from mapping.files import read_text, write_text
from mapping.model import Situation
from mapping.policy import Cell, decide
from mapping.schema import read_rules, write_rules

LINES = [f"+7495000{number:04d}" for number in range(50)]
SOURCES = ["yandex/cpc", "google/cpc", "vk/*", "unknown"]
SITUATIONS = [one for one in Situation if one is not Situation.INTERNAL]


def large() -> dict[str, Any]:
    """A rule for each cell, the last of them for everything else: the worst there is for whoever looks them through."""
    policy: list[dict[str, Any]] = [
        {
            "name": f"{line} {situation} {source}", "situation": [str(situation)], "line": [line], "source": [source],
            "person": ["unknown"], "outcome": "lead", "responsible": ["round_robin"], "users": ["7", "8"],
        }
        for line, situation, source in product(LINES, SITUATIONS, SOURCES)
    ]  # fmt: skip
    policy[0] |= {"open_deal": "new", "stage": "NEW", "title": "{source.source}: {client.phone}"}
    return {"version": 1, "policy": policy}


def test_two_thousand_rules_answer_ten_thousand_calls_in_little_time() -> None:
    document = large()
    began = time.process_time()
    rules = read_rules(document)
    assert check(rules, CrmDefinitions(users={"7": True, "8": True})) == []
    found = 0
    for number in range(10_000):
        line = LINES[number % 50]
        source = Source("yandex", "cpc", f"campaign {number % 40}") if number % 2 else None
        persons = frozenset({PersonState.UNKNOWN if number % 3 else PersonState.CONTACT})
        cell = Cell(SITUATIONS[number % 11], Phone(line, line), source, persons)
        found += bool(decide(rules, cell).name)
    assert found > 6000
    assert time.process_time() - began < 20


def test_a_large_table_goes_to_a_spreadsheet_and_to_files_and_comes_back_the_same() -> None:
    document = write_rules(read_rules(large()))
    assert policy_rows(policy_pasted(document)) == document["policy"]
    for form in ("toml", "json"):
        assert read_text(write_text(document, form), form) == document
