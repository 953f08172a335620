"""Cycles of kills, drops and flushes: a few in `make test`, a thousand in `make soak` (G3)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.faults.soak import soak


def test_fifteen_cycles_of_disaster_lose_and_double_nothing(tmp_path: Path) -> None:
    verdict = soak(15, seed=1, home=tmp_path)
    assert verdict.in_order, verdict.table()


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_thousand_cycles_of_disaster_lose_and_double_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`SOAK_CYCLES` and `SOAK_SEED` in the environment choose how many, and which."""
    cycles, seed = int(os.environ.get("SOAK_CYCLES", "1000")), int(os.environ.get("SOAK_SEED", "1"))
    with capsys.disabled():
        verdict = soak(cycles, seed, tmp_path)
    assert verdict.in_order, verdict.table()
