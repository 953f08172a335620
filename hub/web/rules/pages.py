"""The table of rules and one rule: looked at, changed, tried on a recent call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.rules.dry_run import try_one
from hub.rules.store import ChangedMeanwhile, save_draft
from hub.rules.tried import TriedCall
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.paging import parse_id
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.rules.excerpt import AT_ONCE, excerpt
from hub.web.rules.reading import Line, move_line, number, policy_line, policy_pasted, put_line
from hub.web.rules.trying import ask_of_call
from hub.web.rules.views import Book, crm_connections, find_call, find_crm, heard_lines, read_book, recent_calls
from hub.web.rules.words import locale, outcomes_of
from hub.web.services import web
from mapping.catalogue import CATALOGUE
from mapping.schema import RulesError, read_rules

Document = Mapping[str, Any]


@pages.get("/admin/rules")
@needs(Right.RULES)
def rules() -> str | Response:
    """The CRM connections; straight to the rules where there is one."""
    with web().database.reading() as session:
        connections = crm_connections(session)
        if len(connections) == 1:
            return redirect(url_for("pages.rule_book", connection_id=connections[0].id))
        return render_template("rules/list.html", connections=connections)


@pages.get("/admin/rules/<row:connection_id>")
@needs(Right.RULES)
def rule_book(connection_id: int) -> str:
    """The rules from the top; of a long book the page with the rule `at`, or with those that say `q`."""
    sought, at = request.args.get("q", "").strip(), number(request.args.get("at", ""))
    with web().database.reading() as session:
        book = read_book(session, connection_id)
        table = policy_pasted(book.document)
        some = excerpt(book.document["policy"], sought, at if isinstance(at, int) else 1)
        return render_template(
            "rules/book.html", book=book, some=some, sought=sought, mistakes=said(book), table=table, tab="book"
        )


def said(book: Book) -> list[str]:
    return [mistake.text(locale()) for mistake in book.mistakes]


# --- One rule -------------------------------------------------------------------------------------------


@pages.get("/admin/rules/<row:connection_id>/rule/<int:place>")
@needs(Right.RULES)
def one_rule(connection_id: int, place: int) -> str:
    """The rule at `place` of the table, from 1; 0 is a new one."""
    with web().database.reading() as session:
        book = read_book(session, connection_id)
        return _rule_page(session, book, place, _line_at(book.document, place), [])


def _line_at(document: Document, place: int) -> Line:
    policy = document["policy"]
    if place > len(policy):
        abort(404)
    return dict(policy[place - 1]) if place else {"name": "", "outcome": "lead", "person": ["unknown"]}


def _rule_page(session: Session, book: Book, place: int, line: Line, mistakes: list[str]) -> str:
    call = find_call(session, parse_id(request.values.get("call", "")))
    return render_template(
        "rules/rule.html",
        book=book,
        place=place,
        line=line,
        mistakes=mistakes,
        calls=recent_calls(session),
        call=call,
        tried=_tried(session, book, place, line, call.id if call else None) if not mistakes else None,
        outcomes=outcomes_of(book.connection.vendor),
        lines=heard_lines(session),
        catalogue=CATALOGUE,
        tab="book",
    )


def _tried(session: Session, book: Book, place: int, line: Line, call_id: int | None) -> TriedCall | None:
    """The document with this line on one call; None while there is no call, or the line is not yet a rule."""
    call = find_call(session, call_id)
    if call is None:
        return None
    try:
        document = read_rules(put_line(book.document, place, line))
    except RulesError:
        return None
    asked = ask_of_call(book.connection.id, call)
    return try_one(session, web().services.registry, find_crm(session, book.connection.id), document, call, asked)


@pages.post("/admin/rules/<row:connection_id>/rule/<int:place>/try")
@needs(Right.RULES)
def try_rule(connection_id: int, place: int) -> str:
    """What the edited line comes to on a recent call, while it is being edited; nothing is kept."""
    with web().database.reading() as session:
        book = read_book(session, connection_id)
        _line_at(book.document, place)
        line = policy_line(request.form)
        mistakes = _mistakes(put_line(book.document, place, line))
        if not request.headers.get("HX-Request"):
            return _rule_page(session, book, place, line, mistakes)
        call = find_call(session, parse_id(request.form.get("call", "")))
        tried = None if mistakes else _tried(session, book, place, line, call.id if call else None)
        return render_template("rules/tried.html", tried=tried, mistakes=mistakes, line=line)


def _mistakes(document: Document) -> list[str]:
    try:
        read_rules(document)
    except RulesError as error:
        return [mistake.text(locale()) for mistake in error.mistakes]
    return []


@pages.post("/admin/rules/<row:connection_id>/rule/<int:place>")
@needs(Right.RULES_EDIT)
def save_rule(connection_id: int, place: int) -> str | Response:
    line = policy_line(request.form)
    with web().database.reading() as session:
        book = read_book(session, connection_id)
        _line_at(book.document, place)
        mistakes = _mistakes(put_line(book.document, place, line))
        if mistakes:
            return _rule_page(session, book, place, line, mistakes)
    return changed(connection_id, lambda document: put_line(document, place, line))


@pages.post("/admin/rules/<row:connection_id>/rule/<int:place>/move")
@needs(Right.RULES_EDIT)
def move_rule(connection_id: int, place: int) -> Response:
    """Up, down, or out."""
    act = request.form.get("act")
    if act not in {"up", "down", "remove"} or place == 0:
        abort(400)

    def edit(document: Document) -> dict[str, Any]:
        _line_at(document, place)
        if act == "remove":
            return put_line(document, place, None)
        return move_line(document, place, -1 if act == "up" else 1)

    return changed(connection_id, edit, at=_place_after(act, place))


def _place_after(act: str, place: int) -> int:
    """Where the rule stands then: who moves it by the keyboard goes on from there."""
    return max(1, place + {"up": -1, "down": 1}.get(act, 0))


def changed(connection_id: int, edit: Any, *, endpoint: str = "pages.rule_book", at: int | None = None) -> Response:
    """Keep the draft as `edit` makes it of the document, or say why not; back to rule `at` of the page `endpoint`."""
    person, now = this_person(), web().services.now()
    revision = number(request.form.get("revision", ""))
    with web().database.transaction() as session:
        book = read_book(session, connection_id)
        connection = find_crm(session, connection_id)
        try:
            save_draft(
                session,
                connection,
                edit(book.document),
                by=person.email,
                now=now,
                revision=revision if isinstance(revision, int) else None,
            )
            flash(_("Kept in the draft. Calls follow it once it is published."), "good")
        except ChangedMeanwhile:
            flash(_("Somebody else has changed the draft meanwhile. Look at it, and repeat your change."), "bad")
        except RulesError as error:
            for mistake in error.mistakes[:5]:
                flash(mistake.text(locale()), "bad")
    page = at if at and at > AT_ONCE else None
    row = f"rule-{at}" if at else None
    return redirect(url_for(endpoint, connection_id=connection_id, at=page, _anchor=row), code=303)
