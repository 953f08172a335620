"""One installation: proven, kept, and the portal told where to send its events."""

from __future__ import annotations

from datetime import timedelta

import structlog
from flask import current_app

from connectors.bitrix24.client import Portal
from connectors.bitrix24.placements import CARD_PATH, bind_card
from connectors.bitrix24.upkeep import EVENTS_PATH, bind_events
from hub.delivery.doors import open_door
from hub.delivery.upkeep import keep_up_after, keep_up_soon
from hub.domain.errors import DeliveryError
from hub.domain.intents import Lane
from hub.web.bitrix24.store import Installed, keep_installation
from hub.web.bitrix24.trust import Visitor, require_installer, runtime
from hub.web.services import web

log = structlog.get_logger()

_BINDS_WITHIN = timedelta(minutes=1)


def install_for(visitor: Visitor, workspace_id: int | None = None) -> Installed:
    """Keep what was proven and bind the portal's events. Raises `Unproven` when it may not be kept.

    Events that cannot be bound now are bound by the scheduler, which goes on from here with the lines: the
    installation stands either way. It waits for us, so that the portal hears of each event once.
    """
    with web().database.transaction() as session:
        require_installer(session, visitor)
        installed = keep_installation(
            session, web().settings, web().services.now(), visitor.claim, visitor.proof, visitor.user, workspace_id
        )
        keep_up_after(session, installed.connection_id, _BINDS_WITHIN)
    log.info("bitrix24_installed", connection_id=installed.connection_id, is_new=installed.is_new)
    bind(installed.connection_id)
    with web().database.transaction() as session:
        keep_up_soon(session, installed.connection_id)
    return installed


def bind(connection_id: int) -> None:
    """Bind our event handler and our place on the call card, as well as it goes now."""
    try:
        with open_door(runtime(), connection_id, Lane.URGENT, purpose="install") as door:
            portal = Portal(door)
            bind_events(portal, f"{web().public_url}{EVENTS_PATH}")
            bind_card(portal, f"{web().public_url}{CARD_PATH}")
    except DeliveryError as error:
        current_app.logger.warning("Bitrix24's events are bound later: %s", error.message)
