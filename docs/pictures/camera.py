"""The camera: Chromium on a hub's pages, and what of a page is taken."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

from docs.pictures.hubs import PATIENCE_SECONDS, ZONE, Tour

LANGUAGES = {"ru": "ru-RU", "en": "en-US"}
NARROW = 390
_WIDE = 1280
_COLOURS = 128
"""Of a palette: pages have few, and a picture with a palette is a third as large."""
_LOOK_AGAIN_SECONDS = 1.0
_INVENT_ADDRESSES = """(hub) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const shown = texts.currentNode.data.replaceAll(hub, "https://calls.acme.example");
    texts.currentNode.data = shown.replaceAll(/http:\\/\\/127\\.0\\.0\\.1:\\d+/g, "https://shop.example");
  }
}"""
"""On a picture the hub and the shop stand where a reader's would, not on ports of the machine that took it."""


@dataclass(frozen=True)
class Picture:
    """One picture. `opens` is a link that is followed from `path`; `shows` must be on the page before it is taken, and
    the page is loaded anew until it is. `cut` is what is taken of it, at most `tallest` pixels of its height; the
    whole window without it. `first` is done once before the picture is taken in the first language."""

    name: str
    path: str
    opens: str = ""
    shows: str = "main h1"
    cut: str = "main"
    tallest: int = 1000
    width: int = _WIDE
    first: Callable[[Tour, Page], None] | None = None


@contextlib.contextmanager
def chromium(language: str) -> Iterator[Browser]:
    """Chromium whose own words (days in date fields) are in that language."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise click.ClickException("Chromium is not installed: run `make setup-tests`.")
    arguments = ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none", f"--lang={LANGUAGES[language]}"]
    with sync_playwright() as playwright:
        environment: dict[str, Any] = {**os.environ, "LANGUAGE": language}
        browser = playwright.chromium.launch(executable_path=path, args=arguments, env=environment)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def logged_in(browser: Browser, tour: Tour, language: str) -> Iterator[Page]:
    """A page of somebody who has logged in and reads in that language, by light and in the workspace's zone."""
    context = browser.new_context(
        locale=LANGUAGES[language], timezone_id=ZONE, color_scheme="light", reduced_motion="reduce",
        viewport={"width": _WIDE, "height": 900},
    )  # fmt: skip
    page = context.new_page()
    page.goto(f"{tour.hub}/admin/login")
    page.fill("input[name=email]", tour.email)
    page.fill("input[name=password]", tour.password)
    page.click("form.form button")
    page.wait_for_url(lambda url: "/login" not in url)
    if page.locator("html").get_attribute("lang") != language:
        page.locator(f"button[name=locale][value={language}]").click()
        page.wait_for_selector(f"html[lang={language}]")
    try:
        yield page
    finally:
        context.close()


def take(page: Page, hub: str, picture: Picture, file: Path) -> None:
    """Go where `picture` is and write it to `file`. Raises `ClickException` when what it shows does not come."""
    page.set_viewport_size({"width": picture.width, "height": picture.tallest})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _arrive(page, hub, picture):
        if time.monotonic() > deadline:
            raise click.ClickException(f"{picture.name}: {picture.shows} did not come on {page.url}.")
        time.sleep(_LOOK_AGAIN_SECONDS)
    page.mouse.move(0, 0)
    page.evaluate(_INVENT_ADDRESSES, hub)
    file.parent.mkdir(parents=True, exist_ok=True)
    seen = page.screenshot(clip=_clip(page, picture), full_page=True, animations="disabled")
    with Image.open(io.BytesIO(seen)) as image:
        image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


def _clip(page: Page, picture: Picture) -> FloatRect:
    box = page.locator(picture.cut).first.bounding_box() if picture.cut else None
    if box is None:
        return {"x": 0, "y": 0, "width": picture.width, "height": picture.tallest}
    return {**box, "height": min(_bottom(page, picture.cut), picture.tallest) - box["y"]}


def _arrive(page: Page, hub: str, picture: Picture) -> bool:
    page.goto(hub + picture.path)
    for link in filter(None, picture.opens.split(" >> ")):
        if not page.locator(link).count():
            return False
        page.locator(link).first.click()
        page.wait_for_load_state()
    with contextlib.suppress(Exception):  # what is not there now may be there the next time
        page.locator(picture.shows).first.wait_for(state="attached", timeout=2000)
    return page.locator(picture.shows).count() > 0


def _bottom(page: Page, cut: str) -> int:
    """Where the last thing in `cut` ends, and a little air."""
    script = "one => Math.max(...[...one.children].map((child) => child.getBoundingClientRect().bottom)) + 24"
    return int(page.locator(cut).first.evaluate(script))
