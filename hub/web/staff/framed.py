"""The table inside a CRM's frame: one page and one refusal for every CRM. Only the frame around it differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, g, make_response, render_template, request
from flask_babel import force_locale  # type: ignore[import-untyped]
from sqlalchemy.orm import Session

from hub.db.tables import Connection
from hub.web.services import web
from hub.web.staff.table import Outcome, Place, Table, chosen_systems, keep_form, table_of
from hub.web.staff.ticket import Ticket, Turned, opened, seal

LANGUAGES = ("ru", "en")


@dataclass(frozen=True, slots=True)
class Frame:
    """A CRM's frame: where its form goes, which origin may show it, and which account a connection is now.

    `asks` says that the page around it may ask ours to keep what was typed.
    """

    vendor: str
    action: str
    origin_of: Callable[[Connection], str]
    account_of: Callable[[Session, Connection], str]
    asks: bool = False


def answer_form(frame: Frame) -> Response:
    """What a form of the frame wants: to see the table, or to have it kept. The ticket in it says who asks."""
    with web().database.reading() as session:
        found = opened(session, request.form.get("ticket", ""), frame.vendor, frame.account_of)
    if isinstance(found, Turned):
        return refusal(found)
    ticket, row = found
    with force_locale(ticket.language):
        if "all" not in request.form and "only" not in request.form:
            return _page(frame, ticket, row)
        if not ticket.may_change:
            return refusal(Turned("not_allowed", ticket.language))
        outcome = keep_form(chosen_systems(row), place_of(frame, ticket, row, request.form["ticket"]))
        return _page(frame, ticket, row, outcome)


def framed_table(frame: Frame, ticket: Ticket, row: Connection) -> Table:
    """The table for a page that a CRM has just opened for whom the ticket names."""
    return table_of(chosen_systems(row), place_of(frame, ticket, row, seal(ticket)))


def place_of(frame: Frame, ticket: Ticket, row: Connection, sealed: str) -> Place:
    parent = frame.origin_of(row) if frame.asks else ""
    return Place(frame.action, {"ticket": sealed}, ticket.actor, ticket.may_change, parent)


def _page(frame: Frame, ticket: Ticket, row: Connection, outcome: Outcome | None = None) -> Response:
    g.framed_by = frame.origin_of(row)
    place = place_of(frame, ticket, row, request.form["ticket"])  # its hour is not made longer by using it
    table = table_of(chosen_systems(row), place, outcome)
    return make_response(render_template("staff/framed.html", table=table, language=ticket.language))


def refusal(turned: Turned) -> Response:
    """Why the table is not shown, and what to do. It says nothing of anybody and has no form: any frame may show it."""
    g.framed_by = "*"
    best = request.accept_languages.best_match(LANGUAGES) or "en"
    language = turned.language if turned.language in LANGUAGES else best
    with force_locale(language):
        return make_response(render_template("staff/turned.html", why=turned.why, language=language), 403)
