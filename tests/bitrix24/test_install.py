"""Installing, opening, renaming and removing the application, against portals that keep ledgers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.bitrix24.events import BOUND_EVENTS
from hub.db.engine import Database
from hub.db.tables import AuditRow, User
from hub.delivery.upkeep import keep_up_connections
from hub.web.bitrix24 import installing
from simulators.bitrix24 import Bitrix24Simulator
from tests.bitrix24.house import House, handlers, house_for, open_house


@pytest.fixture
def b24() -> Iterator[Bitrix24Simulator]:
    with Bitrix24Simulator() as running:
        running.settings.slow_handler_seconds = 20
        yield running


@pytest.fixture
def house(database: Database, tmp_path: Path, b24: Bitrix24Simulator, redis_url: str) -> House:
    return house_for(database, tmp_path / "home", b24, redis_url)


def page(b24: Bitrix24Simulator, house: House, path: str, user_id: int | None = None) -> tuple[int | None, str]:
    with open_house(house) as address:
        status, body = b24.open_app(f"{address}{path}", user_id)
        b24.settle()
    return status, body.decode()


def ticket_of(page: str) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_an_installation_makes_a_workspace_and_binds_the_events(b24: Bitrix24Simulator, house: House) -> None:
    status, body = page(b24, house, "/bitrix24/install")
    assert status == 200, body
    assert "install.js" in body
    connection = house.connection()
    assert connection.settings["member_id"] == b24.member_id
    assert connection.settings["client_endpoint"] == b24.client_endpoint
    assert connection.secrets["application_token"] == b24.application_token
    assert house.tokens(connection.id) is not None
    assert [one.slug for one in house.workspaces()] == [f"b24-{b24.member_id[:24]}"]
    assert handlers(b24) == dict.fromkeys(BOUND_EVENTS, "/bitrix24/events")
    assert b24.ledger.offences() == []


def test_the_scheduler_waits_for_the_page_that_binds_and_goes_on_from_there(
    b24: Bitrix24Simulator, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_up: list[int] = []

    def binding(connection_id: int) -> None:
        kept_up.append(keep_up_connections(house.runtime))
        bind(connection_id)

    bind = installing.bind
    monkeypatch.setattr(installing, "bind", binding)
    assert page(b24, house, "/bitrix24/install")[0] == 200
    kept_up.append(keep_up_connections(house.runtime))
    assert kept_up == [0, 1]
    assert [one.code for one in b24.ledger.offences()] == []


def test_an_application_without_pages_installs_by_its_event(b24: Bitrix24Simulator, house: House) -> None:
    with open_house(house) as address:
        assert b24.install(f"{address}/bitrix24/install") == 200
        assert b24.install(f"{address}/bitrix24/events") == 200
    assert house.connection().settings["installed_by"] == "1"
    assert b24.ledger.offences() == []


def test_a_prepared_connection_is_filled_and_not_doubled(
    database: Database, tmp_path: Path, b24: Bitrix24Simulator, redis_url: str
) -> None:
    house = house_for(database, tmp_path / "home", b24, redis_url, own_application=False)
    keys = {"client_id": b24.client_id, "client_secret": b24.client_secret}
    prepared = house.add_connection(house.add_workspace(), {"auth": "oauth"}, keys)
    with open_house(house) as address:
        assert [b24.open_app(f"{address}/bitrix24/install")[0] for _ in range(2)] == [200, 200]
    connection = house.connection()
    assert (connection.id, connection.settings["member_id"]) == (prepared, b24.member_id)
    assert [one.slug for one in house.workspaces()] == ["acme"]


def test_an_unknown_application_is_not_installed(
    database: Database, tmp_path: Path, b24: Bitrix24Simulator, redis_url: str
) -> None:
    house = house_for(database, tmp_path / "home", b24, redis_url, own_application=False)
    status, body = page(b24, house, "/bitrix24/install")
    assert status == 403
    assert "does not know" in body
    assert house.connections() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("member_id", "ffffffffffffffffffffffffffffffff"),
        ("AUTH_ID", "made up"),
        ("SERVER_ENDPOINT", "http://127.0.0.1:9/rest/"),
        ("DOMAIN", "evil.example"),
    ],
)
def test_what_the_auth_server_does_not_confirm_is_not_kept(
    b24: Bitrix24Simulator, house: House, name: str, value: str
) -> None:
    form = {
        "DOMAIN": b24.domain,
        "AUTH_ID": b24.access_token,
        "REFRESH_ID": b24.refresh_token,
        "SERVER_ENDPOINT": b24.server_endpoint,
        "member_id": b24.member_id,
    }
    answer = house.app.test_client().post("/bitrix24/install", data={**form, name: value})
    assert answer.status_code == 403
    assert house.connections() == []
    assert house.app.test_client().post("/bitrix24/install", data=form).status_code == 200


def test_an_ordinary_user_cannot_put_their_access_in_place_of_the_administrators(
    b24: Bitrix24Simulator, house: House
) -> None:
    assert page(b24, house, "/bitrix24/install", user_id=7)[0] == 403
    page(b24, house, "/bitrix24/install")
    before = house.tokens(house.connection().id)
    assert page(b24, house, "/bitrix24/install", user_id=7)[0] == 403
    assert house.tokens(house.connection().id) == before


def test_the_page_in_the_portal_may_be_framed_by_that_portal_alone(b24: Bitrix24Simulator, house: House) -> None:
    page(b24, house, "/bitrix24/install")
    form = {
        "DOMAIN": b24.domain,
        "AUTH_ID": b24.access_token,
        "SERVER_ENDPOINT": b24.server_endpoint,
        "member_id": b24.member_id,
    }
    answer = house.app.test_client().post("/bitrix24/app?LANG=ru", data=form)
    assert answer.status_code == 200
    assert f"frame-ancestors {b24.base_url}" in answer.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    assert "Работает" in answer.text
    assert b24.access_token not in answer.text


def test_a_ticket_opens_the_admin_pages_once(b24: Bitrix24Simulator, house: House, database: Database) -> None:
    page(b24, house, "/bitrix24/install")
    _, body = page(b24, house, "/bitrix24/app")
    ticket = ticket_of(body)
    client = house.app.test_client()
    assert client.post("/bitrix24/launch", data={"ticket": ticket}).status_code == 303
    assert client.get("/admin").status_code in {200, 302, 308}
    assert client.get("/admin/calls").status_code == 200
    again = house.app.test_client()
    assert again.post("/bitrix24/launch", data={"ticket": ticket}).status_code == 403
    assert again.get("/admin/calls").status_code == 302
    with database.reading() as session:
        (user,) = session.query(User)
        assert (user.email, user.role) == ("1@bitrix24.bitrix24", "owner")
        assert session.query(AuditRow).filter_by(action="bitrix24_launch").count() == 1


def test_a_colleague_comes_in_as_an_agent(b24: Bitrix24Simulator, house: House) -> None:
    page(b24, house, "/bitrix24/install")
    _, body = page(b24, house, "/bitrix24/app", user_id=7)
    client = house.app.test_client()
    assert client.post("/bitrix24/launch", data={"ticket": ticket_of(body)}).status_code == 303
    assert client.get("/admin/calls").status_code == 200
    assert client.get("/admin/connections").status_code == 403


def test_another_site_cannot_post_a_ticket(b24: Bitrix24Simulator, house: House) -> None:
    page(b24, house, "/bitrix24/install")
    _, body = page(b24, house, "/bitrix24/app")
    answer = house.app.test_client().post(
        "/bitrix24/launch", data={"ticket": ticket_of(body)}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403


def test_a_renamed_portal_is_known_by_its_member_id(b24: Bitrix24Simulator, house: House) -> None:
    page(b24, house, "/bitrix24/install")
    renamed = b24.rename()
    assert page(b24, house, "/bitrix24/app")[0] == 200
    connection = house.connection()
    assert connection.settings["domain"] == renamed
    assert connection.settings["client_endpoint"] == f"http://{renamed}/rest/"


@pytest.mark.parametrize("clean", [False, True])
def test_a_removal_ends_the_access_and_an_installation_brings_it_back(
    b24: Bitrix24Simulator, house: House, clean: bool
) -> None:
    page(b24, house, "/bitrix24/install")
    connection_id = house.connection().id
    with open_house(house) as address:
        assert b24.uninstall(f"{address}/bitrix24/events", clean=clean) == 200
    removed = house.connection()
    assert removed.state == "needs_reconnect"
    assert house.tokens(connection_id) is None
    assert "application_token" not in removed.secrets
    assert ("installed_by" in removed.settings) is not clean
    with open_house(house) as address:
        assert b24.install(f"{address}/bitrix24/install", new_token=True) == 200
    again = house.connection()
    assert (again.id, again.state) == (connection_id, "active")
    assert again.secrets["application_token"] == b24.application_token
    assert house.tokens(connection_id) is not None


def test_a_removal_with_a_wrong_token_changes_nothing(b24: Bitrix24Simulator, house: House) -> None:
    page(b24, house, "/bitrix24/install")
    form = {"event": "ONAPPUNINSTALL", "data[CLEAN]": "1", "auth[member_id]": b24.member_id}
    client = house.app.test_client()
    strange = client.post("/bitrix24/events", data={**form, "auth[application_token]": "x"})
    unknown = client.post("/bitrix24/events", data={**form, "auth[member_id]": "nobody"})
    assert (strange.status_code, strange.data) == (404, unknown.data)
    assert house.tokens(house.connection().id) is not None
    assert house.kept == []


def test_an_update_with_a_new_application_token_is_verified_and_taken(b24: Bitrix24Simulator, house: House) -> None:
    page(b24, house, "/bitrix24/install")
    forged = {
        "event": "ONAPPUPDATE",
        "auth[member_id]": b24.member_id,
        "auth[domain]": b24.domain,
        "auth[access_token]": "made up",
        "auth[refresh_token]": "made up",
        "auth[application_token]": "mine now",
        "auth[server_endpoint]": b24.server_endpoint,
    }
    client = house.app.test_client()
    assert client.post("/bitrix24/events", data=forged).status_code == 404
    assert house.connection().secrets["application_token"] == b24.application_token
    genuine = {**forged, "auth[access_token]": b24.access_token, "auth[refresh_token]": b24.refresh_token}
    assert client.post("/bitrix24/events", data=genuine).status_code == 200
    assert house.connection().secrets["application_token"] == "mine now"


def test_two_portals_do_not_mix(b24: Bitrix24Simulator, house: House) -> None:
    other = b24.add_portal(same_application=True)
    with open_house(house) as address:
        for portal in (b24, other):
            assert portal.open_app(f"{address}/bitrix24/install")[0] == 200
        other.click_to_call(7, "+79990001122")
        other.settle()
    mine, theirs = house.connections()
    assert mine.workspace_id != theirs.workspace_id
    assert [connection_id for connection_id, _ in house.kept] == [theirs.id]
    body = {"event": "ONAPPPAYMENT", "auth[member_id]": b24.member_id}
    swapped = {**body, "auth[application_token]": other.application_token}
    assert house.app.test_client().post("/bitrix24/events", data=swapped).status_code == 404


def test_what_is_kept_of_an_event_holds_no_secret(b24: Bitrix24Simulator, house: House) -> None:
    with open_house(house) as address:
        b24.open_app(f"{address}/bitrix24/install")
        b24.click_to_call(7, "+79990001122")
        b24.settle()
    ((_, item),) = house.kept
    assert item.topic == "ONEXTERNALCALLSTART"
    assert b"CALL_ID" in item.body
    assert b"token" not in item.body


def test_the_marketplace_finds_its_addresses(house: House) -> None:
    for path in ("install", "app", "events"):
        assert house.app.test_client().head(f"/bitrix24/{path}").status_code == 200
