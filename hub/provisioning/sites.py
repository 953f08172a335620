"""Sites as rows: their settings, and which numbers they hold since when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from hub.db.tracking import SiteRow
from hub.provisioning.errors import Mistake, WrongDocument
from hub.provisioning.work import Work, assign
from hub.tracking.live.numbers import hold_numbers
from hub.tracking.live.rules import ALL_REGIONS, NAMES, rules_of

Item = Mapping[str, Any]


def put_sites(work: Work, sites: Sequence[Item]) -> None:
    """Make the rows of `sites` (numbers in E.164) say what the file says.

    Numbers that leave a site are let go of first, so that one file may move a number; it then rests
    for the new site's quarantine. Raises `WrongDocument` for a key that another workspace has.
    """
    rows = [_put_row(work, item, number) for number, item in enumerate(sites)]
    work.session.flush()
    wanted = {row.id: dict(_numbers(item)) for row, item in zip(rows, sites, strict=True)}
    hold_numbers(work.session, wanted, work.now)


def _put_row(work: Work, item: Item, place: int) -> SiteRow:
    row = work.session.scalar(select(SiteRow).where(SiteRow.key == item["key"]))
    if row is not None and row.workspace_id != work.workspace.id:
        raise WrongDocument(Mistake(("site", place, "key"), "is taken on this hub: choose another one."))
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


def _numbers(item: Item) -> Iterator[tuple[str, str]]:
    for region, numbers in ((ALL_REGIONS, item["pool"]), *item["pools"].items()):
        yield from ((number, region) for number in numbers)
