"""The widget's archive: what a publisher uploads to an integration (amocrm.md §6.1, §6.2)."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

LANGUAGES = {"amocrm": ("ru", "en"), "kommo": ("en",)}
"""The languages of each site; there is one file for each, which moderation counts (amocrm.md §6.4)."""
_HUB, _SUPPORT = "__HUB__", "__SUPPORT__"
_BEGAN = (1980, 1, 1, 0, 0, 0)
"""Of every file, so that the same widget is the same archive."""


@dataclass(frozen=True, slots=True)
class Widget:
    """`hub_url` has no slash at the end. `version` must differ from that of every earlier upload: it names the cache.

    `site` is "amocrm" or "kommo".
    """

    hub_url: str
    version: str
    support_link: str
    support_email: str
    site: str = "amocrm"


def archive(widget: Widget) -> bytes:
    """The zip, with its files at the root."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in _contents(widget):
            out.writestr(zipfile.ZipInfo(name, _BEGAN), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _contents(widget: Widget) -> Iterator[tuple[str, bytes]]:
    folder = files("connectors.amocrm") / "widget"
    yield "manifest.json", _manifest(folder, widget)
    yield "script.js", _script(folder, widget)
    yield "style.css", (folder / "style.css").read_bytes()
    for language in LANGUAGES[widget.site]:
        yield f"i18n/{language}.json", (folder / "i18n" / f"{language}.json").read_bytes()
    for image in sorted((folder / "images").iterdir(), key=lambda one: one.name):
        if _is_for(image.name, widget.site):
            yield f"images/{image.name}", image.read_bytes()


def _manifest(folder: Traversable, widget: Widget) -> bytes:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
    languages = LANGUAGES[widget.site]
    about, tour = manifest["widget"], manifest["tour"]
    about["version"], about["locale"] = widget.version, list(languages)
    about["support"] = {"link": widget.support_link, "email": widget.support_email}
    tour["tour_images"] = {language: tour["tour_images"][language] for language in languages}
    return json.dumps(manifest, ensure_ascii=False, indent=2).encode()


def _script(folder: Traversable, widget: Widget) -> bytes:
    """The one place where the hub's address stands: as text inside quotes of the script."""
    text = (folder / "script.js").read_text(encoding="utf-8")
    for mark, value in ((_HUB, widget.hub_url), (_SUPPORT, widget.support_email)):
        text = text.replace(f"'{mark}'", json.dumps(value))
    return text.encode()


def _is_for(image: str, site: str) -> bool:
    stem = image.removesuffix(".png")
    return not stem.startswith("tour_") or stem.rpartition("_")[2] in LANGUAGES[site]
