"""What the form of a site says, as the provisioning file would have it, and the other way round. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from werkzeug.datastructures import MultiDict

from hub.web.rules.reading import cells

Form = MultiDict[str, str]
Item = Mapping[str, Any]

LINE = ("key", "name", "default_number", "post_default_number", "format", "consent", "touch_model")
WHOLE = (
    "show_delay_seconds", "idle_seconds", "quarantine_days", "visits_per_ip_hour", "quality_seconds", "unique_days",
    "retention_days",
)  # fmt: skip
BY_COMMA = ("channels", "home_regions", "quality_groups", "quality_lines")
BY_LINE = ("selectors",)
TICKS = ("wait_for_interaction",)
_MOST_DIGITS = 12
_STATIC = ("number", "source", "medium", "campaign")


def item_of_form(form: Form) -> dict[str, Any]:
    """The `[[site]]` that the form describes, not validated; what was left empty is left out."""
    item: dict[str, Any] = {name: _clean(form.get(name, "")).strip() for name in LINE}
    item |= {name: _whole(_clean(form.get(name, "")).strip()) for name in WHOLE}
    item |= {name: _split(form, name, r"[,;\n]") for name in BY_COMMA}
    item |= {name: _split(form, name, r"\n") for name in BY_LINE}
    item |= {name: True for name in TICKS if form.get(name) == "1"}
    item = {name: value for name, value in item.items() if value not in ("", [])}
    pool = [*_split(form, "pool", r"[,;\t\n]"), *(_clean(one).strip() for one in form.getlist("known"))]
    return {
        **item,
        "origins": [origin_of(text) for text in _split(form, "origins", r"[\s,;]+")],
        "pool": pool,
        "pools": _pools(_clean(form.get("pools", ""))),
        "static": [
            _without_empty(dict(zip(_STATIC, row, strict=False))) for row in cells(_clean(form.get("static", "")))
        ],
    }


def typed_of(item: Item) -> dict[str, str]:
    """The texts of the form's fields for a site."""
    typed = {name: str(item.get(name, "")) for name in (*LINE, *WHOLE)}
    typed |= {name: ", ".join(item.get(name, ())) for name in BY_COMMA}
    typed |= {name: "\n".join(item.get(name, ())) for name in ("origins", "pool", *BY_LINE)}
    typed |= {name: "1" if item.get(name) else "" for name in TICKS}
    typed["pools"] = "\n".join(f"{region}: {', '.join(numbers)}" for region, numbers in item.get("pools", {}).items())
    typed["static"] = "\n".join(
        "; ".join(line.get(name) or "" for name in _STATIC).rstrip("; ") for line in item.get("static", ())
    )
    return typed


def origin_of(text: str) -> str:
    """Scheme and host of what people copy from their browser; a host that is no ASCII as a browser sends it."""
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host = parts.netloc.encode("idna").decode()
    except ValueError:
        return text
    if not host:
        return text
    return f"{parts.scheme}://{host}".lower()


def key_of(item: Item, is_taken: Callable[[str], bool]) -> str:
    """A key that nobody has, made of the site's first address."""
    host = host_of(item).partition(":")[0].removeprefix("www.")
    plain = re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")[:50] or "site"
    return next(key for key in _numbered(plain) if not is_taken(key))


def host_of(item: Item) -> str:
    """What a site is called that nobody has named: its first address, without the scheme."""
    return str(item["origins"][0]).partition("://")[2] if item["origins"] else ""


def _numbered(key: str) -> Iterable[str]:
    yield key
    number = 2
    while True:
        yield f"{key}-{number}"
        number += 1


def _clean(text: str) -> str:
    """Without the control characters that no field has a use for, and no database keeps."""
    return "".join(one if one in "\n\t" or unicodedata.category(one) != "Cc" else " " for one in text)


def _split(form: Form, name: str, marks: str) -> list[str]:
    return [part.strip() for part in re.split(marks, _clean(form.get(name, ""))) if part.strip()]


def _whole(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else text


def _pools(text: str) -> dict[str, list[str]]:
    """A region each line, its numbers after a colon or a tab; a region may stand on several lines."""
    found: dict[str, list[str]] = {}
    for line in text.split("\n"):
        region, _, numbers = line.replace("\t", ":", 1).partition(":")
        if line.strip():
            pool = found.setdefault(region.strip(), [])
            pool.extend(part.strip() for part in re.split(r"[,;\t:]", numbers) if part.strip())
    return found


def _without_empty(line: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in line.items() if value}
