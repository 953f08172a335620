"""`dozvon export`: a workspace as the provisioning file that makes it again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import tomli_w
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.rules import RulesVersion
from hub.db.tables import ApiKey, Connection, ConnectionToken, EmployeeRow, Provisioned, User, Workspace
from hub.domain.errors import DozvonError
from hub.provisioning.connections import pair_fields
from hub.provisioning.routing import exported, own_hours

Row = TypeVar("Row", User, ApiKey, Connection, EmployeeRow)

_HEAD = "# Workspace {slug}. Secrets are read from the environment variables that are named here.\n\n"
_HEAD_SECRET = "# Workspace {slug}. This file holds secrets: keep it as safe as a password.\n\n"  # noqa: S105 - a heading


def export_workspace(session: Session, slug: str | None = None, *, with_secrets: bool = False) -> str:
    """The TOML text of a workspace; `slug` may be None where there is only one.

    Without `with_secrets` each secret is the name of an environment variable that will hold it.
    Raises `DozvonError` when the workspace is not there.
    """
    workspace = find_workspace(session, slug)
    head = _HEAD_SECRET if with_secrets else _HEAD
    document = _document(session, workspace, with_secrets=with_secrets)
    return head.format(slug=workspace.slug) + tomli_w.dumps(document)


def find_workspace(session: Session, slug: str | None) -> Workspace:
    """The workspace called `slug`, or the only one. Raises `DozvonError` naming those that are there."""
    workspaces = {row.slug: row for row in session.scalars(select(Workspace).order_by(Workspace.id))}
    known = ", ".join(workspaces) or "none yet"
    if slug is None and len(workspaces) == 1:
        return next(iter(workspaces.values()))
    if slug is None:
        raise DozvonError("Which workspace?", f"Name one with --workspace: {known}.")
    if slug not in workspaces:
        raise DozvonError(f"There is no workspace {slug}.", f"Workspaces: {known}.")
    return workspaces[slug]


def _document(session: Session, workspace: Workspace, *, with_secrets: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "workspace": {name: getattr(workspace, name) for name in ("slug", "name", "timezone", "region", "locale")}
    }
    if workspace.hours:
        document["hours"] = workspace.hours
    document["user"] = [_user(session, row, workspace.slug, with_secrets) for row in _rows(session, User, workspace)]
    document["api_key"] = [_key(row, with_secrets) for row in _rows(session, ApiKey, workspace)]
    document["connection"] = [
        _connection(session, row, workspace.slug, with_secrets) for row in _rows(session, Connection, workspace)
    ]
    document["employee"] = [
        {**_employee(row), **own_hours(session, row)} for row in _rows(session, EmployeeRow, workspace)
    ]
    document |= exported(session, workspace)
    for section in ("vip", "site"):
        document[section] = _kept(session, workspace, section)
    document["rules"] = _rules(session, workspace)
    return {name: _plain(value) for name, value in document.items() if value != []}


def _rows(session: Session, table: type[Row], workspace: Workspace) -> Sequence[Row]:
    return session.scalars(select(table).where(table.workspace_id == workspace.id).order_by(table.id)).all()


def _variable(*parts: str) -> str:
    """A name for an environment variable: ACME_MANGO_API_KEY."""
    return re.sub(r"[^A-Z0-9]+", "_", "_".join(parts).upper()).strip("_")


def _user(session: Session, row: User, slug: str, with_secrets: bool) -> dict[str, Any]:
    password = (
        {"password_hash": row.password_hash}
        if with_secrets
        else {"password_env": _variable(slug, row.email, "password")}
    )
    employee = session.get(EmployeeRow, row.employee_id) if row.employee_id is not None else None
    linked = {"employee": employee.name} if employee is not None else {}
    return {"email": row.email, **password, "role": row.role, "locale": row.locale, **linked}


def _key(row: ApiKey, with_secrets: bool) -> dict[str, Any]:
    return {"name": row.name, **({"key_hash": row.key_hash} if with_secrets else {}), "scopes": row.scopes}


def _connection(session: Session, row: Connection, slug: str, with_secrets: bool) -> dict[str, Any]:
    token = session.get(ConnectionToken, row.id)
    secrets = {**row.secrets, **(pair_fields(token) if token else {})}
    shown: dict[str, Any] = {"name": row.name, "vendor": row.vendor}
    if row.hook_token and with_secrets:
        shown["hook_token"] = row.hook_token
    elif row.hook_token:
        shown["hook_token_env"] = _variable(slug, row.name, "hook_token")
    shown["settings"] = row.settings
    shown["secrets"] = secrets if with_secrets else _as_variables(secrets, slug, row.name)
    return shown


def _as_variables(secrets: Mapping[str, Any], slug: str, connection: str) -> dict[str, Any]:
    plain = {name: value for name, value in secrets.items() if name == "expires_at"}
    names = [name for name in secrets if name not in plain]
    return {**{f"{name}_env": _variable(slug, connection, name) for name in names}, **plain}


def _employee(row: EmployeeRow) -> dict[str, Any]:
    everywhere = row.extensions.get("*")
    if everywhere is not None and len(row.extensions) == 1:
        extensions: dict[str, Any] = {"extension": everywhere}
    else:
        extensions = {"extensions": row.extensions} if row.extensions else {}
    return {"name": row.name, **extensions, "users": row.users}


def _kept(session: Session, workspace: Workspace, section: str) -> list[dict[str, Any]]:
    rows = session.scalars(
        select(Provisioned)
        .where(Provisioned.workspace_id == workspace.id, Provisioned.section == section)
        .order_by(Provisioned.id)
    )
    return [row.document for row in rows]


def _rules(session: Session, workspace: Workspace) -> list[dict[str, Any]]:
    """What was published last, by whichever way."""
    rows = session.execute(
        select(Connection.name, RulesVersion.document)
        .join(RulesVersion, RulesVersion.connection_id == Connection.id)
        .where(Connection.workspace_id == workspace.id, RulesVersion.ended_at.is_(None))
        .order_by(Connection.id)
    )
    return [{"connection": name, "document": document} for name, document in rows]


def _plain(value: Any) -> Any:
    """Without the empty fields, which TOML cannot spell."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items() if inner is not None}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value
