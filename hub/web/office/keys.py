"""API keys: made, shown once, revoked."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from hub.db.tables import ApiKey
from hub.provisioning.people import key_hash, key_prefix, new_key
from hub.web.api.scopes import SCOPES
from hub.web.audit import note
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.services import web

_LONGEST_NAME = 100


@pages.get("/admin/workspace/keys")
@needs(Right.WORKSPACE)
def api_keys() -> str:
    return _page()


def _page(name: str = "", key: str = "") -> str:
    """The list; with `key`, the one just made, on this one answer only."""
    with web().database.reading() as session:
        query = select(ApiKey).where(ApiKey.workspace_id == this_person().workspace_id).order_by(ApiKey.name)
        rows = session.scalars(query).all()
    return render_template("office/keys.html", keys=rows, scopes=SCOPES, name=name, key=key)


def _back() -> Response:
    return redirect(url_for("pages.api_keys"), code=303)


@pages.post("/admin/workspace/keys")
@needs(Right.WORKSPACE_EDIT)
def make_key() -> Response | str:
    """Make a key with the ticked scopes; it is on this answer and nowhere else."""
    person, name = this_person(), request.form.get("name", "").strip()
    scopes = [scope for scope in SCOPES if scope in request.form.getlist("scope")]
    if not name or len(name) > _LONGEST_NAME or not name.isprintable() or not scopes:
        flash(_("No key was made: name the program that will use it, and tick what it may do."), "bad")
        return _back()
    key = new_key()
    with web().database.transaction() as session:
        known = select(ApiKey.id).where(ApiKey.workspace_id == person.workspace_id, ApiKey.name == name)
        if session.scalar(known) is not None:
            flash(_("There is a key %(name)s already. Revoke it or choose another name.", name=name), "bad")
            return _back()
        session.add(
            ApiKey(
                workspace_id=person.workspace_id,
                name=name,
                key_hash=key_hash(key),
                prefix=key_prefix(key),
                scopes=scopes,
                created_at=web().services.now(),
            )
        )
        note(session, person, "key.make", f"{name}: {', '.join(scopes)}")
    return _page(name, key)


@pages.post("/admin/workspace/keys/<row:key_id>/revoke")
@needs(Right.WORKSPACE_EDIT)
def revoke_key(key_id: int) -> Response:
    """Remove a key: the next request with it is refused."""
    person = this_person()
    with web().database.transaction() as session:
        row = session.get(ApiKey, key_id)
        if row is None or row.workspace_id != person.workspace_id:
            abort(404)
        session.delete(row)
        note(session, person, "key.revoke", row.name)
    flash(_("The key %(name)s opens nothing any more.", name=row.name), "good")
    return _back()
