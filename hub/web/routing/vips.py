"""The VIP list on a page: a line at a time, or as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.db.tables import AuditRow
from hub.domain.phone import mask_phone
from hub.routing import vips as store
from hub.web.export import safe_cell
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.pages.lists import PER_PAGE, cursor_argument, shown, text_argument
from hub.web.paging import Cursor, page_of, parse_id
from hub.web.people import Person, this_person
from hub.web.roles import Right, needs
from hub.web.services import web

_LONGEST_FILE_BYTES = 900 * 1024
_SHOWN_MISTAKES = 5
_UTF8_MARK = "\ufeff"


def audit(session: Session, person: Person, action: str, subject: str) -> None:
    """Note in the audit who did what."""
    session.add(
        AuditRow(
            workspace_id=person.workspace_id,
            at=web().services.now(),
            actor=person.email,
            action=action,
            subject=subject[:200],
        )
    )


@pages.get("/admin/routing/vip")
@needs(Right.ROUTING)
def vips() -> str:
    person, text, cursor = this_person(), text_argument("q"), cursor_argument(timed=False)
    with web().database.reading() as session:
        after = cursor.id if cursor else None
        rows = store.list_vips(session, person.workspace_id, text=text or "", after_id=after, limit=PER_PAGE + 1)
        number = store.count_vips(session, person.workspace_id)
    page = page_of(rows, PER_PAGE, lambda row: Cursor(row.id))
    arguments = {"q": text} if text else {}
    return render_template("routing/vip.html", page=shown(page, arguments), arguments=arguments, number=number)


@pages.post("/admin/routing/vip")
@needs(Right.ROUTING_EDIT)
def put_vip() -> Response:
    person, form = this_person(), request.form
    try:
        vip = store.make_vip(form.get("phone", ""), form.get("extension", ""), form.get("note", ""), person.region)
    except store.WrongVip as error:
        flash(_("This line was not kept: %(why)s.", why=error), "bad")
        return redirect(url_for("pages.vips"), code=303)
    with web().database.transaction() as session:
        is_new = store.put_vip(session, person.workspace_id, vip)
        audit(session, person, "vip.add" if is_new else "vip.change", mask_phone(vip.phone))
    flash(_("The number is on the VIP list.") if is_new else _("The line was changed."), "good")
    return redirect(url_for("pages.vips"), code=303)


@pages.post("/admin/routing/vip/remove")
@needs(Right.ROUTING_EDIT)
def remove_vip() -> Response:
    person, row_id = this_person(), parse_id(request.form.get("vip_id", ""))
    with web().database.transaction() as session:
        vip = store.find_vip(session, person.workspace_id, row_id) if row_id else None
        if vip is not None:
            store.remove_vip(session, person.workspace_id, vip.id)
            audit(session, person, "vip.remove", mask_phone(vip.phone))
    if vip is not None:
        flash(_("The number is off the VIP list."), "good")
    return redirect(url_for("pages.vips"), code=303)


@pages.get("/admin/routing/vip.csv")
@needs(Right.ROUTING)
def vip_file() -> Response:
    with web().database.reading() as session:
        text = "".join(csv_lines(session, this_person().workspace_id))
    disposition = {"Content-Disposition": 'attachment; filename="vip.csv"'}
    return Response(_UTF8_MARK + text, content_type="text/csv; charset=utf-8", headers=disposition)


def csv_lines(session: Session, workspace_id: int) -> Iterator[str]:
    """The list as a file that `take_in` reads back."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(store.COLUMNS)
    for vip in store.every_vip(session, workspace_id):
        writer.writerow([safe_cell(cell) for cell in (vip.phone, vip.extension, vip.note)])
    yield buffer.getvalue()


@pages.post("/admin/routing/vip/import")
@needs(Right.ROUTING_EDIT)
def import_vips() -> Response:
    """Take in a file; nothing of it when a line of it is wrong."""
    person, file = this_person(), request.files.get("file")
    content = file.read(_LONGEST_FILE_BYTES + 1) if file else b""
    if len(content) > _LONGEST_FILE_BYTES:
        abort(413)
    read = store.read_csv(content, person.region)
    if read.mistakes:
        lines = "; ".join(f"{number}: {words}" for number, words in read.mistakes[:_SHOWN_MISTAKES])
        flash(_("Nothing was taken in. Lines with mistakes: %(lines)s.", lines=lines), "bad")
    elif not read.vips:
        flash(_("There is no line with a phone number in this file."), "warn")
    else:
        _take_in(person, read.vips)
    return redirect(url_for("pages.vips"), code=303)


def _take_in(person: Person, read: tuple[store.Vip, ...]) -> None:
    replace = request.form.get("replace") == "yes"
    with web().database.transaction() as session:
        new, changed, gone = store.take_in(session, person.workspace_id, read, replace=replace)
        audit(session, person, "vip.import", f"{new} new, {changed} changed, {gone} removed")
    flash(
        _("Taken in: %(new)d new, %(changed)d changed, %(gone)d removed.", new=new, changed=changed, gone=gone), "good"
    )
