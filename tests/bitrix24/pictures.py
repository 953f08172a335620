"""The pictures of docs/bitrix24.md, made from the simulator: `python -m tests.bitrix24.pictures [folder]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from simulators.bitrix24.simulated import SimulatedPortal
from tests.e2e.hub import until
from tests.e2e.test_bitrix24_install import Firm, Town, logged, town
from tests.web.browser import chromium

LIBRARY = "https://api.bitrix24.com/**"
LIBRARY_STAND_IN = """
window.BX24 = {
  init: (then) => then(),
  fitWindow: () => {},
  installFinish: () => { document.documentElement.dataset.finished = "yes"; },
};
"""
SHOWN_AS = {"ru": "acme.bitrix24.ru", "en": "acme.bitrix24.com"}
"""What the stand-in's portal is called in a picture, by language."""
NAMES = ("bitrix24-install", "bitrix24-app", "bitrix24-card")
_CLIENT = "79006660101"
_RENAMED = """([is, shown]) => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) texts.currentNode.data = texts.currentNode.data.replaceAll(is, shown);
}"""


def frame_address(scene: Town, path: str, *, language: str = "ru", user_id: int = 1, call_id: str = "") -> str:
    portal, url = scene.firms[0].portal, f"{scene.hub.url}{path}"
    return frame_address_at(portal, url, language=language, user_id=user_id, call_id=call_id)


def frame_address_at(
    portal: SimulatedPortal, url: str, *, language: str = "ru", user_id: int = 1, call_id: str = ""
) -> str:
    """The portal's page that shows `url` of the application in a frame."""
    query = {"url": url, "lang": language, "user_id": user_id, "call_id": call_id}
    return f"{portal.base_url}/marketplace/app/?{urlencode(query)}"


@contextmanager
def ringing(firm: Firm, client: str, seconds: int = 15) -> Iterator[str]:
    """A telephone of the firm rings; the portal's CALL_ID of the call."""

    def calls() -> list[str]:
        with firm.portal.portal.lock:
            return [call.call_id for call in firm.portal.portal.live.values() if call.phone == f"+{client}"]

    firm.pbx._speed = 1.0
    try:
        firm.pbx.start("A", client=client, ring_seconds=seconds, talk_seconds=1)
        until(calls, 30, "the portal knows the call")
        yield calls()[0]
    finally:
        firm.pbx._speed = 0.0


@contextmanager
def portal_page(browser: Any, width: int, *, color_scheme: str = "light") -> Iterator[Any]:
    """A page of a browser that blocks third-party cookies, with a stand-in for the portal's script library."""
    viewport = {"width": width, "height": 940}
    context = browser.new_context(viewport=viewport, locale="ru-RU", color_scheme=color_scheme)
    context.route(LIBRARY, lambda route: route.fulfill(body=LIBRARY_STAND_IN, content_type="application/javascript"))
    page = context.new_page()
    try:
        yield page
    finally:
        context.close()


def application(page: Any) -> Any:
    """The application's frame once it has loaded."""
    frame = page.frame(name="app")
    frame.wait_for_selector("h1")
    return frame


def take(folder: Path) -> None:
    """All pictures in both languages: `folder`/<language>/<name>.png."""
    with tempfile.TemporaryDirectory() as home, town(Path(home)) as scene, chromium() as browser:
        firm = scene.firms[0]
        for language in SHOWN_AS:
            shot = partial(_shoot, browser, scene, folder, language)
            shot("bitrix24-install", "/bitrix24/install")
            firm.pbx.play("A", client=_CLIENT)
            logged(firm, _CLIENT, len([one for one in firm.calls() if one == f"+{_CLIENT}"]) or 1)
            until(lambda: _people(browser, scene), 60, "the employees are there")
            shot("bitrix24-app", "/bitrix24/app")
            with ringing(firm, _CLIENT, 30) as call_id:
                shot("bitrix24-card", "/bitrix24/card", width=640, call_id=call_id)


def _shoot(
    browser: Any,
    scene: Town,
    folder: Path,
    language: str,
    name: str,
    path: str,
    *,
    width: int = 1000,
    call_id: str = "",
) -> None:
    """What the portal shows at `path`, as high as its text is; the stand-in's address is an invented portal's."""
    with portal_page(browser, width) as page:
        page.goto(frame_address(scene, path, language=language, call_id=call_id))
        frame = application(page)
        for place in (page, frame):
            place.evaluate(_RENAMED, [scene.firms[0].portal.domain, SHOWN_AS[language]])
        bottom = frame.evaluate("Math.ceil(document.querySelector('main').getBoundingClientRect().bottom)") + 16
        page.locator("iframe").evaluate("(one, height) => { one.style.height = `${height}px`; }", bottom)
        height = page.locator("header").bounding_box()["height"] + bottom
        page.set_viewport_size({"width": width, "height": int(height)})
        clip = {"x": 0, "y": 0, "width": width, "height": height}
        page.screenshot(path=folder / language / f"{name}.png", clip=clip)


def _people(browser: Any, scene: Town) -> bool:
    with portal_page(browser, 1280) as page:
        page.goto(frame_address(scene, "/bitrix24/app"))
        return bool(application(page).locator("#staff tbody tr").count())


if __name__ == "__main__":
    take(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[2] / "docs" / "images")
