"""Sites as rows: their settings, which numbers they hold since when, and their static lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from hub.db.tables import LineSource
from hub.db.tracking import SiteRow
from hub.provisioning.errors import Mistake, WrongDocument
from hub.provisioning.lines import Path
from hub.provisioning.work import Work, assign, kept, once_each, put_document
from hub.tracking.live.numbers import hold_numbers
from hub.tracking.live.rules import ALL_REGIONS, NAMES, rules_of

Item = Mapping[str, Any]
KEY_TAKEN = "is taken on this hub: choose another one."


def apply_sites(work: Work, items: Sequence[Item]) -> None:
    """Keep each site's document, and make its static lines the rows by which calls are attributed."""
    once_each(((("site", n, "key"), item["key"]) for n, item in enumerate(items)), "{value} stands here twice.")
    put_sites(work, with_full_numbers(work, items))


def with_full_numbers(work: Work, items: Sequence[Item]) -> list[dict[str, Any]]:
    """The sites with every number in E.164. Raises `WrongDocument` for what is no number, or stands there twice."""
    wrong: list[Mistake] = []
    sites = [_with_full_numbers(work, item, ("site", number), wrong) for number, item in enumerate(items)]
    if wrong:
        raise WrongDocument(*wrong)
    once_each(
        (place for number, site in enumerate(sites) for place in numbers_of(site, ("site", number))),
        "{value} stands here for the second time.",
    )
    return sites


def put_sites(work: Work, sites: Sequence[Item]) -> None:
    """Make the rows of `sites` (numbers in E.164) say what the file says.

    Numbers that leave a site are let go of first, so that one file may move a number; it then rests
    for the new site's quarantine. Raises `WrongDocument` for a key that another workspace has.
    """
    rows = [_put_row(work, item, number) for number, item in enumerate(sites)]
    work.session.flush()
    wanted = {row.id: dict(_pool(item)) for row, item in zip(rows, sites, strict=True)}
    hold_numbers(work.session, wanted, work.now)
    before = {key: row.document for key, row in kept(work, "site").items()}
    staying = {line["number"] for site in sites for line in site["static"]}
    for site in sites:
        _put_lines(work, before.get(site["key"], {}), site, staying)
        put_document(work, "site", site["key"], dict(site), f"site {site['key']}")


def _with_full_numbers(work: Work, item: Item, path: Path, wrong: list[Mistake]) -> dict[str, Any]:
    def full(text: str, *place: str | int) -> str:
        try:
            return work.number(text, (*path, *place))
        except WrongDocument as error:
            wrong.extend(error.mistakes)
            return text

    site = dict(item)
    for name in ("default_number", "post_default_number"):
        if name in site:
            site[name] = full(site[name], name)
    site["pool"] = [full(text, "pool", number) for number, text in enumerate(site["pool"])]
    site["pools"] = {
        region: [full(text, "pools", region, number) for number, text in enumerate(numbers)]
        for region, numbers in site.get("pools", {}).items()
    }
    site["static"] = [
        {**line, "number": full(line["number"], "static", number, "number")}
        for number, line in enumerate(site["static"])
    ]
    return site


def numbers_of(site: Item, path: Path) -> Iterator[tuple[Path, str]]:
    """Every number that only one site may have, with its place under `path`."""
    for number, phone in enumerate(site["pool"]):
        yield (*path, "pool", number), phone
    for region, phones in site["pools"].items():
        yield from (((*path, "pools", region, number), phone) for number, phone in enumerate(phones))
    for number, line in enumerate(site["static"]):
        yield (*path, "static", number, "number"), line["number"]


def _pool(item: Item) -> Iterator[tuple[str, str]]:
    for region, numbers in ((ALL_REGIONS, item["pool"]), *item["pools"].items()):
        yield from ((number, region) for number in numbers)


def _put_row(work: Work, item: Item, place: int) -> SiteRow:
    row = work.session.scalar(select(SiteRow).where(SiteRow.key == item["key"]))
    if row is not None and row.workspace_id != work.workspace.id:
        raise WrongDocument(Mistake(("site", place, "key"), KEY_TAKEN))
    values = {
        "name": item.get("name", item["key"]),
        "origins": [origin.rstrip("/").lower() for origin in item["origins"]],
        "default_number": item.get("default_number"),
        "post_default_number": item.get("post_default_number"),
        "settings": {name: item[name] for name in NAMES if name in item},
    }
    rules_of(values["settings"])
    if row is None:
        row = SiteRow(workspace_id=work.workspace.id, key=item["key"], created_at=work.now, **values)
        work.session.add(row)
    else:
        assign(row, values)
    return row


def _put_lines(work: Work, before: Item, site: Item, staying: set[str]) -> None:
    wanted = {line["number"]: line for line in site["static"]}
    dropped = {line["number"] for line in before.get("static", [])} - staying
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
