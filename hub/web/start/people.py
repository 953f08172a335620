"""The wizard's third step: which extension of the PBX is which user of the CRM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from connectors.contract import CrmUser, ListedExtension
from hub.db.directory import DirectoryUser
from hub.db.tables import Connection, EmployeeRow
from hub.delivery.doors import open_door
from hub.domain.errors import DeliveryError
from hub.domain.intents import Lane
from hub.web.audit import note
from hub.web.i18n import _, _n
from hub.web.pages import pages
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.services import web
from hub.web.start.matching import Pair, match, pairs_to_write
from hub.web.start.pages import standing_now

_EVERY_PBX = "*"
_LONGEST_EXTENSION = 64


@pages.get("/admin/start/people")
@needs(Right.CONNECT)
def start_people() -> str:
    """Everybody in one list, with those chosen already whom the two systems show to be one person."""
    now = standing_now()
    users: list[CrmUser] = []
    pairs: list[Pair] = []
    trouble: DeliveryError | None = None
    if now.pbxs and now.crms:
        pbx, crm = now.pbxs[-1], now.crms[-1]
        with web().database.reading() as session:
            users, kept = _users(session, crm), _kept(session, pbx, crm)
        listed, trouble = _listed(pbx)
        pairs = match(listed, users, kept) if listed else pairs_to_write(users, kept)
    return render_template(
        "start/people.html",
        step="pages.start_people",
        standing=now,
        users=users,
        pairs=sorted(pairs, key=lambda pair: bool(pair.how)),
        trouble=trouble,
    )


def _listed(pbx: Connection) -> tuple[list[ListedExtension], DeliveryError | None]:
    """The employees whom the PBX names; nobody where it cannot be asked, with its words where it refused."""
    runtime, connector = web().services.runtime, web().services.registry.get(pbx.vendor)
    if runtime is None or connector is None or connector.directory is None:
        return [], None
    try:
        with open_door(runtime, pbx.id, Lane.URGENT, purpose="directory") as door:
            return [one for one in connector.directory.extensions(door) if one.kind == "user"], None
    except DeliveryError as error:
        return [], error


def _users(session: Session, crm: Connection) -> list[CrmUser]:
    rows = session.scalars(
        select(DirectoryUser)
        .where(DirectoryUser.connection_id == crm.id, DirectoryUser.active.is_(True))
        .order_by(DirectoryUser.name, DirectoryUser.user_id)
    )
    return [CrmUser(row.user_id, row.name, row.extension, row.active, row.email) for row in rows]


def _people(session: Session, workspace_id: int) -> Sequence[EmployeeRow]:
    query = select(EmployeeRow).where(EmployeeRow.workspace_id == workspace_id).order_by(EmployeeRow.id)
    return session.scalars(query).all()


def _kept(session: Session, pbx: Connection, crm: Connection) -> dict[str, str]:
    """Extension to user id, as somebody settled it before."""
    return {
        extension: str(one.users[crm.name])
        for one in _people(session, pbx.workspace_id)
        if (extension := _extension(one, pbx)) and one.users.get(crm.name)
    }


def _extension(employee: EmployeeRow, pbx: Connection) -> str:
    return str(employee.extensions.get(pbx.name) or employee.extensions.get(_EVERY_PBX) or "")


@pages.post("/admin/start/people")
@needs(Right.CONNECT)
def keep_people() -> Response:
    """Keep who is who; a row without an extension says nothing, one without a user that it is nobody of the CRM."""
    now = standing_now()
    wanted = _wanted()
    if not (now.pbxs and now.crms and wanted):
        flash(_("Nothing was changed."), "warn")
        return redirect(url_for("pages.start_people"), code=303)
    chosen = [user_id for user_id in wanted.values() if user_id]
    if len(set(chosen)) < len(chosen):
        flash(_("Nothing was kept: somebody is chosen for two extensions."), "bad")
        return redirect(url_for("pages.start_people"), code=303)
    pbx, crm = now.pbxs[-1], now.crms[-1]
    with web().database.transaction() as session:
        names = {user.user_id: user.name for user in _users(session, crm)}
        kept = {extension: user_id for extension, user_id in wanted.items() if user_id in names}
        for extension in wanted.keys() - kept.keys():
            _release(session, (pbx, crm), extension)
        for extension, user_id in kept.items():
            _keep(session, (pbx, crm), extension, user_id, names[user_id])
        note(session, this_person(), "employees.change", f"{pbx.name}, {crm.name}: {len(kept)}")
    flash(_n("%(num)d employee is known.", "%(num)d employees are known.", len(kept)), "good")
    return redirect(url_for("pages.start_call"), code=303)


def _wanted() -> Mapping[str, str]:
    """Extension to user id, "" for nobody, as the form has them."""
    rows = zip(request.form.getlist("extension"), request.form.getlist("user"), strict=False)
    typed = [(extension.strip(), user.strip()) for extension, user in rows]
    return {extension: user for extension, user in typed if 0 < len(extension) <= _LONGEST_EXTENSION}


def _release(session: Session, systems: tuple[Connection, Connection], extension: str) -> None:
    pbx, crm = systems
    for one in _people(session, pbx.workspace_id):
        if _extension(one, pbx) == extension:
            one.users = {name: user_id for name, user_id in one.users.items() if name != crm.name}
    session.flush()


def _keep(session: Session, systems: tuple[Connection, Connection], extension: str, user_id: str, name: str) -> None:
    """One person: whom the hub knows by that user, or by that extension and no user yet, else a new one."""
    pbx, crm = systems
    everybody = _people(session, pbx.workspace_id)
    holder = next((one for one in everybody if _extension(one, pbx) == extension), None)
    row = next((one for one in everybody if str(one.users.get(crm.name)) == user_id), None)
    if row is None and holder is not None and not holder.users.get(crm.name):
        row = holder
    if row is None:
        row = EmployeeRow(workspace_id=pbx.workspace_id, name=name, extensions={}, users={})
        session.add(row)
    if holder is not None and holder is not row:
        holder.extensions = {k: v for k, v in holder.extensions.items() if k not in (pbx.name, _EVERY_PBX)}
    if _extension(row, pbx) != extension:
        row.extensions = {**row.extensions, pbx.name: extension}
    row.users = {**row.users, crm.name: user_id}
    session.flush()
