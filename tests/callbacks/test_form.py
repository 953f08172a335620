"""The callback form of the script, in a real Chromium on a shop's page, by keyboard and without its consent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask
from sqlalchemy import select

from hub.config import Settings
from hub.db.callbacks import CallbackRow
from hub.net.bucket import Bucket
from hub.net.http import Http
from hub.net.ledger import UsageLedger
from hub.net.tokens import TokenService
from hub.runtime import Runtime
from hub.web import WebServices, create_web
from tests.tracking_live import stage
from tests.tracking_live.conftest import Hub
from tests.tracking_live.shop import open_page
from tests.tracking_live.stage import World, shop_and_hub

pytestmark = pytest.mark.browser

_BUTTON = '<button id="call" data-dozvon-callback data-dozvon-policy="/policy">Позвоните мне</button>'


def _web_app(hub: Hub, settings: Settings, now: Callable[[], datetime]) -> Flask:
    runtime = Runtime(
        settings=settings,
        database=hub.database,
        registry={},
        http=cast("Http", None),
        bucket=Bucket(None),
        tokens=TokenService(hub.database),
        ledger=UsageLedger(hub.database),
        now=now,
    )
    services = WebServices(
        replay_deliveries=lambda *_: 0,
        replay_inbox=lambda *_: 0,
        ready=list,
        registry={},
        now=now,
        recording_path=lambda _row: None,
        visitors=hub.visitors,
        runtime=runtime,
    )
    return create_web(settings, hub.database, services)


@pytest.fixture
def browser() -> Iterator[Any]:
    from tests.web.browser import chromium  # here: most tests of this folder need no browser

    with chromium() as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, migrated_sqlite: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(stage, "web_app", _web_app)
    file = tmp_path / "hub.db"
    file.write_bytes(migrated_sqlite.read_bytes())
    with shop_and_hub(tmp_path, f"sqlite:///{file}", redis_url) as running:
        running.markup.append(_BUTTON)
        yield running


def requests(world: World) -> list[CallbackRow]:
    with world.hub.database.reading() as session:
        return list(session.scalars(select(CallbackRow).order_by(CallbackRow.id)))


def test_the_form_opens_on_click_only_and_takes_a_request(world: World, browser: Any) -> None:
    context = browser.new_context(locale="ru-RU", timezone_id="Europe/Moscow")
    page, troubles = open_page(context, world.shop + "/?utm_source=yandex")
    page.wait_for_function("window.dozvon && window.dozvon.getNumber()")
    assert page.query_selector("dialog") is None
    page.focus("#call")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    assert page.evaluate("document.activeElement.name") == "phone"
    assert page.get_attribute("dialog a", "href") == "/policy"
    assert not page.is_checked("dialog [name=consent]")
    page.fill("dialog [name=phone]", "8 900 123-45-67")
    page.click("dialog button >> nth=0")
    assert requests(world) == [], "nothing is sent without consent"
    page.check("dialog [name=consent]")
    page.fill("dialog [name=phone]", "8 809 505-05-05")
    page.click("dialog button >> nth=0")
    page.wait_for_function("/платные/.test(document.querySelector('dialog [aria-live]').textContent)")
    page.fill("dialog [name=phone]", "8 900 123-45-67")
    page.fill("dialog [name=name]", "Ольга")
    page.click("dialog button >> nth=0")
    page.wait_for_function("/ерезвоним/.test(document.querySelector('dialog [aria-live]').textContent)")
    (row,) = requests(world)
    assert (row.e164, row.name, row.site, row.zone) == ("+79001234567", "Ольга", "shop", "Europe/Moscow")
    assert row.visit
    assert row.page == f"{world.shop}/?utm_source=yandex"
    assert row.more["consent"]["version"] == "Согласен на обработку персональных данных"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("document.activeElement.id") == "call"
    assert [trouble for trouble in troubles if "422" not in trouble] == []
    context.close()
