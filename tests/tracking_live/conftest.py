"""A hub with one site, its Redis, and a clock that the tests move."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from flask import Flask
from sqlalchemy.orm import Session

from hub.config import Settings, load_settings
from hub.db.engine import Database
from hub.db.tables import LineSource, Provisioned, Workspace
from hub.db.tracking import SiteRow
from hub.runtime import utc_now
from hub.tracking.live.geo import Geo
from hub.tracking.live.journal import write_journal
from hub.tracking.live.numbers import hold_numbers
from hub.tracking.live.sites import Site, read_site
from hub.tracking.live.visitors import Around, Visitors
from hub.web import WebServices, create_web

ORIGIN = "http://shop.example"
DEFAULT = "+74950000000"
AFTER = "+74950000001"
BILLBOARD = "+74952220001"
POOL = ("+74951110001", "+74951110002", "+74951110003")
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
AD = f"{ORIGIN}/?utm_source=yandex&utm_medium=cpc&utm_campaign=spring"


@dataclass
class Clock:
    at: datetime = field(default_factory=utc_now)

    def __call__(self) -> datetime:
        return self.at

    def pass_time(self, **span: float) -> None:
        self.at += timedelta(**span)


@dataclass
class Hub:
    """The tracker's side of the hub without its doors."""

    visitors: Visitors
    clock: Clock
    site_id: int

    @property
    def database(self) -> Database:
        return self.visitors.database

    @property
    def client(self) -> redis.Redis:
        return self.visitors.client

    @property
    def site(self) -> Site:
        with self.database.reading() as session:
            found = read_site(session, "shop", self.clock())
        assert found is not None
        return found

    def arrive(self, url: str = AD, *, address: str = "10.0.0.1", agent: str = CHROME, **said: Any) -> dict[str, Any]:
        around = Around(address, agent, ORIGIN)
        return self.visitors.arrive(self.site, {"url": url, "ref": "", "title": "Shop", **said}, around)

    def stay(self, visit: str, **said: Any) -> dict[str, Any]:
        return self.visitors.stay(self.site, {"v": visit, **said}, Around("10.0.0.1", CHROME, ORIGIN))

    def leave(self, visit: str) -> None:
        self.visitors.leave(self.site, {"v": visit})

    def write(self) -> int:
        return write_journal(self.database, self.client, [self.site_id], self.clock())

    def setup(self, **values: Any) -> None:
        """Change the site's settings."""
        with self.database.transaction() as session:
            row = session.get_one(SiteRow, self.site_id)
            row.settings = {**row.settings, **values}

    def pool(self, *numbers: str, **regions: list[str]) -> None:
        wanted = {**dict.fromkeys(numbers, ""), **{one: name for name, many in regions.items() for one in many}}
        with self.database.transaction() as session:
            hold_numbers(session, {self.site_id: wanted}, self.clock())


def add_site(session: Session, now: datetime, *, origin: str = ORIGIN) -> SiteRow:
    workspace = Workspace(
        slug="acme", name="Acme", timezone="Europe/Moscow", region="RU", locale="ru", hours={}, created_at=now
    )
    session.add(workspace)
    session.flush()
    line = {"number": BILLBOARD, "source": "billboard", "medium": "offline"}
    session.add(Provisioned(workspace_id=workspace.id, section="site", key="shop", document={"static": [line]}))
    session.add(LineSource(workspace_id=workspace.id, **line))
    site = SiteRow(
        workspace_id=workspace.id, key="shop", name="shop.example", origins=[origin], default_number=DEFAULT,
        post_default_number=AFTER, settings={"idle_seconds": 60}, created_at=now,
    )  # fmt: skip
    session.add(site)
    session.flush()
    hold_numbers(session, {site.id: dict.fromkeys(POOL, "")}, now)
    return site


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url)


@pytest.fixture
def settings(tmp_path: Any) -> Settings:
    return load_settings({}, home=tmp_path / "home")


@pytest.fixture
def hub(database: Database, client: redis.Redis, clock: Clock, settings: Settings) -> Hub:
    with database.transaction() as session:
        site = add_site(session, clock())
    geo = Geo(settings.home / "geo.mmdb")
    return Hub(Visitors(client, database, geo, "salt", clock), clock, site.id)


@pytest.fixture
def app(hub: Hub, settings: Settings) -> Flask:
    return web_app(hub, settings, hub.clock)


@pytest.fixture
def ring(hub: Hub, settings: Settings) -> Any:
    """Ring a number of the site (`ringing.Ring`)."""
    from tests.tracking_live.ringing import ringing  # here, as it speaks of this file's Hub

    return ringing(hub, settings)


def web_app(hub: Hub, settings: Settings, now: Callable[[], datetime]) -> Flask:
    services = WebServices(
        replay_deliveries=lambda ids, workspace_id: 0,
        replay_inbox=lambda ids, workspace_id: 0,
        ready=list,
        registry={},
        now=now,
        recording_path=lambda row: None,
        visitors=hub.visitors,
    )
    return create_web(settings, hub.database, services)


# --- In a browser -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from tests.web.browser import chromium  # here: most tests of this folder need no browser

    with chromium() as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, migrated_sqlite: Path, redis_url: str) -> Iterator[Any]:
    """A shop and a hub (`stage.World`); what the browser sees does not depend on the store."""
    from tests.tracking_live.stage import shop_and_hub  # here, as it speaks of this file's Hub

    file = tmp_path / "live.sqlite3"
    shutil.copyfile(migrated_sqlite, file)
    with shop_and_hub(tmp_path, f"sqlite:///{file}", redis_url) as staged:
        yield staged


@pytest.fixture
def context(browser: Any) -> Iterator[Any]:
    fresh = browser.new_context()
    yield fresh
    fresh.close()
