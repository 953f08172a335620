"""A shop page on a server of its own, as a customer's site would have it."""

from __future__ import annotations

import re

from flask import Flask
from playwright.sync_api import BrowserContext, Page

POOL_TEXT = re.compile(r"8 \(495\) 111-00-0[123]")

PAGE = """<!doctype html><html lang="ru"><head><meta charset="utf-8"><title>Магазин</title>
<link rel="icon" href="data:,">
<script async src="{hub}/t/shop.js"></script></head><body>
<header>Звоните: <span id="plain">8 (495) 000-00-00</span>, <b id="plus">+7 495 000-00-00</b>,
<a id="link" href="tel:+74950000000">позвонить</a></header>
<p id="other">8 (495) 000-00-01 и 74950000000123</p>
<p id="split" data-dozvon>8 (495) <b>000</b>-<i>00-00</i></p>
<p id="made" data-dozvon-html>8 (495) 000-00-00</p>
<p data-dozvon-skip id="skipped">8 (495) 000-00-00</p>
<textarea id="typed">8 (495) 000-00-00</textarea>
<a id="next" href="/next">дальше</a><div id="late"></div>{more}</body></html>"""


def shop_app(hub: list[str]) -> Flask:
    """`hub[0]` is the hub's address, known only after both servers have started; `hub[1]` is markup to add."""
    app = Flask("shop")

    @app.get("/")
    @app.get("/next")
    def page() -> str:
        return PAGE.format(hub=hub[0], more=hub[1] if len(hub) > 1 else "")

    return app


def open_page(context: BrowserContext, address: str) -> tuple[Page, list[str]]:
    page = context.new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.goto(address)
    return page, troubles


def wait_for_text(page: Page, place: str, pattern: str, timeout: float = 5000) -> str:
    page.wait_for_function(
        "([place, pattern]) => new RegExp(pattern).test(document.querySelector(place).textContent)",
        arg=[place, pattern],
        timeout=timeout,
    )
    return page.inner_text(place)


def given(page: Page) -> str:
    return wait_for_text(page, "#plain", POOL_TEXT.pattern)
