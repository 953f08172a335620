"""The script as a site gets it: the file of `tracker/` with what it must know of the site in front."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import tracker
from hub.tracking.live.numbers_shown import formatted, spelling_of
from hub.tracking.live.sites import Site

_FILE = Path(tracker.__file__).parent / "tracker.js"


@dataclass(frozen=True, slots=True)
class Script:
    text: bytes
    packed: bytes
    tag: str


def script_of(site: Site) -> Script:
    """The script of one site, plain and gzipped, and its entity tag."""
    return _built(json.dumps(_knowledge(site), ensure_ascii=False, separators=(",", ":")))


def _knowledge(site: Site) -> dict[str, Any]:
    rules = site.rules
    after = site.post_default_number
    return {
        **(spelling_of(site.default_number) if site.default_number else {"code": "", "national": "", "trunk": ""}),
        "after": after or "",
        "afterText": formatted(after, rules.format) if after else "",
        "idle": rules.idle_seconds,
        "format": 1 if rules.format else 0,
        "ask": 1 if rules.consent == "required" else 0,
        "places": ",".join(rules.selectors),
        "move": 1 if rules.wait_for_interaction else 0,
    }


@lru_cache(maxsize=256)
def _built(knowledge: str) -> Script:
    text = _source().replace('"SITE"', knowledge).encode()
    return Script(text, gzip.compress(text, 9, mtime=0), hashlib.sha256(text).hexdigest()[:20])


@lru_cache(maxsize=1)
def _source() -> str:
    """The file without what only people read. It runs as it stands, too: this is for its size alone."""
    import minify  # here, as it brings a runtime of its own that only those who serve the script need

    shortened: str = minify.string("text/javascript", _FILE.read_text(encoding="utf-8"))
    return shortened
