"""What a form of the rules pages says, as a part of the document. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.datastructures import MultiDict

from mapping.model import OpenDeal, Who

Line = dict[str, Any]
WHO_PLACES = 3


Form = MultiDict[str, str]


def words(text: str) -> list[str]:
    """What people separate by commas, semicolons or lines."""
    return [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]


def cells(text: str) -> list[list[str]]:
    """What is pasted from a spreadsheet: a line each, cells by tab, else by semicolon; empty lines are left out."""
    rows = []
    for line in text.splitlines():
        if line.strip():
            mark = "\t" if "\t" in line else ";"
            rows.append([cell.strip() for cell in line.split(mark)])
    return rows


def _without_empty(line: Line) -> Line:
    return {name: value for name, value in line.items() if value not in ("", [], None)}


def policy_line(form: Form) -> Line:
    """One rule of the lead policy."""
    return _without_empty(
        {
            "name": form.get("name", "").strip(),
            "situation": list(form.getlist("situation")),
            "person": list(form.getlist("person")),
            "line": words(form.get("line", "")),
            "source": words(form.get("source", "")),
            "outcome": form.get("outcome", ""),
            "pipeline": form.get("pipeline", "").strip(),
            "stage": form.get("stage", "").strip(),
            "responsible": _who(form, "responsible"),
            "users": words(form.get("users", "")),
            "title": form.get("title", "").strip(),
            "open_deal": form.get("open_deal", "").replace(OpenDeal.REUSE, ""),
        }
    )


def _who(form: Form, name: str) -> list[str]:
    chosen = [form.get(f"{name}_{place}", "") for place in range(1, WHO_PLACES + 1)]
    return [one for one in dict.fromkeys(chosen) if one in set(Who)]


_COLUMNS = ("name", "situation", "line", "source", "person", "outcome", "pipeline", "stage", "responsible", "users",
            "title", "open_deal")  # fmt: skip
_LISTS = frozenset({"situation", "line", "source", "person", "responsible", "users"})


def policy_rows(text: str) -> list[Line]:
    """The lead policy as it is pasted from a spreadsheet: a rule each line; several values of a cell by commas."""
    rows = [dict(zip(_COLUMNS, row, strict=False)) for row in cells(text)]
    return [
        _without_empty({name: words(cell) if name in _LISTS else cell for name, cell in row.items()}) for row in rows
    ]


def policy_pasted(document: Mapping[str, Any]) -> str:
    """The same the other way round."""
    rows = [[line.get(name) or "" for name in _COLUMNS] for line in document["policy"]]
    return pasted([[", ".join(cell) if isinstance(cell, list) else cell for cell in row] for row in rows])


def put_line(document: Mapping[str, Any], place: int, line: Line | None) -> dict[str, Any]:
    """The document with `line` at `place` of the policy, from 1; place 0 puts it first, None takes it out."""
    policy = list(document["policy"])
    if place == 0 and line is not None:
        policy.insert(0, line)
    elif line is None:
        del policy[place - 1]
    else:
        policy[place - 1] = line
    return {**document, "policy": policy}


def move_line(document: Mapping[str, Any], place: int, by: int) -> dict[str, Any]:
    """The document with one rule moved up or down; past the ends it stays."""
    policy = list(document["policy"])
    to = min(max(place - 1 + by, 0), len(policy) - 1)
    policy.insert(to, policy.pop(place - 1))
    return {**document, "policy": policy}


def employees(text: str) -> list[Line]:
    """Lines "extension, user, name" as they are pasted."""
    names = ("extension", "user", "name")
    return [_without_empty(dict(zip(names, row, strict=False))) for row in cells(text)]


def everything_else(document: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """The document with tasks, sources, fields, recordings, quality and privacy as the form says."""
    tasks = {
        "make": "make" in form.getlist("tasks"),
        "working_hours": "working_hours" in form.getlist("tasks"),
        "close_on_contact": "close_on_contact" in form.getlist("tasks"),
        "who": _who(form, "who"),
        "users": words(form.get("task_users", "")),
        "within_minutes": number(form.get("within_minutes", "")),
        "title": form.get("task_title", "").strip(),
        "text": form.get("task_text", "").strip(),
        "situation": list(form.getlist("task_situation")),
    }
    parts = {
        "tasks": tasks,
        "sources": [_source(row) for row in cells(form.get("sources", ""))],
        "fields": [_field(row) for row in cells(form.get("fields", ""))],
        "recordings": form.get("recordings", "attach"),
        "quality": {name: number(form.get(name, "")) for name in ("min_talk_seconds", "unique_days", "missed_hours")},
        "privacy": {name: name in form.getlist("privacy") for name in ("mask_phones", "visit_pages")},
    }
    return {**document, **parts}


def number(text: str) -> int | str:
    """A whole number, or the text as it stands: the schema says what is wrong with it."""
    return int(text) if re.fullmatch(r"\d{1,9}", text.strip()) else text


def _source(row: Sequence[str]) -> Line:
    name, source, crm_source = [*row, "", "", ""][:3]
    return _without_empty({"name": name, "source": words(source), "crm_source": crm_source})


def _field(row: Sequence[str]) -> Line:
    name, entity, field, value, always = [*row, "", "", "", "", ""][:5]
    line = _without_empty({"name": name, "entity": entity, "field": field, "value": value})
    return {**line, "always": True} if always else line


def pasted(rows: Sequence[Sequence[object]]) -> str:
    """Rows as a spreadsheet takes them."""
    return "\n".join("\t".join(str(cell) for cell in row).rstrip("\t") for row in rows)
