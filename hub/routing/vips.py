"""The VIP list: whose calls go to a certain person before all other rules. One phone, one line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from hub.db.tables import Provisioned
from hub.domain.phone import parse_phone

SECTION = "vip"
COLUMNS = ("phone", "extension", "note")
LONGEST_NOTE = 2000
MOST_LINES = 100_000
_LONGEST_EXTENSION = 64


@dataclass(frozen=True, slots=True)
class Vip:
    """A line of the list; `phone` is E.164. Without an extension the caller's owner is meant."""

    phone: str
    extension: str | None = None
    note: str = ""
    id: int = 0


class WrongVip(ValueError):
    """What is wrong with a line, in words."""


def make_vip(phone: str, extension: str, note: str, region: str) -> Vip:
    """A line as somebody typed it. Raises `WrongVip`."""
    number = parse_phone(phone, region)
    if number is None or number.e164 is None:
        raise WrongVip(f"{phone.strip()[:40] or 'an empty cell'} is no full phone number")
    short = extension.strip()
    if len(short) > _LONGEST_EXTENSION or not short.isprintable():
        raise WrongVip("the extension is too long")
    return Vip(number.e164, short or None, note.strip()[:LONGEST_NOTE].replace("\x00", ""))


def list_vips(
    session: Session, workspace_id: int, *, text: str = "", after_id: int | None = None, limit: int = 50
) -> Sequence[Vip]:
    """By id, the newest first; `text` is found in numbers and notes."""
    query = select(Provisioned).where(Provisioned.workspace_id == workspace_id, Provisioned.section == SECTION)
    if after_id is not None:
        query = query.where(Provisioned.id < after_id)
    if text:
        digits = "".join(character for character in text if character.isdigit())
        words = Provisioned.document["note"].as_string().icontains(text, autoescape=True)
        query = query.where(or_(words, Provisioned.key.contains(digits)) if digits else words)
    return [_vip(row) for row in session.scalars(query.order_by(Provisioned.id.desc()).limit(limit))]


def find_vip(session: Session, workspace_id: int, row_id: int) -> Vip | None:
    row = session.get(Provisioned, row_id)
    known = row is not None and row.workspace_id == workspace_id and row.section == SECTION
    return _vip(row) if row is not None and known else None


def count_vips(session: Session, workspace_id: int) -> int:
    query = select(func.count()).select_from(Provisioned)
    return session.scalars(query.where(Provisioned.workspace_id == workspace_id, Provisioned.section == SECTION)).one()


def put_vip(session: Session, workspace_id: int, vip: Vip) -> bool:
    """Add the line, or put it in the place of the one with the same phone; True when it is a new one."""
    row = session.scalar(
        select(Provisioned).where(
            Provisioned.workspace_id == workspace_id, Provisioned.section == SECTION, Provisioned.key == vip.phone
        )
    )
    document = _document(vip)
    if row is not None:
        row.document = document
        return False
    session.add(Provisioned(workspace_id=workspace_id, section=SECTION, key=vip.phone, document=document))
    return True


def remove_vip(session: Session, workspace_id: int, row_id: int) -> bool:
    row = session.get(Provisioned, row_id)
    if row is None or row.workspace_id != workspace_id or row.section != SECTION:
        return False
    session.delete(row)
    return True


def _vip(row: Provisioned) -> Vip:
    return Vip(row.key, row.document.get("extension") or None, row.document.get("note") or "", row.id)


def _document(vip: Vip) -> dict[str, Any]:
    """As the provisioning file writes it, so that the same file changes nothing."""
    parts = {"phone": vip.phone, "extension": vip.extension, "note": vip.note}
    return {name: value for name, value in parts.items() if value}


# --- As a file -------------------------------------------------------------------------------------


def every_vip(session: Session, workspace_id: int) -> Iterator[Vip]:
    query = select(Provisioned).where(Provisioned.workspace_id == workspace_id, Provisioned.section == SECTION)
    yield from (_vip(row) for row in session.scalars(query.order_by(Provisioned.key)))


@dataclass(frozen=True, slots=True)
class ReadFile:
    """The lines of a file that are good, and (line number, what is wrong) of the others."""

    vips: tuple[Vip, ...]
    mistakes: tuple[tuple[int, str], ...]


def read_csv(content: bytes, region: str) -> ReadFile:
    """A file with phone, extension and note; the first line may name the columns, in any order.

    UTF-8, or the Windows code page of Russian spreadsheets; commas, semicolons or tabs.
    """
    text = _decoded(content)
    lines = list(csv.reader(io.StringIO(text), delimiter=_delimiter(text)))
    columns, first = _columns(lines[0]) if lines else (COLUMNS, 1)
    vips: dict[str, Vip] = {}
    mistakes: list[tuple[int, str]] = []
    for number, cells in enumerate(lines[first - 1 : MOST_LINES], start=first):
        if not any(cell.strip() for cell in cells):
            continue
        named = dict(zip(columns, cells, strict=False))
        try:
            vip = make_vip(
                named.get("phone", "").lstrip("'"), named.get("extension", ""), named.get("note", ""), region
            )
        except WrongVip as error:
            mistakes.append((number, str(error)))
            continue
        vips[vip.phone] = vip
    return ReadFile(tuple(vips.values()), tuple(mistakes))


def take_in(session: Session, workspace_id: int, vips: Iterable[Vip], *, replace: bool) -> tuple[int, int, int]:
    """Put all of them on the list; `replace` takes away whoever is not among them. (new, changed, taken away)."""
    query = select(Provisioned).where(Provisioned.workspace_id == workspace_id, Provisioned.section == SECTION)
    before = {row.key: row for row in session.scalars(query)}
    wanted = {vip.phone: _document(vip) for vip in vips}
    added = [phone for phone in wanted if phone not in before]
    changed = [phone for phone in wanted if phone in before and before[phone].document != wanted[phone]]
    gone = [phone for phone in before if phone not in wanted] if replace else []
    session.add_all(
        Provisioned(workspace_id=workspace_id, section=SECTION, key=phone, document=wanted[phone]) for phone in added
    )
    for phone in changed:
        before[phone].document = wanted[phone]
    for phone in gone:
        session.delete(before[phone])
    return len(added), len(changed), len(gone)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1251", errors="replace")


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _columns(head: Sequence[str]) -> tuple[Sequence[str], int]:
    """The columns' names, and the number of the first line after them."""
    names = [cell.strip().lower() for cell in head]
    return (names, 2) if "phone" in names else (COLUMNS, 1)
