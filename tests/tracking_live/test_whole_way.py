"""A page in Chromium, a signed call of the PBX, the CRM: the whole way in real processes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hub import stage, until
from tests.services import free_port
from tests.tracking_live.shop import given, open_page, shop_app
from tests.tracking_live.stage import AD
from tests.web.browser import chromium, serving

pytestmark = pytest.mark.browser

SITE = """
[[site]]
key = "shop"
name = "shop.example"
origins = ["{shop}"]
default_number = "+74950000000"
pool = ["+74951110001", "+74951110002"]
"""


def test_a_call_to_the_number_on_the_page_reaches_the_crm_with_the_visits_labels(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    markup: list[str] = [f"http://127.0.0.1:{free_port()}"]
    with serving(shop_app(markup)) as shop, stage(home, more=SITE.format(shop=shop)) as scene:
        markup[0] = scene.hub.url
        with chromium() as browser:
            page, troubles = open_page(browser.new_context(), shop + AD)
            given(page)
            number = page.evaluate("dozvon.getNumber().number")
            client = "79001110077"
            assert scene.pbx.play("A", client=client, line=number.lstrip("+"), start=datetime.now(UTC)).accepted
            until(lambda: _lead(scene, client), what="the lead is in the CRM")
            until(scene.all_done, what="nothing under way any more")
        lead = _lead(scene, client)
        assert (lead["UTM_SOURCE"], lead["UTM_MEDIUM"], lead["UTM_CAMPAIGN"]) == ("yandex", "cpc", "spring")
        listed = scene.hub.get(f"/api/v1/calls?phone=%2B{client}")["items"]
        told = scene.hub.get(f"/api/v1/calls/{listed[0]['id']}")
        assert told["attribution"]["chosen"]["source"] == "yandex"
        assert told["attribution"]["candidates"][0]["on_page"] is True
        assert "add_note" in {delivery["intent"] for delivery in told["deliveries"] if delivery["state"] == "done"}
        assert scene.b24.ledger.offences() == []
        assert troubles == []


def _lead(scene: Any, client: str) -> Any:
    return next((lead for lead in scene.b24.leads() if lead["PHONE"][0]["VALUE"] == f"+{client}"), None)
