"""Whom the PBX names, asked at most once a minute by this process however often the table is opened or kept."""

from __future__ import annotations

import threading
from datetime import timedelta
from time import monotonic

from flask import current_app

from hub.staff.roster import listed_before
from hub.staff.systems import Listing, Systems, ask_pbx
from hub.web.services import web

_BELIEVED_SECONDS = 60.0
_EARLY_SECONDS = 3.0
_PATIENCE = timedelta(seconds=3)
"""How long somebody who opens the page for the first time waits for a PBX that wants a moment."""
_EXTENSION = "dozvon_staff"
_lock = threading.Lock()


def listing_of(systems: Systems) -> Listing:
    """The PBX's own list; when it does not answer, its words and the list as it was read last.

    That it was asked too often is no news to anybody while there is a list.
    """
    pbx = systems.pbx
    if pbx is None:
        return Listing()
    known: dict[int, tuple[float, Listing]] = current_app.extensions.setdefault(_EXTENSION, {})
    with _lock:
        believed_until, listing = known.get(pbx.id, (0.0, Listing()))
    if monotonic() < believed_until:
        return listing
    with web().database.reading() as session:
        before = tuple(listed_before(session, pbx))
    services = web().services
    told = ask_pbx(services.runtime, services.registry, pbx, patience=timedelta(0) if before else _PATIENCE)
    listing = told if told.extensions or not before else Listing(before, "" if told.is_early else told.trouble)
    with _lock:
        known[pbx.id] = (monotonic() + (_EARLY_SECONDS if told.is_early else _BELIEVED_SECONDS), listing)
    return listing
