"""A site by its page: added, changed, put aside, removed, by the same rules as the provisioning file has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.db.tables import Workspace
from hub.db.tracking import SiteNumber, SiteRow
from hub.provisioning.document import Source
from hub.provisioning.errors import Mistake, WrongDocument
from hub.provisioning.one_site import fingerprint, put_aside, put_site, remove_site, site_item
from hub.provisioning.sites import KEY_TAKEN
from hub.provisioning.work import Work
from hub.tracking.live.rules import SiteRules
from hub.tracking.sources.channels import Channel
from hub.web.audit import note
from hub.web.i18n import _, _n
from hub.web.pages import pages
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.rules.views import heard_lines
from hub.web.services import web
from hub.web.tracking.queries import find_site, numbers_of
from hub.web.tracking.site_form import host_of, item_of_form, key_of, typed_of
from hub.web.tracking.site_words import NEEDED, NEEDED_WORDS, mistakes_by_field

Item = Mapping[str, Any]
Errors = Mapping[str, str]
_FRESH: Item = {"consent": "not_needed", "touch_model": SiteRules().touch_model}


@pages.get("/admin/new-site")
@needs(Right.SITES_EDIT)
def new_site() -> Response:
    return _page(None, _FRESH, {})


@pages.post("/admin/new-site")
@needs(Right.SITES_EDIT)
def add_site() -> Response:
    """Make a site of the form, and lead to the line for its pages; nothing of it when something is wrong."""
    if "origins" not in request.form:
        return redirect(url_for("pages.new_site"), code=303)
    item = item_of_form(request.form)
    try:
        key = _add(item)
    except WrongDocument as refusal:
        return _page(None, item, mistakes_by_field(refusal.mistakes, item))
    flash(_("The site is added. Put the line below on its pages."), "good")
    return redirect(url_for("pages.site", key=key), code=303)


def _add(item: Item) -> str:
    """The key of the site that was made. Raises `WrongDocument`."""
    with _work() as (session, work):
        key = item.get("key") or key_of(item, lambda one: _is_taken(session, one))
        if _is_taken(session, key):
            raise WrongDocument(Mistake(("site", 0, "key"), KEY_TAKEN))
        _put(work, {**item, "key": key, "name": item.get("name") or host_of(item) or key}, _needed(item))
        note(session, this_person(), "site.add", key)
    return str(key)


@pages.get("/admin/sites/<key>/change")
@needs(Right.SITES_EDIT)
def site_form(key: str) -> Response:
    with web().database.reading() as session:
        row = _own(session, key)
        return _page(row, site_item(session, row), {})


@pages.post("/admin/sites/<key>/change")
@needs(Right.SITES_EDIT)
def change_site(key: str) -> Response:
    """Make the site what the form says; what somebody else changed meanwhile is not overwritten unseen."""
    item = {**item_of_form(request.form), "key": key}
    errors: Errors = {}
    said: list[str] = []
    try:
        errors, said = _change(key, item)
    except WrongDocument as refusal:
        errors = mistakes_by_field(refusal.mistakes, item)
    if errors:
        with web().database.reading() as session:
            return _page(_own(session, key), item, errors)
    flash(_("Kept."), "good") if said else flash(_("Nothing was changed."), "warn")
    return redirect(url_for("pages.site", key=key), code=303)


def _change(key: str, item: Item) -> tuple[Errors, list[str]]:
    """What was wrong, by field, and what was changed. Raises `WrongDocument`; nothing is kept in either case."""
    with _work() as (session, work):
        row = _own(session, key)
        before = site_item(session, row)
        if "origins" not in request.form:
            return {}, []
        if request.form.get("was") != fingerprint(before):
            return {"": _changed_meanwhile()}, []
        _put(work, {"name": row.name, **item}, _needed(item, before))
        said = _differences(before, site_item(session, row))
        if said:
            note(session, this_person(), "site.change", f"{key}: {', '.join(said)}")
    return {}, said


@pages.post("/admin/sites/<key>/aside")
@needs(Right.SITES_EDIT)
def put_site_aside(key: str) -> Response:
    """Take the numbers of its pools from the site; every visitor then sees the default number."""
    with _work() as (session, work):
        row = _own(session, key)
        count = len(numbers_of(session, row.id, work.now))
        if count:
            put_aside(work, row)
            note(session, this_person(), "site.put_aside", f"{key}: pool -{count}")
    if count:
        words = _n(
            "Put aside. %(num)d number is free again and rests.",
            "Put aside. %(num)d numbers are free again and rest.",
            count,
        )
        flash(words, "good")
    return redirect(url_for("pages.site", key=key), code=303)


@pages.post("/admin/sites/<key>/remove")
@needs(Right.SITES_EDIT)
def drop_site(key: str) -> Response:
    """Remove a site that nobody was ever on; any other one stays, with the reason said."""
    with _work() as (session, work):
        is_gone = remove_site(work, _own(session, key))
        if is_gone:
            note(session, this_person(), "site.remove", key)
    if is_gone:
        flash(_("The site is removed."), "good")
        return redirect(url_for("pages.sites"), code=303)
    flash(
        _("Visitors have been on this site: its visits and the way of its numbers are kept. Put it aside instead."),
        "warn",
    )
    return redirect(url_for("pages.site", key=key), code=303)


# --- Parts ------------------------------------------------------------------------------------------


@contextmanager
def _work() -> Iterator[tuple[Session, Work]]:
    """What a provisioning file would work with, for the person of this request; one at a time in a workspace."""
    services = web().services
    with web().database.transaction() as session:
        workspace = session.get_one(Workspace, this_person().workspace_id, with_for_update=True)
        source = Source("form", Path(), {}, {})
        yield session, Work(session, workspace, source, services.registry, services.now(), web().public_url)


def _own(session: Session, key: str) -> SiteRow:
    row = find_site(session, this_person().workspace_id, key)
    if row is None:
        abort(404)
    return row


def _is_taken(session: Session, key: str) -> bool:
    return session.scalar(select(SiteRow.id).where(SiteRow.key == key)) is not None


def _put(work: Work, item: Item, needed: Sequence[Mistake]) -> None:
    """Raises `WrongDocument` with all that is wrong at once, `needed` too."""
    try:
        put_site(work, item)
    except WrongDocument as refusal:
        raise WrongDocument(*needed, *refusal.mistakes) from None
    if needed:
        raise WrongDocument(*needed)


def _needed(item: Item, before: Item | None = None) -> list[Mistake]:
    """What the file may leave open, and a site that is to work may not; what was open `before` may stay so."""
    names = [name for name in NEEDED_WORDS if not item.get(name) and (before is None or before.get(name))]
    return [Mistake(("site", 0, name), NEEDED) for name in names]


def _changed_meanwhile() -> str:
    return _(
        "Somebody else has changed this site meanwhile. What you typed still stands here: compare it with the "
        "site’s page, and press Keep once more."
    )


def _differences(before: Item, after: Item) -> list[str]:
    """The names of what differs; of the pool also how many numbers came and went, never the numbers."""
    usual = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(SiteRules()).items()}
    before, after = {**usual, **before}, {**usual, **after}
    said = [name for name in sorted({*before, *after} - {"pool"}) if before.get(name) != after.get(name)]
    came, went = (len({*a["pool"]} - {*b["pool"]}) for a, b in ((after, before), (before, after)))
    return [f"pool +{came} -{went}", *said] if came or went else said


def _page(row: SiteRow | None, item: Item, errors: Errors) -> Response:
    with web().database.reading() as session:
        answer = make_response(
            render_template(
                "tracking/site_form.html",
                site=row,
                typed=typed_of(item),
                errors=errors,
                usual=SiteRules(),
                was=fingerprint(site_item(session, row)) if row else "",
                lines=_free_lines(session, item),
                channels=list(Channel),
            )
        )
    answer.status_code = 422 if errors else 200
    return answer


def _free_lines(session: Session, item: Item) -> list[str]:
    """Numbers that calls came to and that no site of the workspace has, nor is about to have by this form."""
    held = select(SiteNumber.number).where(
        SiteNumber.workspace_id == this_person().workspace_id, SiteNumber.until.is_(None)
    )
    known = {*session.scalars(held), *item.get("pool", ()), item.get("default_number"), item.get("post_default_number")}
    return [line for line in heard_lines(session) if line.startswith("+") and line not in known]
