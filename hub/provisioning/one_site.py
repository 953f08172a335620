"""One site by itself, as a page changes it: by the rules of the file, and beside the sites that stand already."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.locks import take_turn
from hub.db.tables import LineSource, Provisioned
from hub.db.tracking import AttributionRow, FormReport, LeaseRow, SiteNumber, SiteRow, VisitRow
from hub.provisioning.errors import Mistake, WrongDocument, flatten
from hub.provisioning.lines import Path
from hub.provisioning.schema import SiteSchema
from hub.provisioning.sites import numbers_of, put_sites, with_full_numbers
from hub.provisioning.work import Work, kept
from hub.tracking.live.numbers import hold_numbers
from hub.tracking.live.rules import ALL_REGIONS

Item = Mapping[str, Any]
_PATH: Path = ("site", 0)
_TRACES = (VisitRow, LeaseRow, FormReport, AttributionRow)


def site_item(session: Session, row: SiteRow) -> dict[str, Any]:
    """The site as the file would spell it, from its rows; what was never said is left out."""
    item: dict[str, Any] = {"key": row.key, "name": row.name, "origins": list(row.origins), "pool": [], "pools": {}}
    for name in ("default_number", "post_default_number"):
        if getattr(row, name):
            item[name] = getattr(row, name)
    held = select(SiteNumber).where(SiteNumber.site_id == row.id, SiteNumber.until.is_(None)).order_by(SiteNumber.id)
    for one in session.scalars(held):
        pool = item["pool"] if one.region == ALL_REGIONS else item["pools"].setdefault(one.region, [])
        pool.append(one.number)
    return {**item, "static": list(_kept_document(session, row).get("static", [])), **row.settings}


def _kept_document(session: Session, row: SiteRow) -> Mapping[str, Any]:
    place = (Provisioned.workspace_id == row.workspace_id, Provisioned.section == "site", Provisioned.key == row.key)
    return session.scalar(select(Provisioned.document).where(*place)) or {}


def fingerprint(item: Item) -> str:
    """Tells whether somebody has changed a site since it was read."""
    return hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()[:20]


def put_site(work: Work, item: Item) -> None:
    """Make one site what `item` says, which is not validated yet; the other sites stay as they are.

    Raises `WrongDocument` with all that is wrong, at paths under ("site", 0): also for a number or an origin that
    the site did not have and another one has. What it had already stays its own, for the quarantine to settle.
    """
    try:
        loaded = SiteSchema().load(item)
    except ValidationError as error:
        raise WrongDocument(*flatten(error.messages, _PATH), *_wrong_numbers(work, item)) from None
    site = with_full_numbers(work, [loaded])[0]
    take_turn(work.session, "site numbers")
    row = work.session.scalar(select(SiteRow).where(SiteRow.key == site["key"]))
    known = row if row is not None and row.workspace_id == work.workspace.id else None
    mistakes = [*_taken_numbers(work, site, known), *_taken_origins(work, site, known)]
    if mistakes:
        raise WrongDocument(*mistakes)
    put_sites(work, [site])


def _wrong_numbers(work: Work, item: Item) -> Sequence[Mistake]:
    """What is wrong with the numbers of a site that is refused anyway, so that all of it is said at once."""
    try:
        with_full_numbers(work, [{"pool": [], **item, "static": []}])
    except WrongDocument as refusal:
        return refusal.mistakes
    return ()


def _taken_numbers(work: Work, site: Item, known: SiteRow | None) -> Iterator[Mistake]:
    """Of this workspace's sites also the static lines count; of a foreign one nothing is told but that it is there."""
    own = {number for _, number in numbers_of(site_item(work.session, known), ())} if known else set()
    asked = [(path, number) for path, number in numbers_of(site, _PATH) if number not in own]
    query = select(SiteNumber.number, SiteRow.name, SiteRow.workspace_id).join(
        SiteRow, SiteRow.id == SiteNumber.site_id
    )
    held = query.where(SiteNumber.until.is_(None), SiteNumber.number.in_([number for _, number in asked]))
    held = held.where(SiteRow.key != site["key"])
    pools = {number: name if owner == work.workspace.id else "" for number, name, owner in work.session.execute(held)}
    static = _static_elsewhere(work, site["key"])
    for path, number in asked:
        holder = pools.get(number, static.get(number))
        if holder is not None:
            yield Mistake(path, f'{number} belongs to the site "{holder}".')


def _static_elsewhere(work: Work, key: str) -> dict[str, str]:
    """The static lines of the workspace's other sites, each with its site's name."""
    documents = {other: row.document for other, row in kept(work, "site").items() if other != key}
    return {
        line["number"]: str(document.get("name", other))
        for other, document in documents.items()
        for line in document.get("static", [])
    }


def _taken_origins(work: Work, site: Item, known: SiteRow | None) -> Iterator[Mistake]:
    own = set(known.origins) if known else set()
    others = select(SiteRow).where(SiteRow.workspace_id == work.workspace.id, SiteRow.key != site["key"])
    taken = {origin: row.name for row in work.session.scalars(others) for origin in row.origins}
    for number, text in enumerate(site["origins"]):
        origin = text.rstrip("/").lower()
        if origin in taken and origin not in own:
            yield Mistake((*_PATH, "origins", number), f'{origin} belongs to the site "{taken[origin]}".')


def put_aside(work: Work, row: SiteRow) -> None:
    """Take the numbers of its pools from a site: they rest before another site may hand them out."""
    put_sites(work, [{**site_item(work.session, row), "pool": [], "pools": {}}])


def has_traces(session: Session, row: SiteRow) -> bool:
    """Whether anybody was ever on the site's pages, as far as the hub knows: then its passports must stay."""
    return row.seen is not None or any(
        session.scalar(select(table.site_id).where(table.site_id == row.id).limit(1)) is not None for table in _TRACES
    )


def remove_site(work: Work, row: SiteRow) -> bool:
    """Remove a site that nobody was ever on; False, and nothing done, for any other."""
    if has_traces(work.session, row):
        return False
    hold_numbers(work.session, {row.id: {}}, work.now)
    document = kept(work, "site").get(row.key)
    lines = [line["number"] for line in document.document.get("static", [])] if document else []
    mine = (LineSource.workspace_id == row.workspace_id, LineSource.number.in_(lines))
    for gone in (*work.session.scalars(select(LineSource).where(*mine)), document, row):
        if gone is not None:
            work.session.delete(gone)
    work.removed(f"site {row.key}")
    return True
