"""What the list pages share: reading the address, paging, replay of the chosen rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort, flash, redirect, request
from werkzeug.wrappers import Response

from hub.web.i18n import _, _n
from hub.web.pages.login import local_path
from hub.web.paging import Cursor, Page, decode_cursor, encode_cursor, parse_id
from hub.web.people import this_person

PER_PAGE = 50
MOST_AT_ONCE = 500
_LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of a list for a template: rows, and the address arguments of the next page, or None."""

    rows: Any
    older: Mapping[str, str] | None
    is_first: bool


def shown(page: Page[Any], arguments: Mapping[str, str]) -> Shown:
    older = {**arguments, "cursor": encode_cursor(page.next)} if page.next else None
    return Shown(page.items, older, "cursor" not in request.args)


def text_argument(name: str, allowed: Mapping[str, object] | None = None) -> str | None:
    """An argument of the address; None when it is empty, too long, unprintable or not `allowed`."""
    text = request.args.get(name, "").strip()[:_LONGEST_TEXT]
    if not text or not text.isprintable() or (allowed is not None and text not in allowed):
        return None
    return text


def cursor_argument(*, timed: bool) -> Cursor | None:
    """Where the page starts; 400 when somebody made the cursor up."""
    text = request.args.get("cursor")
    if not text:
        return None
    try:
        return decode_cursor(text, timed=timed)
    except ValueError:
        abort(400)


def day_argument(name: str) -> date | None:
    try:
        day = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None
    return day if 1970 <= day.year <= 9000 else None


def start_of_day(day: date | None, zone: ZoneInfo, *, days_later: int = 0) -> datetime | None:
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=days_later), time(), zone).astimezone(UTC)


def replay_chosen(replay: Callable[[list[int], int, str], int | None]) -> Response:
    """Replay the rows named in the form and go back; 404 when one of them is somebody else's."""
    person = this_person()
    back = redirect(local_path(request.form.get("next")), code=303)
    ids = [parse_id(text) for text in request.form.getlist("id")]
    known = [row_id for row_id in ids if row_id is not None]
    if len(known) != len(ids):
        abort(404)
    if not known:
        flash(_("Nothing was chosen. Tick the rows first."), "warn")
        return back
    if len(known) > MOST_AT_ONCE:
        abort(413)
    done = replay(known, person.workspace_id, person.email)
    if done is None:
        abort(404)
    if done == 0:
        flash(_("Nothing could be replayed: the rows are at work or done already."), "warn")
    else:
        flash(_n("%(num)d row was put back to work.", "%(num)d rows were put back to work.", done), "good")
    return back
