"""The web process: the door in front, the pages and the API behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from connectors.registry import REGISTRY
from hub.calls.replay import replay_inbox
from hub.calls.storage import RecordingFolder
from hub.config import Settings
from hub.db.engine import Database
from hub.db.keyring import known_keys
from hub.db.migrate import is_current
from hub.db.tables import RecordingRow
from hub.delivery.replay import replay_deliveries
from hub.jobs import Doorbell, connect_redis
from hub.net.bucket import Bucket
from hub.net.client import HubHttp
from hub.net.ledger import UsageLedger
from hub.net.tokens import TokenService
from hub.observe.log import configure_logging
from hub.routing.desk import RouteDesk, wish_what_is_missing
from hub.routing.log import DecisionLog
from hub.runtime import Runtime, utc_now
from hub.tracking.live.geo import FILE_NAME, Geo
from hub.tracking.live.pump import JournalPump
from hub.tracking.live.visitors import Visitors
from hub.web import create_web
from hub.web.route import PREFIX as ROUTE_PREFIX
from hub.web.route import RouteDoor
from hub.web.services import WebServices
from hub.wiring import prepare_process
from webhooks.inbox import Inbox, open_inbox
from webhooks.receiver import PREFIX, Receiver

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def build_wsgi(settings: Settings) -> WSGIApplication:
    """The whole web process as one WSGI application."""
    configure_logging(settings.log_format, "web")
    prepare_process(settings)
    database = Database(settings.database_url)
    bell = Doorbell(connect_redis(settings.redis_url or "redis://127.0.0.1:6379/0"))
    inbox = open_inbox(settings.database_url)
    receiver = Receiver(database, inbox, REGISTRY, now=utc_now, ring=bell.ring_inbox)
    visitors = _visitors(settings, database)
    JournalPump(visitors).start()
    services = _services(settings, database, bell, inbox, visitors)
    web = create_web(settings, database, services)
    route_door = _route_door(database, services)

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith(PREFIX):
            return receiver(environ, start_response)
        if path.startswith(ROUTE_PREFIX):
            return route_door(environ, start_response)
        return web.wsgi_app(environ, start_response)

    return application


def _route_door(database: Database, services: WebServices) -> RouteDoor:
    assert services.runtime is not None
    decisions = DecisionLog(database, wish_what_is_missing)
    decisions.start()
    return RouteDoor(database, RouteDesk(services.runtime, decisions))


def _visitors(settings: Settings, database: Database) -> Visitors:
    """The tracker's side; a page must not wait for a Redis that is away."""
    client = redis.Redis.from_url(
        settings.redis_url or "redis://127.0.0.1:6379/0", socket_connect_timeout=0.5, socket_timeout=2
    )
    salt = known_keys(settings.secret_keys, settings.home)[0]
    return Visitors(client, database, Geo(settings.home / FILE_NAME), salt, utc_now)


def _services(settings: Settings, database: Database, bell: Doorbell, inbox: Inbox, visitors: Visitors) -> WebServices:
    folder = RecordingFolder(settings.recordings)

    def recording_path(row: RecordingRow) -> Path | None:
        path = folder.path(row.file_name) if row.file_name else None
        return path if path is not None and path.is_file() else None

    return WebServices(
        registry=REGISTRY,
        now=utc_now,
        ready=lambda: _what_is_missing(database),
        replay_deliveries=lambda ids, workspace_id: replay_deliveries(database, ids, workspace_id),
        replay_inbox=_then(lambda ids, workspace_id: replay_inbox(database, ids, workspace_id), bell.ring_inbox),
        recording_path=recording_path,
        visitors=visitors,
        runtime=_runtime(settings, database, bell),
        keep=_then(inbox.keep, bell.ring_inbox),
    )


def _runtime(settings: Settings, database: Database, bell: Doorbell) -> Runtime:
    """What pages reach other systems with while somebody waits: the same budget and tokens as the workers'."""
    return Runtime(
        settings=settings,
        database=database,
        registry=REGISTRY,
        http=HubHttp(settings.allow_hosts),
        bucket=Bucket(connect_redis(settings.redis_url or "redis://127.0.0.1:6379/0")),
        tokens=TokenService(database),
        ledger=UsageLedger(database),
        wake=lambda connection_id, lane, due_at: bell.ring_lane(lane, connection_id, due_at),
        want_callbacks=bell.ring_callbacks,
        want_commands=bell.ring_commands,
    )


def _then(work: Callable[..., Any], after: Callable[[], None]) -> Callable[..., Any]:
    def both(*arguments: Any) -> Any:
        outcome = work(*arguments)
        after()
        return outcome

    return both


def _what_is_missing(database: Database) -> list[str]:
    try:
        with database.engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        if not is_current(database.engine):
            return ["the database has another version's schema: run dozvon db upgrade"]
    except SQLAlchemyError:
        return ["the database does not answer"]
    return []
