"""The CRMs' own pages around the hub's frame: a portal and an account, each of another site than the hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from sqlalchemy import select

from connectors.amocrm.archive import Widget, archive
from hub.db.directory import DirectoryUser
from hub.db.engine import Database
from hub.db.tables import AuditRow, Connection
from hub.delivery.people import employees_for
from hub.runtime import utc_now
from simulators.amocrm import AmoCrmSimulator
from simulators.bitrix24 import Bitrix24Simulator
from simulators.mango import MangoSimulator
from tests.amocrm import house as amo_house
from tests.amocrm.host_page import host_page
from tests.amocrm.shop import audience
from tests.bitrix24 import house as b24_house
from tests.bitrix24.pictures import LIBRARY, LIBRARY_STAND_IN

KEYS = {"api_key": "demoapikey000000000000000000abcd", "api_salt": "demoapisalt00000000000000000wxyz"}
PEOPLE = (("1", "Ольга Петрова", None), ("7", "Anna", None), ("8", "Борис Волков", "boris@acme.example"))
NO_THIRD_PARTY_COOKIES = (
    "--test-third-party-cookie-phaseout",
    "--disable-features=LocalNetworkAccessChecks",  # the account's pages are answered by the test, not by a socket
)


@dataclass
class Scene:
    """A hub at "localhost" and a CRM at "127.0.0.1": two sites for the browser, which shares no cookie between them."""

    vendor: str
    database: Database
    crm_id: int
    pbx_id: int
    browser: Any
    prepare: Any
    address: Any

    @contextmanager
    def frame(self, *, admin: bool = True, **more: Any) -> Iterator[tuple[Any, Any]]:
        """The CRM's page and the frame with the table in it; the browser complains of nothing."""
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "ru-RU", **more})
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        try:
            self.prepare(page)
            page.goto(self.address(admin))
            if self.vendor == "amocrm":
                page.wait_for_selector("html[data-ready=yes]")
                page.evaluate("widget.callbacks.advancedSettings()")
            handle = page.wait_for_selector("iframe[name]", timeout=20_000)
            frame = handle.content_frame()
            frame.wait_for_selector("#staff .staff-search", timeout=20_000)  # shown by the script, once it listens
            yield page, frame
            assert complaints == []
            assert context.cookies() == []
        finally:
            context.close()

    def at(self) -> dict[str, str | None]:
        """Extension to user, as the next call finds them."""
        with self.database.reading() as session:
            pbx, crm = session.get_one(Connection, self.pbx_id), session.get_one(Connection, self.crm_id)
            return {extension: one.user_id for extension, one in employees_for(session, pbx, crm).items()}

    def noted(self) -> list[str]:
        with self.database.reading() as session:
            changes = select(AuditRow.actor).where(AuditRow.action == "employees.change")
            return list(session.scalars(changes.order_by(AuditRow.id)))


def furnish(database: Database, workspace_id: int, crm_id: int, pbx: MangoSimulator, people: Any) -> int:
    with database.transaction() as session:
        row = Connection(
            workspace_id=workspace_id, name="mango", vendor="mango", settings={"base_url": pbx.base_url},
            secrets=KEYS, created_at=utc_now(),
        )  # fmt: skip
        session.add(row)
        for user_id, name, email in people:
            session.add(
                DirectoryUser(
                    connection_id=crm_id, user_id=user_id, name=name, email=email, extension=None, active=True,
                    refreshed_at=utc_now(),
                )
            )  # fmt: skip
        session.flush()
        return row.id


def in_portal(stack: ExitStack, home: Path, database: Database, pbx: MangoSimulator, redis_url: str) -> Scene:
    b24 = stack.enter_context(Bitrix24Simulator())
    b24.settings.slow_handler_seconds = 20
    house = b24_house.house_for(database, home, b24, redis_url)
    hub = stack.enter_context(b24_house.open_house(house)).replace("127.0.0.1", "localhost")
    assert b24.open_app(f"{hub}/bitrix24/install")[0] == 200
    crm = house.connection()
    pbx_id = furnish(database, crm.workspace_id, crm.id, pbx, PEOPLE)

    def address(admin: bool) -> str:
        query = {"url": f"{hub}/bitrix24/app", "lang": "ru", "user_id": 1 if admin else 7}
        return f"{b24.base_url}/marketplace/app/?{urlencode(query)}"

    def prepare(page: Any) -> None:
        page.route(LIBRARY, lambda route: route.fulfill(body=LIBRARY_STAND_IN, content_type="application/javascript"))

    return Scene("bitrix24", database, crm.id, pbx_id, None, prepare, address)


def in_account(stack: ExitStack, home: Path, database: Database, pbx: MangoSimulator) -> Scene:
    amo = stack.enter_context(AmoCrmSimulator(redirect_uri=amo_house.CALLBACK))
    house = amo_house.house_for(database, home)
    crm_id = house.add_connection(house.add_workspace(), amo, with_pair=True, account_id=str(amo.account.id))
    hub = stack.enter_context(amo_house.open_house(house)).replace("127.0.0.1", "localhost")
    packed = archive(Widget(hub, "1.0.1", hub, "help@acme.example"))
    host = stack.enter_context(host_page(packed, lambda user: amo.widget_token(user, audience())))
    people = tuple((str(502 + place), name, email) for place, (_, name, email) in enumerate(PEOPLE, 1))
    pbx_id = furnish(database, 1, crm_id, pbx, people)

    def prepare(page: Any) -> None:
        """The account's own pages are the host's, under the account's address."""
        own = f"{urlsplit(amo.base_url).netloc}/"
        page.route(
            lambda url: own in url and "localhost" not in url,
            lambda route: route.fulfill(response=route.fetch(url=route.request.url.replace(f"http://{own}", host))),
        )

    def address(admin: bool) -> str:
        return f"{amo.base_url}/settings/?user={503 if admin else 504}&status=installed"

    return Scene("amocrm", database, crm_id, pbx_id, None, prepare, address)
