"""Pages that a portal shows in its frame: their headers, their language, their refusals."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from flask import Response, g, make_response, render_template, request
from flask_babel import force_locale  # type: ignore[import-untyped]

from hub.web.bitrix24.words import LANGUAGES, language_of

BX24_LIBRARY = "https://api.bitrix24.com/api/v1/"


def framed_page(template: str, *, portal: str, language: str, **values: Any) -> Response:
    """A page that only `portal` (an origin) may show in a frame."""
    g.framed_by = portal
    g.scripts_from = f"{urlsplit(BX24_LIBRARY).scheme}://{urlsplit(BX24_LIBRARY).netloc}"
    return _rendered(template, language, portal=portal, library=BX24_LIBRARY, **values)


def refusal_page(key: str, *, status: int, words: str = "", hint: str = "") -> Response:
    """Why the application does not open. It says nothing of anybody and has no form, so any frame may show it."""
    g.framed_by = "*"
    language = language_of(request.args.get("LANG") or request.accept_languages.best_match(["ru", "en"]) or "en")
    answer = _rendered("bitrix24/refused.html", language, key=key, words=words, hint=hint)
    answer.status_code = status
    return answer


def shown_moment(moment: datetime | None, zone: ZoneInfo, language: str) -> str:
    """A moment in the workspace's zone; "" for none."""
    if moment is None:
        return ""
    return str(format_datetime(moment.astimezone(zone), "d MMMM, HH:mm", locale=language))


def _rendered(template: str, language: str, **values: Any) -> Response:
    with force_locale(language):
        return make_response(render_template(template, say=LANGUAGES[language], language=language, **values))
