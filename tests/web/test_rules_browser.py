"""The rules pages in a real browser: live, by keyboard, narrow, without JavaScript, for everybody (axe)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from hub.config import Settings
from hub.db.engine import Database
from tests.web.browser import chromium, serving, sign_in
from tests.web.conftest import Notes
from tests.web.rule_stage import add_world, rules_app
from tests.web.seed import Seeded

PAGES = ("", "/rule/1", "/people", "/more", "/try", "/versions")


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    file = tmp_path / "test.sqlite3"
    shutil.copyfile(migrated_sqlite, file)
    return f"sqlite:///{file}"


@pytest.mark.browser
def test_a_rule_is_tried_live_kept_by_keyboard_and_every_page_is_for_everybody(
    settings: Settings, database: Database, notes: Notes, acme: Seeded
) -> None:
    add_world(database, acme)
    with serving(rules_app(settings, database, notes)) as address, chromium() as browser:
        base = f"{address}/admin/rules/{acme.crm_id}"
        page = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900}).new_page()
        sign_in(page, address, acme)
        page.goto(f"{base}/rule/0")
        page.fill("input[name=name]", "Everybody new")
        page.fill("input[name=title]", "New: {client.phone}")
        page.locator("#tried", has_text="New: +7 900 123-45-00").wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url(base)
        assert page.locator("#rule-table tbody tr").first.inner_text().startswith("1.")
        page.locator("button", has_text="↓").first.press("Enter")
        page.locator("#rule-table tbody tr:nth-child(2)", has_text="Everybody new").wait_for()
        page.wait_for_url(f"{base}#rule-2")
        page.keyboard.press("Tab")  # goes on from the rule, wherever it has moved to
        assert page.evaluate("document.activeElement.closest('tr').rowIndex") == 2
        narrow = browser.new_context(locale="ru-RU", viewport={"width": 390, "height": 844}, bypass_csp=True).new_page()
        sign_in(narrow, address, acme)
        for part in PAGES:
            narrow.goto(base + part)
            assert narrow.evaluate("document.documentElement.scrollWidth") <= 390, part
            assert Axe().run(narrow).response["violations"] == [], part
        plain = browser.new_context(locale="en-GB", java_script_enabled=False).new_page()
        sign_in(plain, address, acme)
        plain.goto(f"{base}/rule/1")
        plain.click("button[formaction]")
        assert "It would come to" in plain.content()
