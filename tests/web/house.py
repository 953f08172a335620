"""A hub with something on every page, served to a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask

from hub.config import load_settings
from hub.db.engine import Database
from hub.db.migrate import upgrade
from hub.db.work import InboxRow
from tests.web.browser import chromium, serving
from tests.web.conftest import Notes, log_in
from tests.web.rule_stage import add_world, rules_app
from tests.web.seed import Seeded, add_busy_day, add_trouble, add_workspace
from tests.web.test_doors import OPEN_TO_ALL
from tests.web.test_statements import add_statement
from tests.web.things import add_callback, add_tracking


@dataclass(frozen=True)
class House:
    """A served hub; `paths` are all pages that answer its owner with HTML."""

    address: str
    busy: Seeded
    empty: Seeded
    paths: list[str]
    database: Database
    browser: Any


@contextmanager
def furnished(home: Path) -> Iterator[House]:
    """Two workspaces in `home`, a busy one and an empty one, and Chromium beside them."""
    settings = load_settings({}, home=home)
    upgrade(settings.database_url)
    database = Database(settings.database_url)
    busy, empty = add_workspace(database), add_workspace(database, "quiet")
    calls = add_busy_day(database, busy)
    add_world(database, busy)
    add_trouble(database, busy)
    with database.reading() as session:
        item_id = session.query(InboxRow.id).filter_by(state="quarantined").limit(1).scalar()
    ids = {
        "call_id": calls[0], "connection_id": busy.crm_id, "item_id": item_id, "place": 1,
        "statement_id": add_statement(database, busy), **add_tracking(database, busy), **add_callback(database, busy),
    }  # fmt: skip
    app = rules_app(settings, database, Notes())
    paths = html_pages(app, busy, ids)
    with serving(app) as address, chromium() as browser:
        yield House(address, busy, empty, paths, database, browser)
    database.close()


def html_pages(app: Flask, seeded: Seeded, ids: dict[str, Any]) -> list[str]:
    """Every address that a person may open and that answers with a page; none is named by hand."""
    client, found = (
        log_in(app, seeded),
        [
            "/admin/calls?q=nothing",
            "/admin/deliveries?view=dead",
            "/admin/deliveries/preview?all=1&view=all",
            "/admin/quarantine/preview?all=1",
            "/admin/reports?view=days",
            "/admin/reports?view=employees",
            f"/admin/connections/{seeded.pbx_id}",
            "/api/docs",
            "/admin/start/pbx?vendor=mango",
            "/admin/start/crm?vendor=bitrix24",
        ],
    )
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("pages.") or rule.endpoint in OPEN_TO_ALL or "GET" not in (rule.methods or ()):
            continue
        if not rule.arguments <= set(ids):
            assert rule.arguments == {"connection_id", "form"}, f"no id for {rule}"
            continue
        with app.test_request_context():
            path = app.url_map.bind("").build(rule.endpoint, {name: ids[name] for name in rule.arguments})
        answer = client.get(path)
        assert answer.status_code in {200, 302}, path
        if answer.status_code == 200 and answer.mimetype == "text/html":
            found.append(path)
    return found
