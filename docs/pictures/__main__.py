"""Takes the pictures of the documentation: `make pictures`, or `python -m docs.pictures NAME…` for some of them.

Starts the demo with its stand-ins, waits until there is something to see, and drives Chromium through the pages in
both languages. The steps of the first ten minutes are taken from a second hub, which begins empty. What comes out is
`docs/images/<language>/<name>.png` for every `Picture` of the two tables below.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import click
from playwright.sync_api import Page

from docs.pictures.camera import LANGUAGES, NARROW, Picture, chromium, logged_in, take
from docs.pictures.hubs import Tour, demo, empty_hub
from simulators.bitrix24 import Bitrix24Simulator
from simulators.mango import MangoSimulator
from simulators.mango.faults import Faults

FOLDER = Path(__file__).parents[1] / "images"
_PATIENT = Faults(rate_limits=False)
"""The pages are looked at faster than a person would; Mango's limits are not what the pictures are about."""
_API_KEY, _API_SALT = "demoapikey000000000000000000abcd", "demoapisalt00000000000000000wxyz"


# --- what has to happen before a picture ----------------------------------------------------------------------------


def _someone_rings(tour: Tour, _page: Page) -> None:
    """A VIP rings Anna, whose page it is, and goes on ringing."""
    wish = {
        "timeline": "ringing_until_routed", "client": "79001234507", "extension": "101",
        "wait_for_command_seconds": 45,
    }  # fmt: skip
    place = tour.addresses["Mango PBX"].removesuffix("/ledger")
    request = urllib.request.Request(f"{place}/play", json.dumps(wish).encode())  # noqa: S310 - our own stand-in
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


def _browser_visits_shop(tour: Tour, page: Page) -> None:
    """The tracker in a real browser: it says where on the page it replaced the number."""
    page.goto(f"{tour.addresses['Shop']}?utm_source=yandex&utm_medium=cpc&utm_campaign=spring")
    page.wait_for_function("window.dozvon && dozvon.getNumber && dozvon.getNumber()")


def _days_are_compared(tour: Tour, _page: Page) -> None:
    words = [sys.executable, "-m", "hub.cli", "reconcile", "--grace", "60", "--home", str(tour.home)]
    environment = {**os.environ, "DOZVON_ALLOW_HOSTS": "127.0.0.1"}
    subprocess.run(words, check=False, capture_output=True, env=environment)  # noqa: S603 - exit 1 is a result too


def _ready_rules_become_the_draft(tour: Tour, page: Page) -> None:
    page.goto(f"{tour.hub}/admin/rules")
    page.locator("main a", has_text="b24").click()
    page.locator("main nav a[href$='/versions']").click()
    page.locator("form:has([value=sales_team]) button").first.click()
    page.wait_for_load_state()


PICTURES = (
    Picture(
        "call", "/admin/calls?outcome=answered&direction=inbound&q=yandex", opens="main table a", shows="audio",
        tallest=2300,
    ),
    Picture("overview", "/admin/", cut="", tallest=1080),
    Picture("reports", "/admin/reports", shows="#groups tbody tr"),
    Picture("rules", "/admin/rules", opens="main a:text-is('b24')", shows="main table"),
    Picture(
        "rules-dry-run", "/admin/rules", opens="main a:text-is('b24') >> main nav a[href$='/try']", tallest=1300,
        first=_ready_rules_become_the_draft,
    ),
    Picture("connection", "/admin/connections", opens="main a:text-is('b24')", shows="canvas", tallest=1300),
    Picture("deliveries", "/admin/deliveries?view=dead", shows="main tbody tr"),
    Picture("statement", "/admin/statements", opens="main table a", tallest=1100, first=_days_are_compared),
    Picture("tracking-site", "/admin/sites/shop", tallest=1250, first=_browser_visits_shop),
    Picture("callbacks", "/admin/callbacks", shows="main tbody tr:nth-child(3)"),
    Picture("desk", "/admin/desk", shows=".caller.rings", first=_someone_rings),
    Picture("desk-390", "/admin/desk", shows=".caller", cut="", width=NARROW, tallest=844),
    Picture("users", "/admin/workspace/users"),
    Picture("audit", "/admin/workspace/audit", shows="main tbody tr"),
    Picture("quarantine", "/admin/quarantine", shows="main tbody tr"),
)  # fmt: skip
"""Taken from the demo, in this order."""
FIRST_STEPS = (
    Picture("wizard-pbx", "/admin/start/pbx?vendor=mango", shows="[name='secrets.api_key']"),
    Picture("wizard-crm", "/admin/start/crm?vendor=bitrix24", shows="[name='secrets.webhook_url']"),
    Picture("wizard-employees", "/admin/start/people", shows="main table"),
)
"""Taken from an empty hub on its way to the first call, in this order."""


