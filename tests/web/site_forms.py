"""The form of a site as a browser fills it in and sends it, and what came of it."""

from __future__ import annotations

import html
import re
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from hub.db.engine import Database
from hub.db.tables import AuditRow
from hub.db.tracking import SiteNumber, SiteRow
from tests.web.conftest import csrf_of

NEW = "/admin/new-site"
FIRST, SECOND, THIRD = "+74951110001", "+74951110002", "+74951110003"


def shop(**changed: str) -> dict[str, str]:
    return {"origins": "https://shop.example", "default_number": "8 (495) 000-00-00", "pool": FIRST, **changed}


def post(client: FlaskClient, path: str, form: dict[str, Any]) -> TestResponse:
    token = csrf_of(client.get("/admin/calls").text)
    return client.post(path, data={"csrf_token": token, **form})


def add(client: FlaskClient, **changed: str) -> str:
    """The key of a site that was added."""
    answer = post(client, NEW, shop(**changed))
    assert answer.status_code == 303, errors_of(answer)
    return answer.location.rsplit("/", 1)[1]


def form_of(client: FlaskClient, key: str) -> dict[str, str]:
    """What the form of a site holds, as a browser would send it back."""
    page = client.get(f"/admin/sites/{key}/change").text
    fields = dict(re.findall(r'<input name="(\w+)" value="([^"]*)"', page))
    fields |= dict(re.findall(r'<textarea name="(\w+)"[^>]*>\n?(.*?)</textarea>', page, re.DOTALL))
    fields |= dict(re.findall(r'<select name="(\w+)".*?<option value="(\w+)" selected', page, re.DOTALL))
    was = re.search(r'name="was" value="(\w+)"', page)
    assert was is not None
    fields["was"] = was[1]
    ticked = {"wait_for_interaction": "1"} if re.search(r'name="wait_for_interaction" value="1" checked', page) else {}
    return {name: html.unescape(value) for name, value in {**fields, **ticked}.items()}


def change(client: FlaskClient, key: str, **changed: str) -> TestResponse:
    return post(client, f"/admin/sites/{key}/change", {**form_of(client, key), **changed})


def errors_of(answer: TestResponse) -> dict[str, str]:
    found = re.findall(r'<span class="note bad" id="wrong-(\w+)">(.*?)</span>', answer.text)
    return {name: html.unescape(words) for name, words in found}


def site_of(database: Database, key: str) -> SiteRow | None:
    with database.reading() as session:
        return session.scalar(select(SiteRow).where(SiteRow.key == key))


def pool_of(database: Database, key: str) -> dict[str, str]:
    row = site_of(database, key)
    assert row is not None
    with database.reading() as session:
        held = select(SiteNumber).where(SiteNumber.site_id == row.id, SiteNumber.until.is_(None))
        return {one.number: one.region for one in session.scalars(held)}


def noted(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        query = select(AuditRow.action, AuditRow.subject).where(AuditRow.action.startswith("site."))
        return [(action, subject) for action, subject in session.execute(query.order_by(AuditRow.id))]
