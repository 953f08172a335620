"""Opening hours, VIPs and rules of a workspace."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from hub.db.tables import Connection
from hub.domain.phone import mask_phone
from hub.provisioning.document import as_json
from hub.provisioning.errors import Mistake, WrongDocument
from hub.provisioning.lines import Path
from hub.provisioning.work import Work, assign, kept, once_each, put_document
from hub.rules.store import publish
from mapping.schema import RulesError

Item = Mapping[str, Any]


def apply_hours(work: Work, hours: Item) -> None:
    """Every day is stored, so that an empty table (closed all week) differs from no table at all."""
    if assign(work.workspace, {"hours": dict(hours)}):
        work.changed("hours", ["opening hours"])


def apply_vips(work: Work, items: Sequence[Item]) -> None:
    """Make the VIP list that of the file: the file is the whole truth about it."""
    wanted = {}
    for number, item in enumerate(items):
        phone = work.number(item["phone"], ("vip", number, "phone"))
        if phone in wanted:
            raise WrongDocument(Mistake(("vip", number, "phone"), "stands here twice."))
        wanted[phone] = {**item, "phone": phone}
    before = kept(work, "vip")
    for phone, document in wanted.items():
        put_document(work, "vip", phone, document, f"vip {mask_phone(phone)}")
    for phone in before.keys() - wanted.keys():
        work.session.delete(before[phone])
        work.removed(f"vip {mask_phone(phone)}")


# --- Rules ----------------------------------------------------------------------------------------


def apply_rules(work: Work, items: Sequence[Item]) -> None:
    once_each(
        ((("rules", n, "connection"), item["connection"]) for n, item in enumerate(items)), "{value} has rules already."
    )
    for number, item in enumerate(items):
        _check_crm(work, item["connection"], ("rules", number, "connection"))
        document = (
            item["document"] if "document" in item else _rules_file(work, item["file"], ("rules", number, "file"))
        )
        _publish(
            work, item["connection"], as_json(document), ("rules", number, "file" if "file" in item else "document")
        )
        kept_form = {"document": as_json(document)}
        put_document(work, "rules", item["connection"], kept_form, f"rules {item['connection']}")


def _publish(work: Work, name: str, document: Item, path: Path) -> None:
    """A file that is applied says itself what holds: no draft and no preview lie between."""
    query = select(Connection).where(Connection.workspace_id == work.workspace.id, Connection.name == name)
    try:
        publish(work.session, work.session.scalars(query).one(), document, by="cli", now=work.now, note="apply")
    except RulesError as error:
        raise WrongDocument(*(Mistake(path, f"is wrong: {mistake}") for mistake in error.mistakes)) from error


def _check_crm(work: Work, name: str, path: Path) -> None:
    query = select(Connection.vendor).where(Connection.workspace_id == work.workspace.id, Connection.name == name)
    vendor = work.session.scalars(query).one_or_none()
    if vendor is None:
        raise WrongDocument(Mistake(path, f"names {name}, which is no connection of this workspace."))
    connector = work.registry.get(vendor)
    if connector is None or connector.crm is None:
        raise WrongDocument(Mistake(path, f"names {name}, which is no CRM."))


def _rules_file(work: Work, name: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((work.source.folder / name).read_text(encoding="utf-8-sig"))
    except OSError as error:
        words = (error.strerror or "it cannot be read").lower()
        raise WrongDocument(Mistake(path, f"cannot be read: {name}: {words}.")) from error
    except ValueError as error:
        raise WrongDocument(Mistake(path, f"names {name}, which is not TOML: {error}.")) from error