def take_first_steps(folder: Path, names: Sequence[str], images: Path) -> None:
    """In each language an owner connects PBX and CRM, and a picture is taken at each step."""
    wanted = [picture for picture in FIRST_STEPS if picture.name in names]
    for language in LANGUAGES if wanted else ():
        with (
            Bitrix24Simulator(strict=False) as portal,
            MangoSimulator(hub_url="", api_key=_API_KEY, api_salt=_API_SALT, faults=_PATIENT) as pbx,
            empty_hub(folder / f"empty-{language}", language) as tour,
            chromium(language) as browser,
            logged_in(browser, tour, language) as page,
        ):
            steps = {one.name: [one] for one in wanted}
            _take_all(page, tour, steps.get("wizard-pbx", []), language, images)
            keys = {"api_key": _API_KEY, "api_salt": _API_SALT, "base_url": pbx.base_url}
            _connect(page, tour, "/admin/start/pbx?vendor=mango", keys)
            pbx.sends_to(page.locator("#hook-address").inner_text())
            pbx.play("A", client="79001234567")
            _take_all(page, tour, steps.get("wizard-crm", []), language, images)
            _connect(page, tour, "/admin/start/crm?vendor=bitrix24", {"webhook_url": portal.webhook_url})
            _take_all(page, tour, steps.get("wizard-employees", []), language, images)


def _connect(page: Page, tour: Tour, path: str, keys: dict[str, str]) -> None:
    page.goto(tour.hub + path)
    page.locator("main details").evaluate_all("all => all.forEach((one) => { one.open = true })")
    for name, value in keys.items():
        page.fill(f"[name$='.{name}']", value)
    page.locator("main form:has([name^='secrets.']) button").last.click()
    page.wait_for_selector(".note.good")


def _take_all(page: Page, tour: Tour, wanted: Sequence[Picture], language: str, images: Path) -> None:
    for picture in wanted:
        began = time.monotonic()
        if picture.first is not None and language == next(iter(LANGUAGES)):
            picture.first(tour, page)
        take(page, tour.hub, picture, images / language / f"{picture.name}.png")
        click.echo(f"  {language}/{picture.name}.png  {time.monotonic() - began:.1f} s")


ALL = (*PICTURES, *FIRST_STEPS)


@click.command(epilog="Example:  python -m docs.pictures call rules")
@click.argument("names", nargs=-1, type=click.Choice(sorted(one.name for one in ALL)))
@click.option("--images", default=FOLDER, type=click.Path(file_okay=False, path_type=Path), help="Where they go.")
def main(names: tuple[str, ...], images: Path) -> None:
    """Take the pictures NAMES, or all of them, in both languages. It takes about five minutes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # so that the hubs are ended as well
    names = names or tuple(one.name for one in ALL)
    with tempfile.TemporaryDirectory(prefix="pictures-") as place:
        folder = Path(place)
        click.echo("The first ten minutes, on an empty hub:")
        take_first_steps(folder, names, images)
        wanted = [one for one in PICTURES if one.name in names]
        if wanted:
            click.echo("The demo: waiting for its calls")
            with demo(folder) as tour:
                for language in LANGUAGES:
                    with chromium(language) as browser, logged_in(browser, tour, language) as page:
                        _take_all(page, tour, wanted, language, images)


if __name__ == "__main__":
    main()
