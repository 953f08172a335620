"""The report by source in the API: the same figures as the page's, for programs."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from hub.db.engine import Database
from tests.web.conftest import bearer
from tests.web.seed import Seeded
from tests.web.test_reports import add_sources

WEEK = "from=2026-05-08T00:00:00Z&to=2026-05-16T00:00:00Z"


def asked(app: Flask, seeded: Seeded, arguments: str) -> list[dict[str, Any]]:
    body = app.test_client().get(f"/api/v1/reports/sources?{arguments}", headers=bearer(seeded)).get_json()
    assert body["next"] is None
    items: list[dict[str, Any]] = body["items"]
    assert len({item["id"] for item in items}) == len(items)
    return items


def test_calls_of_the_period_are_counted_by_source_the_most_first(
    app: Flask, acme: Seeded, stranger: Seeded, database: Database
) -> None:
    add_sources(database, acme)
    add_sources(database, stranger)
    yandex, maps = asked(app, acme, f"{WEEK}&direction=inbound")
    assert {name: yandex[name] for name in ("source", "medium", "calls", "answered", "missed", "talk_seconds")} == {
        "source": "yandex", "medium": "cpc", "calls": 4, "answered": 3, "missed": 1, "talk_seconds": 285,
    }  # fmt: skip
    assert (maps["source"], maps["calls"]) == ("2gis", 1)
    assert [item["source"] for item in asked(app, acme, WEEK)] == ["yandex", None, "2gis"]
    assert asked(app, acme, f"{WEEK}&connection=b24") == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("by", "first"),
    [
        ("channel", {"channel": "paid_search", "source": None, "calls": 4}),
        ("campaign", {"source": "yandex", "medium": "cpc", "campaign": "c0", "calls": 2}),
    ],
)
def test_other_groupings_name_their_parts(
    app: Flask, acme: Seeded, database: Database, by: str, first: dict[str, object]
) -> None:
    add_sources(database, acme)
    found = asked(app, acme, f"{WEEK}&direction=inbound&by={by}")[0]
    assert {name: found[name] for name in first} == first


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_id_stays_the_same_from_report_to_report(app: Flask, acme: Seeded, database: Database) -> None:
    add_sources(database, acme)
    before = asked(app, acme, f"{WEEK}&direction=inbound")
    after = asked(app, acme, "from=2026-01-01T00:00:00Z&to=2026-05-16T00:00:00Z")
    assert {item["id"] for item in before} <= {item["id"] for item in after}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "arguments", ["by=colour", "from=2026-05-16&to=2026-05-08", "direction=sideways", "from=yesterday"]
)
def test_a_question_that_makes_no_sense_is_refused_by_the_field(app: Flask, acme: Seeded, arguments: str) -> None:
    answer = app.test_client().get(f"/api/v1/reports/sources?{arguments}", headers=bearer(acme))
    assert (answer.status_code, len(answer.get_json()["errors"])) == (422, 1)
