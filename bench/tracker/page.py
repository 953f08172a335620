"""What the script costs a page's main thread, by Chromium's own profiler, and how far the page moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from hub.db.migrate import upgrade
from tests.services import running_broker
from tests.tracking_live.shop import given
from tests.tracking_live.stage import AD, World, shop_and_hub
from tests.web.browser import chromium

_SHIFTS = (
    "window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach((one) => shift += one.value))"
    ".observe({ type: 'layout-shift', buffered: true })"
)
_EVERY_MICROSECONDS = 100
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Cost:
    """`milliseconds` of the script on the main thread from its start to the number shown; `shift` is the CLS."""

    paragraphs: int
    milliseconds: float
    shift: float


def measure_pages(folder: Path, sizes: Sequence[int]) -> list[Cost]:
    """The middle one of five loads of pages with so many paragraphs, one in fifty with the number in it."""
    url = f"sqlite:///{folder / 'page.sqlite3'}"
    upgrade(url)
    with running_broker() as broker, shop_and_hub(folder, url, broker.url) as world, chromium() as browser:
        world.markup.append("")
        return [_middle(browser, world, size) for size in sizes]


def _middle(browser: Browser, world: World, size: int) -> Cost:
    world.markup[1] = ("<p>слова на странице</p>" * 49 + "<p>8 (495) 000-00-00</p>") * (size // 50)
    costs = sorted((_load(browser, world, size) for _ in range(_ROUNDS)), key=lambda cost: cost.milliseconds)
    return costs[_ROUNDS // 2]


def _load(browser: Browser, world: World, size: int) -> Cost:
    context = browser.new_context()
    context.add_init_script(_SHIFTS)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Profiler.enable")
    session.send("Profiler.setSamplingInterval", {"interval": _EVERY_MICROSECONDS})
    session.send("Profiler.start")
    page.goto(world.shop + AD)
    given(page)
    profile = session.send("Profiler.stop")["profile"]
    shift = float(page.evaluate("shift"))
    context.close()
    return Cost(size, _own_milliseconds(profile), shift)


def _own_milliseconds(profile: dict[str, Any]) -> float:
    """Time in which the script's functions, or what they called, were running."""
    ours: set[int] = set()
    for node in profile["nodes"]:  # parents come first
        if node["callFrame"]["url"].endswith("/t/shop.js") or node["id"] in ours:
            ours |= {node["id"], *node.get("children", [])}
    spent = zip(profile["samples"], profile["timeDeltas"], strict=True)
    return float(sum(microseconds for node, microseconds in spent if node in ours)) / 1000
