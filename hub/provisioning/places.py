"""Opening hours, VIPs, sites and rules of a workspace."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from hub.db.tables import Connection, LineSource
from hub.domain.phone import mask_phone
from hub.provisioning.document import as_json
from hub.provisioning.errors import Mistake, WrongDocument
from hub.provisioning.lines import Path
from hub.provisioning.sites import put_sites
from hub.provisioning.work import Work, assign, keep, kept, once_each
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
        _put(work, "vip", phone, document, f"vip {mask_phone(phone)}")
    for phone in before.keys() - wanted.keys():
        work.session.delete(before[phone])
        work.removed(f"vip {mask_phone(phone)}")


def _put(work: Work, section: str, key: str, document: dict[str, Any], what: str) -> None:
    row = kept(work, section).get(key)
    if row is None:
        keep(work, section, key, document)
        work.added(what)
    elif row.document != document:
        names = sorted(name for name in {*row.document, *document} if row.document.get(name) != document.get(name))
        row.document = document
        work.changed(what, names)


# --- Sites ----------------------------------------------------------------------------------------


def apply_sites(work: Work, items: Sequence[Item]) -> None:
    """Keep each site's document, and make its static lines the rows by which calls are attributed."""
    once_each(((("site", n, "key"), item["key"]) for n, item in enumerate(items)), "{value} stands here twice.")
    sites = [_with_full_numbers(work, item, ("site", number)) for number, item in enumerate(items)]
    once_each(
        (place for number, site in enumerate(sites) for place in _numbers_of(site, ("site", number))),
        "{value} stands here for the second time.",
    )
    put_sites(work, sites)
    before = {key: row.document for key, row in kept(work, "site").items()}
    for site in sites:
        _put_lines(work, before.get(site["key"], {}), site)
        _put(work, "site", site["key"], site, f"site {site['key']}")


def _with_full_numbers(work: Work, item: Item, path: Path) -> dict[str, Any]:
    site = dict(item)
    for name in ("default_number", "post_default_number"):
        if name in site:
            site[name] = work.number(site[name], (*path, name))
    site["pool"] = [work.number(text, (*path, "pool", number)) for number, text in enumerate(site["pool"])]
    site["pools"] = {
        region: [work.number(text, (*path, "pools", region)) for text in numbers]
        for region, numbers in site.get("pools", {}).items()
    }
    site["static"] = [
        {**line, "number": work.number(line["number"], (*path, "static", number, "number"))}
        for number, line in enumerate(site["static"])
    ]
    return site


def _numbers_of(site: Item, path: Path) -> Iterator[tuple[Path, str]]:
    for number, phone in enumerate(site["pool"]):
        yield (*path, "pool", number), phone
    for region, phones in site["pools"].items():
        yield from (((*path, "pools", region), phone) for phone in phones)
    for number, line in enumerate(site["static"]):
        yield (*path, "static", number, "number"), line["number"]


def _put_lines(work: Work, before: Item, site: Item) -> None:
    wanted = {line["number"]: line for line in site["static"]}
    dropped = {line["number"] for line in before.get("static", [])} - wanted.keys()
    query = select(LineSource).where(
        LineSource.workspace_id == work.workspace.id, LineSource.number.in_([*wanted, *dropped])
    )
    rows = {row.number: row for row in work.session.scalars(query)}
    for phone, line in wanted.items():
        values = {"source": line["source"], "medium": line.get("medium"), "campaign": line.get("campaign")}
        if phone in rows:
            assign(rows[phone], values)
        else:
            work.session.add(LineSource(workspace_id=work.workspace.id, number=phone, **values))
    for phone in dropped & rows.keys():
        work.session.delete(rows[phone])


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
        _put(work, "rules", item["connection"], kept_form, f"rules {item['connection']}")


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
