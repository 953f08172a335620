"""The way to the outside systems for a command that runs beside a hub, or without one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.config import Settings
    from hub.runtime import Runtime


@contextmanager
def runtime_beside(settings: Settings, name: str) -> Iterator[Runtime]:
    """A runtime that rings the workers of a running hub; its log, kept under `name`, is out of the output's way."""
    import logging

    from hub.broker import running_broker_url
    from hub.jobs import Doorbell, connect_redis
    from hub.observe.log import configure_logging
    from hub.scheduler import remembered_address
    from hub.wiring import build_runtime

    configure_logging(settings.log_format, name)
    logging.getLogger().setLevel(logging.ERROR)
    settings = dataclasses.replace(settings, public_url=remembered_address(settings))
    url = settings.redis_url or running_broker_url(settings.home)
    client = connect_redis(url) if url else None
    if client is None:
        runtime, bell = build_runtime(settings, None), None
    else:
        bell = Doorbell(client)
        ring = bell.ring_lane
        runtime = build_runtime(
            settings,
            client,
            wake=lambda connection_id, lane, due_at: ring(lane, connection_id, due_at),
            want_recordings=bell.ring_recordings,
        )
    try:
        yield runtime
    finally:
        runtime.ledger.flush()
        if bell is not None:
            bell.close()
        runtime.database.close()
