"""The whole rule book: employees, everything else, files, presets, the dry run, publishing and versions."""

from __future__ import annotations

from typing import Any

from flask import Response as FlaskResponse
from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.domain.errors import DozvonError
from hub.rules.dry_run import LAST
from hub.rules.presets import preset_document
from hub.rules.store import (
    discard_draft,
    draft_of,
    find_version,
    note_preview,
    publish_draft,
    roll_back,
    versions,
)
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.paging import parse_id
from hub.web.people import this_person
from hub.web.roles import Right, may, needs
from hub.web.rules.pages import changed, said
from hub.web.rules.reading import employees, everything_else, pasted, policy_rows
from hub.web.rules.trying import ask_of_last, try_last
from hub.web.rules.views import find_crm, listed_employees, read_book
from hub.web.services import web
from mapping.compare import difference
from mapping.defaults import PRESETS
from mapping.files import FORMATS, UnreadableFile, json_schema, read_text, write_text
from mapping.schema import read_rules, write_rules

_LENGTHS = (50, 200, 1000, 10_000)
_SHOWN = 300


# --- People and everything else ---------------------------------------------------------------------------


@pages.get("/admin/rules/<row:connection_id>/people")
@needs(Right.RULES)
def rule_people(connection_id: int) -> str:
    """Who is who: everybody in one list, gaps first; what the rules say can be pasted from a spreadsheet."""
    with web().database.reading() as session:
        book = read_book(session, connection_id)
        listed = listed_employees(session, book)
    own = [(one.extension, one.user_id, one.name) for one in listed if one.own]
    gaps = sum(one.user_id is None for one in listed)
    return render_template(
        "rules/people.html", book=book, people=listed, gaps=gaps, pasted=pasted(own), mistakes=said(book), tab="people"
    )


@pages.post("/admin/rules/<row:connection_id>/people")
@needs(Right.RULES_EDIT)
def save_people(connection_id: int) -> Response:
    lines = employees(request.form.get("employees", ""))
    return changed(connection_id, lambda document: {**document, "employees": lines}, endpoint="pages.rule_people")


@pages.get("/admin/rules/<row:connection_id>/more")
@needs(Right.RULES)
def rule_more(connection_id: int) -> str:
    """Tasks, sources, fields, recordings, quality and privacy."""
    with web().database.reading() as session:
        book = read_book(session, connection_id)
    rules = read_rules(book.document)
    sources = [(one.name, ", ".join(one.source), one.crm_source or "") for one in rules.sources]
    filled = [(one.name, one.entity, one.field, one.value, "+" if one.always else "") for one in rules.fields]
    return render_template(
        "rules/more.html", book=book, rules=rules, sources=pasted(sources), fields=pasted(filled), tab="more"
    )


@pages.post("/admin/rules/<row:connection_id>/more")
@needs(Right.RULES_EDIT)
def save_more(connection_id: int) -> Response:
    return changed(connection_id, lambda document: everything_else(document, request.form), endpoint="pages.rule_more")


# --- Files and presets --------------------------------------------------------------------------------------


@pages.get("/admin/rules/<row:connection_id>/rules.<form>")
@needs(Right.RULES)
def rule_file(connection_id: int, form: str) -> FlaskResponse:
    """The draft, or what holds, as a file."""
    if form not in FORMATS:
        abort(404)
    with web().database.reading() as session:
        book = read_book(session, connection_id)
    name = f"rules-{book.connection.name}.{form}"
    kind = "application/json" if form == "json" else "application/toml"
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return FlaskResponse(write_text(dict(book.document), form), content_type=kind, headers=disposition)


@pages.get("/schemas/rules-1.json")
def rules_schema() -> FlaskResponse:
    """The JSON Schema of the document; it tells nothing about anybody."""
    return jsonify(json_schema())


@pages.post("/admin/rules/<row:connection_id>/import")
@needs(Right.RULES_EDIT)
def import_rules(connection_id: int) -> Response:
    """A preset, the text of a file, or the lead policy from a spreadsheet becomes the draft."""
    if "table" in request.form:
        lines = policy_rows(request.form["table"])
        return changed(connection_id, lambda document: {**document, "policy": lines})
    preset, text = request.form.get("preset", ""), request.form.get("text", "")
    if preset in PRESETS:
        with web().database.reading() as session:
            ready = preset_document(session, web().services.registry, find_crm(session, connection_id), preset)
        return changed(connection_id, lambda _document: ready)
    try:
        document = read_text(text, "json" if text.lstrip().startswith("{") else "toml")
    except UnreadableFile as error:
        flash(error.message, "bad")
        return redirect(url_for("pages.rule_versions", connection_id=connection_id), code=303)
    return changed(connection_id, lambda _document: document)


