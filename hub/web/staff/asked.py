"""Whom the PBX names, asked at most once a minute by this process however often the table is opened or kept."""

from __future__ import annotations

import threading
from time import monotonic

from flask import current_app

from hub.staff.roster import listed_before
from hub.staff.systems import Listing, Systems, ask_pbx
from hub.web.services import web

_BELIEVED_SECONDS = 60.0
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
        asked_at, listing = known.get(pbx.id, (0.0, Listing()))
    if pbx.id in known and monotonic() - asked_at < _BELIEVED_SECONDS:
        return listing
    listing = ask_pbx(web().services.runtime, web().services.registry, pbx)
    if not listing.extensions:
        with web().database.reading() as session:
            before = tuple(listed_before(session, pbx))
        listing = Listing(before, "" if listing.is_early and before else listing.trouble)
    with _lock:
        known[pbx.id] = (monotonic(), listing)
    return listing
