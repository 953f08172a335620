"""Connections of a workspace: settings, secrets, token pairs and hook tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError
from sqlalchemy import select

from connectors.contract import Connector
from hub.db.tables import Connection, ConnectionToken
from hub.domain.access import TokenPair
from hub.provisioning.errors import Mistake, WrongDocument, flatten, suggestion
from hub.provisioning.lines import Path
from hub.provisioning.work import Work, keep, kept, once_each

Item = Mapping[str, Any]
_PAIR_FIELDS = ("access_token", "refresh_token", "expires_at")
_TOKEN_BYTES = 24


def token_hash(token: str) -> str:
    """What a hook token is found by."""
    return hashlib.sha256(token.encode()).hexdigest()


def apply_connections(work: Work, items: Sequence[Item]) -> None:
    once_each(((("connection", n, "name"), item["name"]) for n, item in enumerate(items)), "{value} stands here twice.")
    rows = work.session.scalars(select(Connection).where(Connection.workspace_id == work.workspace.id))
    connections = {row.name: row for row in rows}
    for number, item in enumerate(items):
        _apply_connection(work, connections.get(item["name"]), item, ("connection", number))


def _apply_connection(work: Work, row: Connection | None, item: Item, path: Path) -> None:
    connector = _connector(work, row, item, path)
    stored = _stored_secrets(work, row)
    given = {**{name: stored[name] for name in _unset_secrets(work, path) if name in stored}, **item["secrets"]}
    settings = _loaded(connector.settings, item["settings"], (*path, "settings"))
    all_secrets = _loaded(connector.secrets, given, (*path, "secrets"))
    plain, pair = _without_pair(connector, all_secrets)
    is_new = row is None
    if row is None:
        row = _new_row(work, item)
    applied = kept(work, "connection").get(row.name)
    last = applied.document if applied else {}
    changed = _change_settings(row, last.get("settings"), settings)
    changed += _change_secrets(row, connector, plain)
    changed += _change_pair(work, row, last.get("pair"), pair)
    changed += _change_token(work, row, connector, item.get("hook_token"), path)
    work.session.flush()
    keep(work, "connection", row.name, {"settings": settings, "pair": _digest(pair) if pair else None})
    _report(work, row, connector, is_new=is_new, changed=changed)


def _connector(work: Work, row: Connection | None, item: Item, path: Path) -> Connector:
    vendor = item["vendor"]
    connector = work.registry.get(vendor)
    if connector is None:
        words = f"{vendor} is not known here.{suggestion(vendor, list(work.registry))}"
        raise WrongDocument(Mistake((*path, "vendor"), words))
    if row is not None and row.vendor != vendor:
        words = f"cannot become {vendor}: this connection was made for {row.vendor}. Use another name."
        raise WrongDocument(Mistake((*path, "vendor"), words))
    return connector


def _new_row(work: Work, item: Item) -> Connection:
    row = Connection(
        workspace_id=work.workspace.id,
        name=item["name"],
        vendor=item["vendor"],
        settings={},
        secrets={},
        created_at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    return row


def _loaded(schema: type[Schema], values: Item, path: Path) -> dict[str, Any]:
    """What the vendor's schema makes of `values`; its words never repeat a value that was given."""
    try:
        loaded: dict[str, Any] = schema().load(values)
        return loaded
    except ValidationError as error:
        mistakes = [
            Mistake(found.path, _without_values(found.words, values)) for found in flatten(error.messages, path)
        ]
        raise WrongDocument(*mistakes) from None


def _without_values(words: str, values: Item) -> str:
    for value in values.values():
        if isinstance(value, str) and len(value) > 3:
            words = words.replace(value, "…")
    return words


# --- Secrets and tokens ---------------------------------------------------------------------------


def _stored_secrets(work: Work, row: Connection | None) -> dict[str, Any]:
    if row is None:
        return {}
    token = work.session.get(ConnectionToken, row.id)
    return {**row.secrets, **(pair_fields(token) if token else {})}


def pair_fields(token: ConnectionToken) -> dict[str, Any]:
    """A stored pair as the file spells it."""
    fields = {"access_token": token.pair["access"], "refresh_token": token.pair["refresh"]}
    return {**fields, "expires_at": int(token.expires_at.timestamp())} if token.expires_at else fields


def _unset_secrets(work: Work, path: Path) -> list[str]:
    """Secrets whose environment variable is not set: the stored value stays."""
    secrets_path = (*path, "secrets")
    return [str(field[-1]) for field in work.source.unset if field[:-1] == secrets_path]


