"""A shop and a hub on two ports, and browsers that look at them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import select

from hub.config import load_settings
from hub.db.engine import Database
from hub.runtime import utc_now
from hub.tracking.live.geo import Geo
from hub.tracking.live.pump import JournalPump
from hub.tracking.live.visitors import Visitors
from tests.tracking_live.conftest import Clock, Hub, add_site, web_app
from tests.tracking_live.shop import shop_app
from tests.web.browser import serving

AD = "/?utm_source=yandex&utm_medium=cpc&utm_campaign=spring"


@dataclass
class World:
    hub: Hub
    shop: str
    hub_server: ExitStack
    markup: list[str]

    def stop_hub(self) -> None:
        self.hub_server.close()

    def setup(self, **values: Any) -> None:
        self.hub.setup(**values)
        self.hub.visitors.sites._known.clear()

    def rows(self, table: type[Any]) -> list[Any]:
        JournalPump(self.hub.visitors).once()
        with self.hub.database.reading() as session:
            return list(session.scalars(select(table).order_by(table.id)))


@contextmanager
def shop_and_hub(folder: Path, database_url: str, redis_url: str) -> Iterator[World]:
    """Both as servers, on a migrated database."""
    settings = load_settings({}, home=folder / "home")
    database = Database(database_url)
    visitors = Visitors(redis.Redis.from_url(redis_url), database, Geo(folder / "geo.mmdb"), "salt", utc_now)
    markup: list[str] = [""]
    with serving(shop_app(markup)) as shop, ExitStack() as hub_server:
        with database.transaction() as session:
            site = add_site(session, utc_now(), origin=shop)
        hub = Hub(visitors, Clock(), site.id)
        markup[0] = hub_server.enter_context(serving(web_app(hub, settings, utc_now)))
        yield World(hub, shop, hub_server, markup)
    database.close()
