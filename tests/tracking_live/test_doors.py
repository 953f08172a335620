"""The doors under `/t/`: who may speak, how much, and what is never kept."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import redis
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from hub.db.tracking import LeaseRow, PageRow, SiteAlarm, SiteRow, VisitRow
from hub.tracking.live.entry import url_of, values_of
from hub.tracking.live.hours import write_hours
from hub.tracking.live.numbers_shown import formatted, spelling_of
from tests.tracking_live.conftest import AD, CHROME, ORIGIN, POOL, Clock, Hub


def say(app: Flask, what: str, said: object, *, origin: str | None = ORIGIN, **headers: str) -> TestResponse:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    given = {"User-Agent": CHROME, **({"Origin": origin} if origin else {}), **headers}
    return app.test_client().post(f"/t/shop/{what}", data=body, headers=given)


def rows(hub: Hub, table: type[Any]) -> list[Any]:
    hub.write()
    write_hours(hub.database, hub.client, hub.site_id)
    with hub.database.reading() as session:
        return list(session.scalars(select(table)))


def test_the_script_is_served_packed_and_may_be_loaded_by_any_page(app: Flask) -> None:
    answer = app.test_client().get("/t/shop.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.content_type == "text/javascript; charset=utf-8"
    plain = app.test_client().get("/t/shop.js").text
    assert '"national":"4950000000"' in plain
    assert '"SITE"' not in plain
    again = app.test_client().get(
        "/t/shop.js", headers={"If-None-Match": app.test_client().get("/t/shop.js").headers["ETag"]}
    )
    assert again.status_code == 304


def test_a_site_that_is_not_there_is_404(app: Flask) -> None:
    assert app.test_client().get("/t/nobody.js").status_code == 404
    assert app.test_client().post("/t/nobody/visit", data=b"{}", headers={"Origin": ORIGIN}).status_code == 404


def test_a_page_of_the_site_is_answered_and_may_read_the_answer(app: Flask) -> None:
    answer = say(app, "visit", {"url": AD})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.get_json()["number"] in POOL


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://shop.example.evil.example", "https://shop.example"]
)
def test_a_strangers_page_gets_nothing_and_is_seen(app: Flask, hub: Hub, origin: str | None) -> None:
    answer = say(app, "visit", {"url": AD}, origin=origin)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert rows(hub, LeaseRow) == []
    (alarm,) = rows(hub, SiteAlarm)
    assert (alarm.kind, alarm.times) == ("foreign_origin", 1)


def test_without_origins_the_sites_own_name_may_ask(app: Flask, hub: Hub) -> None:
    with hub.database.transaction() as session:
        session.get_one(SiteRow, hub.site_id).origins = []
    assert say(app, "visit", {"url": AD}, origin="https://www.shop.example").status_code == 200
    assert say(app, "visit", {"url": AD}, origin="https://evil.example").status_code == 403


@pytest.mark.parametrize(
    ("body", "status"), [(b"x", 400), (b"[]", 400), (b"[" * 5000, 400), (b'{"a":"' + b"x" * 9000 + b'"}', 413)]
)
def test_what_is_no_statement_is_refused_without_a_page(app: Flask, body: bytes, status: int) -> None:
    answer = say(app, "visit", body)
    assert answer.status_code == status
    assert answer.mimetype == "text/plain"


@pytest.mark.parametrize("name", ["visit", "beat", "bye", "pages", "report"])
@pytest.mark.parametrize(
    "said",
    [
        {}, {"v": 7, "url": [], "ref": {}, "ids": [1], "p": 3, "pages": "x", "seen": [], "fields": 1, "had": {}},
        {"url": "http://[", "title": "\x00\ud800", "ids": {"ga": "\x00"}, "v": "a" * 24, "u": "b" * 24},
        {"v": "../../x", "seen": {"texts": -1, "links": 10**30, "url": "javascript:x"}, "pages": [1, None, {}] * 90},
    ],
)  # fmt: skip
def test_nonsense_breaks_no_door(app: Flask, hub: Hub, name: str, said: dict[str, Any]) -> None:
    assert say(app, name, said).status_code in {200, 204}
    hub.write()
    assert hub.client.xlen(f"dz:t:{{{hub.site_id}}}:journal") == 0


def test_one_address_has_a_budget_and_going_over_it_is_seen(app: Flask, hub: Hub) -> None:
    hub.setup(visits_per_ip_hour=2)
    statuses = [say(app, "visit", {"url": AD}).status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    assert "budget" in {alarm.kind for alarm in rows(hub, SiteAlarm)}


def test_a_visit_over_the_budget_leaves_nothing_behind_that_the_next_page_could_be_led_by(app: Flask, hub: Hub) -> None:
    hub.setup(visits_per_ip_hour=1)
    say(app, "visit", {"url": f"{ORIGIN}/first"})
    before = set(hub.client.keys())
    assert say(app, "visit", {"url": f"{ORIGIN}/second"}).status_code == 429
    left = {key for key in set(hub.client.keys()) - before if b"trail" in key or b"visit:" in key}
    assert left == set()
    assert say(app, "visit", {"url": f"{ORIGIN}/third", "ref": f"{ORIGIN}/second"}).status_code == 429


def test_an_address_that_takes_most_of_the_pool_is_seen(hub: Hub) -> None:
    for _ in POOL:
        hub.arrive(address="203.0.113.9")
    assert {alarm.kind for alarm in rows(hub, SiteAlarm)} == {"drained"}


def test_bots_get_no_number_and_leave_no_visit(hub: Hub) -> None:
    robot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    assert hub.arrive(agent=robot)["number"] is None
    assert rows(hub, VisitRow) == []


def test_redis_away_is_an_honest_503(app: Flask, hub: Hub, monkeypatch: Any) -> None:
    def gone(*_arguments: Any, **_options: Any) -> Any:
        raise redis.ConnectionError("gone")

    monkeypatch.setattr(hub.visitors.leases, "_step", gone)
    answer = say(app, "visit", {"url": AD})
    assert answer.status_code == 503
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


def test_the_id_is_a_cookie_of_the_site_when_the_hub_is_on_its_domain(app: Flask) -> None:
    own = say(app, "visit", {"url": AD}, Host="hub.shop.example")
    assert own.get_json()["own"] is True
    assert "Domain=shop.example" in own.headers["Set-Cookie"]
    assert "HttpOnly" in own.headers["Set-Cookie"]
    other = say(app, "visit", {"url": AD}, Host="hub.acme.example")
    assert other.get_json()["own"] is False
    assert "Set-Cookie" not in other.headers


def test_no_personal_data_is_kept_of_addresses(hub: Hub) -> None:
    url = (
        f"{ORIGIN}/thanks?phone=%2B79001234567&email=anna%40acme.example&x=8+900+123-45-67&utm_term=a&yclid=79001234567"
    )
    hub.arrive(url, ref="https://user:secret@other.example/?mail=a@b.example#79001234567")
    (page,), (visit,) = rows(hub, PageRow), rows(hub, VisitRow)
    assert page.url == f"{ORIGIN}/thanks?utm_term=a&yclid=79001234567"
    assert visit.referrer == "https://other.example/"
    assert "10.0.0.1" not in json.dumps([{name: str(value) for name, value in vars(visit).items()}])


def test_cleaning_is_total() -> None:
    assert url_of("javascript:alert(1)") == ""
    assert url_of(None) == ""
    assert url_of("http://x:99999/") == ""
    assert values_of({"a": "1", "b": [], "": "x", "c": 2.5, "d": True}) == {"a": "1", "c": "2.5"}
    assert len(values_of({str(n): "x" for n in range(100)})) == 20


def test_numbers_are_written_as_the_site_wants() -> None:
    assert formatted("+74951110001", "8 (###) ###-##-##") == "8 (495) 111-00-01"
    assert formatted("+74951110001", "") == "+7 495 111-00-01"
    assert spelling_of("+74950000000") == {"code": "7", "national": "4950000000", "trunk": "8"}
    assert spelling_of("+442071838750")["trunk"] == "0"


def test_a_callback_form_that_comes_back_at_once_is_refused_with_words_and_a_second_later_it_is_not(
    app: Flask, clock: Clock
) -> None:
    form = say(app, "callback/form", {}, **{"Accept-Language": "en"}).get_json()
    assert form["title"] == "Call me back"
    asked = {"phone": "+79001234567", "ticket": form["ticket"]}
    clock.at += timedelta(seconds=0.4)
    refused = say(app, "callback", asked, **{"Accept-Language": "en"})
    assert (refused.status_code, refused.get_json()["reason"]) == (422, "too_soon")
    assert "once more" in refused.get_json()["detail"]
    clock.at += timedelta(seconds=0.7)
    assert say(app, "callback", asked).status_code != 422
    assert say(app, "callback", {"phone": "+79001234567"}).status_code != 422, "a site's own form has no ticket"