def _without_pair(connector: Connector, values: Item) -> tuple[dict[str, Any], TokenPair | None]:
    """The plain secrets, and the OAuth pair: it lives in a table of its own, because the hub renews it."""
    if connector.oauth is None or not values.get("access_token") or not values.get("refresh_token"):
        return dict(values), None
    plain = {name: value for name, value in values.items() if name not in _PAIR_FIELDS}
    until = values.get("expires_at")
    expires_at = datetime.fromtimestamp(int(until), UTC) if until else None
    return plain, TokenPair(values["access_token"], values["refresh_token"], expires_at)


def _digest(pair: TokenPair) -> str:
    return hashlib.sha256(f"{pair.access}\0{pair.refresh}".encode()).hexdigest()


def _change_settings(row: Connection, last: Item | None, wanted: dict[str, Any]) -> list[str]:
    """Take over what the file changed since it was applied last; what the hub has learned meanwhile stays."""
    before = row.settings if last is None else last
    settings = dict(row.settings)
    for name in {*before, *wanted}:
        if before.get(name) == wanted.get(name) and (name in before) == (name in wanted):
            continue
        settings.pop(name, None)
        if name in wanted:
            settings[name] = wanted[name]
    changed = sorted(name for name in {*settings, *row.settings} if settings.get(name) != row.settings.get(name))
    row.settings = settings
    return [f"settings.{name}" for name in changed]


def _change_secrets(row: Connection, connector: Connector, wanted: dict[str, Any]) -> list[str]:
    """Take over changed secrets; a sender may go on signing with the old ones until it is told the new."""
    before = row.secrets or {}
    if before == wanted:
        return []
    if before and connector.hook is not None:
        row.previous_secrets = before
    row.secrets = wanted
    return [f"secrets.{name}" for name in sorted({*before, *wanted}) if before.get(name) != wanted.get(name)]


def forget_previous_secrets(work: Work) -> None:
    """End every rotation of the workspace: from now on only the newest secrets are accepted."""
    rows = work.session.scalars(select(Connection).where(Connection.workspace_id == work.workspace.id))
    for row in rows:
        if row.previous_secrets:
            row.previous_secrets = None
            work.changed(f"connection {row.name}", ["previous secrets are forgotten"])


def _change_pair(work: Work, row: Connection, last: str | None, pair: TokenPair | None) -> list[str]:
    """Store the file's pair unless it was applied before: the hub has rotated since, and the old one is dead."""
    if pair is None or _digest(pair) == last:
        return []
    token = work.session.get(ConnectionToken, row.id)
    if token is not None and (token.pair["access"], token.pair["refresh"]) == (pair.access, pair.refresh):
        return []
    from hub.net.tokens import store_pair

    store_pair(work.session, row.id, pair)
    return ["tokens"]


# --- Hook tokens ----------------------------------------------------------------------------------


def _change_token(work: Work, row: Connection, connector: Connector, given: str | None, path: Path) -> list[str]:
    asked_in_vain = (*path, "hook_token") in work.source.unset
    if given is None and (row.hook_token or not (connector.hook or connector.pbx)):
        return []
    if given is None and asked_in_vain:
        raise WrongDocument(Mistake((*path, "hook_token"), "is missing."))
    token = given or secrets.token_urlsafe(_TOKEN_BYTES)
    if row.hook_token == token:
        return []
    if _is_taken(work, row, token):
        raise WrongDocument(Mistake((*path, "hook_token"), "belongs to another connection already."))
    row.hook_token, row.hook_token_hash = token, token_hash(token)
    shown = f"{token}  (shown only now)" if given is None else f"{token[:4]}…"
    work.once.append(f"  hook address of {row.name}: {work.public_url}/hooks/{shown}")
    return ["hook_token"]


def _is_taken(work: Work, row: Connection, token: str) -> bool:
    query = select(Connection.id).where(Connection.hook_token_hash == token_hash(token), Connection.id != row.id)
    return work.session.scalars(query).first() is not None


def _report(work: Work, row: Connection, connector: Connector, *, is_new: bool, changed: Sequence[str]) -> None:
    if is_new:
        work.added(f"connection {row.name} ({connector.title})")
        return
    work.changed(f"connection {row.name}", changed)
    if changed and row.state != "paused":
        from hub.delivery.health import resume

        resume(work.session, row.id)
