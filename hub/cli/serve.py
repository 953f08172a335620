"""The web process under granian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from hub.children import die_with_parent
from hub.cli.errors import show
from hub.config import Settings

_BACKLOG = 1024
_STOP_SECONDS = 3


def serve(settings: Settings, *, host: str, port: int, workers: int | None, threads: int) -> None:
    """Serve the hub at `host:port` until SIGTERM.

    SQLite has one writer at a time, so one process serves it; without `respawn_failed_workers` the
    death of one server process would end them all (dependencies.md §4).
    """
    on_sqlite = settings.database_url.startswith("sqlite")
    server = Server(
        "hub.app:build_wsgi",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers or (1 if on_sqlite else 2),
        blocking_threads=threads,
        backlog=_BACKLOG,
        backpressure=_BACKLOG,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOP_SECONDS,
        log_level=LogLevels.warning,
    )
    server.serve(target_loader=_loader(settings), wrap_loader=False)


def _loader(settings: Settings) -> Callable[[], Any]:
    """Builds the application in the server process that runs it, tied to the life of the one that started it."""

    def load() -> Any:
        die_with_parent()
        try:
            from hub.app import build_wsgi

            return build_wsgi(settings)
        except Exception as error:  # noqa: BLE001 - the server would print a traceback
            raise SystemExit(show(error, {"dozvon.home": settings.home})) from None

    return load
