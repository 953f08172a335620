"""The pages about sites, visits and numbers."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub.db.tables import User, Workspace
from hub.db.tracking import VisitRow
from hub.tracking.live.hours import write_hours
from tests.tracking_live.conftest import POOL, Hub
from tests.web.conftest import csrf_of


def log_in(app: Flask, hub: Hub, role: str = "marketer", slug: str = "acme") -> FlaskClient:
    with hub.database.transaction() as session:
        workspace = session.scalar(select(Workspace).where(Workspace.slug == slug))
        if workspace is None:
            workspace = Workspace(
                slug=slug, name=slug, timezone="UTC", region="RU", locale="ru", hours={}, created_at=hub.clock()
            )
            session.add(workspace)
            session.flush()
        session.add(
            User(
                workspace_id=workspace.id, email=f"{role}@{slug}.example", role=role, created_at=hub.clock(),
                password_hash=PasswordHasher(time_cost=1, memory_cost=64).hash("correct horse"),
            )
        )  # fmt: skip
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = "en"
    form = {"email": f"{role}@{slug}.example", "password": "correct horse"}
    page = client.get("/admin/login").text
    assert client.post("/admin/login", data={**form, "csrf_token": csrf_of(page)}).status_code == 303
    return client


def test_a_site_shows_its_snippet_its_numbers_and_whether_the_script_is_seen(app: Flask, hub: Hub) -> None:
    visitor = hub.arrive()
    client = log_in(app, hub)
    hub.write()
    before = client.get("/admin/sites/shop").text
    assert "/t/shop.js&#34;&gt;&lt;/script&gt;" in before
    assert "has not been seen on any page yet" in before
    assert "+7 495 111-00-01" in before
    hub.stay(visitor["visit"], seen={"url": "http://shop.example/", "texts": 4, "links": 2})
    hub.write()
    assert "it replaced the number in 4 texts and 2 links" in client.get("/admin/sites/shop").text


def test_the_advisor_says_how_many_numbers_would_have_been_enough(app: Flask, hub: Hub) -> None:
    for _ in range(5):
        hub.clock.pass_time(seconds=1)
        hub.arrive()
    hub.write()
    write_hours(hub.database, hub.client, hub.site_id)
    page = log_in(app, hub).get("/admin/sites/shop").text
    assert "2 of 5 visitors had to share a number" in page
    assert "6 numbers would have been enough; there are 3" in page
    assert "numbers were shared" in page


def test_a_visit_and_a_passport_lead_to_each_other(app: Flask, hub: Hub) -> None:
    visitor = hub.arrive(title="Двери")
    hub.write()
    client = log_in(app, hub)
    assert f"/admin/visits/{visitor['visit']}" in client.get("/admin/visits?site=shop").text
    visit = client.get(f"/admin/visits/{visitor['visit']}").text
    assert "Двери" in visit
    assert f"/admin/numbers/{visitor['number']}" in visit
    assert f"/admin/visits/{visitor['visit']}" in client.get(f"/admin/numbers/{visitor['number']}").text
    assert "shop.example" in client.get("/admin/sites").text


def test_another_workspace_sees_none_of_it(app: Flask, hub: Hub) -> None:
    hub.arrive()
    hub.write()
    with hub.database.reading() as session:
        uid = session.scalars(select(VisitRow.uid)).one()
    client = log_in(app, hub, slug="other")
    for path in ("/admin/sites/shop", f"/admin/visits/{uid}", f"/admin/numbers/{POOL[0]}"):
        assert client.get(path).status_code == 404
    assert uid not in client.get("/admin/visits").text
    assert "shop.example" not in client.get("/admin/sites").text


@pytest.mark.parametrize("path", ["/admin/sites", "/admin/visits"])
def test_agents_and_strangers_do_not_see_them(app: Flask, hub: Hub, path: str) -> None:
    assert log_in(app, hub, "agent").get(path).status_code == 403
    assert app.test_client().get(path).status_code == 302


def test_the_advisor_shows_the_curve_of_typed_figures_and_its_cost(app: Flask, hub: Hub) -> None:
    client = log_in(app, hub)
    assert "too few visits yet" in client.get("/admin/sites/shop/advisor").text
    page = client.get("/admin/sites/shop/advisor?visits=100&seconds=120&price=300").text
    assert "Of these right" in page
    assert "6 000" in page, "twenty numbers for 300 each"
    assert client.get("/admin/sites/shop/advisor?visits=nan&price=-1&seconds=x").status_code == 200
    assert client.get("/admin/sites/other/advisor").status_code == 404


def test_the_advisor_counts_by_the_sites_own_visits(app: Flask, hub: Hub) -> None:
    for _ in range(60):
        visitor = hub.arrive()
        hub.clock.pass_time(minutes=3)
        hub.leave(visitor["visit"])
        hub.clock.pass_time(minutes=20)
    hub.write()
    page = log_in(app, hub).get("/admin/sites/shop/advisor").text
    assert "own visits of the last seven days" in page
    assert ">3 <span" in page, "the present pool is one of the sizes"