# --- Trying and publishing ------------------------------------------------------------------------------------


@pages.get("/admin/rules/<row:connection_id>/try")
@needs(Right.RULES)
def try_rules(connection_id: int) -> str:
    """The draft on the last calls, beside what holds. Whoever may publish has then seen the preview."""
    last = parse_id(request.args.get("last", "")) or LAST
    last = last if last in _LENGTHS else LAST
    with web().database.reading() as session:
        find_crm(session, connection_id)
    asked = ask_of_last(connection_id, last)
    with web().database.transaction() as session:
        book = read_book(session, connection_id)
        run = try_last(session, book.connection, read_rules(book.document), last, asked)
        if book.draft and may(Right.RULES_EDIT):
            note_preview(session, connection_id, book.document)
        every = request.args.get("every") == "1"
        tried = [one for one in run.every if every or one.changed]
        changes = difference(book.held.document, book.document)
        return render_template(
            "rules/try.html", book=book, run=run, tried=tried[:_SHOWN], more=max(len(tried) - _SHOWN, 0), last=last,
            lengths=_LENGTHS, every=every, changes=changes, mistakes=said(book), tab="try",
        )  # fmt: skip


@pages.post("/admin/rules/<row:connection_id>/publish")
@needs(Right.RULES_EDIT)
def publish_rules(connection_id: int) -> Response:
    def work(session: Any, connection: Any, by: str, now: Any) -> None:
        publish_draft(session, connection, by=by, now=now, note=request.form.get("note", "").strip())
        flash(_("Published. Calls follow these rules from now on."), "good")

    return _done(connection_id, work, "pages.rule_book")


@pages.post("/admin/rules/<row:connection_id>/discard")
@needs(Right.RULES_EDIT)
def discard_rules(connection_id: int) -> Response:
    def work(session: Any, connection: Any, by: str, now: Any) -> None:
        discard_draft(session, connection, by=by, now=now)
        flash(_("The draft is gone; nothing else has changed."), "good")

    return _done(connection_id, work, "pages.rule_book")


@pages.post("/admin/rules/<row:connection_id>/versions/<row:version>/again")
@needs(Right.RULES_EDIT)
def publish_again(connection_id: int, version: int) -> Response:
    def work(session: Any, connection: Any, by: str, now: Any) -> None:
        if find_version(session, connection_id, version) is None:
            abort(404)
        roll_back(session, connection, version, by=by, now=now)
        flash(_("Version %(number)d holds again.", number=version), "good")

    return _done(connection_id, work, "pages.rule_versions")


def _done(connection_id: int, work: Any, endpoint: str) -> Response:
    """Do it in one transaction, or say why not."""
    with web().database.transaction() as session:
        connection = find_crm(session, connection_id)
        attempt = session.begin_nested()
        try:
            work(session, connection, this_person().email, web().services.now())
        except DozvonError:
            attempt.rollback()
            flash(_("Not published: look at the dry run of the draft first. It may have been changed since."), "bad")
    return redirect(url_for(endpoint, connection_id=connection_id), code=303)


@pages.get("/admin/rules/<row:connection_id>/versions")
@needs(Right.RULES)
def rule_versions(connection_id: int) -> str:
    """What was published and when, what changed each time, and files in and out."""
    with web().database.reading() as session:
        book = read_book(session, connection_id)
        rows = versions(session, connection_id)
        older = [row.document for row in rows[1:]] + [
            book.held.document if not rows else _first(book.connection.vendor)
        ]
        shown = [(row, difference(before, row.document)) for row, before in zip(rows, older, strict=False)]
        has_draft = draft_of(session, connection_id) is not None
    return render_template(
        "rules/versions.html", book=book, versions=shown, presets=list(PRESETS), has_draft=has_draft, tab="versions"
    )


def _first(vendor: str) -> dict[str, Any]:
    """What the first version is compared with."""
    from hub.rules.store import vendor_rules
    from mapping.defaults import default_rules

    return write_rules(default_rules(vendor_rules(web().services.registry, vendor).stranger({})))
