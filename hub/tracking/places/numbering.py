"""Where a caller's number is from: the operator's copy of a numbering plan, or what is known of fixed lines."""

from __future__ import annotations

import csv
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import phonenumbers
import structlog

from hub.tracking.places.areas import area_of

log = structlog.get_logger()

FOLDER_NAME = "numbering"
"""The folder in `DOZVON_HOME` whose *.csv files are the plan. None is shipped."""
_NATIONAL_DIGITS = 10
_REGION_COLUMNS = (5, 6)
_LONGEST_LINE = 4000
_TITLES = frozenset({"регион", "region"})

Row = tuple[int, int, str | None]
"""The first and the last number of a range, with country code, and its area."""


class NumberingPlan:
    """Ranges of numbers with the area of each; where ranges overlap, the one that begins last counts."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        ordered = sorted(rows, key=lambda row: row[0])
        self._firsts = array("q", (row[0] for row in ordered))
        self._lasts = array("q", (row[1] for row in ordered))
        self._areas = [row[2] for row in ordered]

    def __len__(self) -> int:
        return len(self._areas)

    def find(self, e164: str) -> tuple[bool, str | None]:
        """Whether the plan has this number, and its area, None when the plan's words for it are not known."""
        number = int(re.sub(r"\D", "", e164) or 0)
        place = bisect_right(self._firsts, number) - 1
        if place < 0 or self._lasts[place] < number:
            return False, None
        return True, self._areas[place]


def area_of_number(e164: str | None, plan: NumberingPlan) -> str | None:
    """The area that a full number (E.164) was given out in, or None.

    The plan decides on the numbers that it has. Without it only Russian fixed lines have an area: a mobile number
    tells nothing by itself.
    """
    if e164 is None:
        return None
    listed, area = plan.find(e164)
    return area if listed else _area_of_fixed_line(e164)


def _area_of_fixed_line(e164: str) -> str | None:
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.region_code_for_number(number) != "RU":
        return None
    if phonenumbers.number_type(number) is not phonenumbers.PhoneNumberType.FIXED_LINE:
        return None
    from phonenumbers import geocoder  # here: its tables are large, and most processes never ask

    return area_of(geocoder.description_for_number(number, "ru"))


# --- The operator's files ---------------------------------------------------------------------------


@lru_cache(maxsize=4)
def plan_in(home: Path) -> NumberingPlan:
    """The plan of all files in the home's folder, read once in a process; an empty one without them."""
    files = sorted((home / FOLDER_NAME).glob("*.csv"))
    plan = NumberingPlan(row for file in files for row in _rows_in(file))
    if files:
        log.info("numbering_plan_read", files=len(files), ranges=len(plan))
    return plan


def _rows_in(file: Path) -> list[Row]:
    try:
        content = file.read_bytes()
    except OSError as error:
        log.warning("numbering_file_unreadable", file=file.name, reason=type(error).__name__)
        return []
    rows = list(read_plan(content))
    if not rows:
        log.warning("numbering_file_without_ranges", file=file.name)
    return rows


def read_plan(content: bytes) -> Iterator[Row]:
    """The ranges of a file in the Russian register's form: code;from;to;capacity;operator;region, then anything.

    UTF-8 or Windows-1251; semicolons, commas or tabs; the column of the region is found by its title where there are
    titles. What is no range is passed over.
    """
    lines = _text_of(content).splitlines()
    delimiter = max(";,\t", key=(lines[0] if lines else "").count)
    columns: Sequence[int] = _REGION_COLUMNS
    for line in lines:
        fields = _fields_of(line[:_LONGEST_LINE], delimiter)
        row = _row_of(fields, columns)
        if row is not None:
            yield row
        elif titled := [place for place, title in enumerate(fields) if title.strip().casefold() in _TITLES]:
            columns = (*titled, *_REGION_COLUMNS)


def _fields_of(line: str, delimiter: str) -> list[str]:
    """One line by itself, so that a quotation mark too many costs no other; most have none that matters."""
    if line.startswith('"') or f'{delimiter}"' in line:
        return next(csv.reader([line], delimiter=delimiter), [])
    return line.split(delimiter)


def _text_of(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1251", errors="replace")


def _row_of(fields: Sequence[str], columns: Sequence[int]) -> Row | None:
    code, first, last = (field.strip() for field in (*fields[:3], "", "", "")[:3])
    local = _NATIONAL_DIGITS - len(code)
    if not (code + first + last).isascii() or not all(map(str.isdigit, (code, first, last))) or local < 1:
        return None
    if max(len(first.lstrip("0")), len(last.lstrip("0"))) > local:
        return None
    start = int("7" + code + "0" * local)
    spoken = [fields[place] for place in columns if place < len(fields)]
    area = next((found for words in spoken if (found := area_of(words.strip())) is not None), None)
    return (start + int(first), start + int(last), area) if int(first) <= int(last) else None
