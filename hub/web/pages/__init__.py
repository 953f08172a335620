"""The pages under `/admin`, and the log-in before them."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Flask, redirect, url_for
from flask_wtf.csrf import generate_csrf
from jinja2 import pass_context
from jinja2.runtime import Context
from werkzeug.routing import BaseConverter, ValidationError
from werkzeug.wrappers import Response

from hub.domain.phone import Phone, format_phone
from hub.web.i18n import init_languages
from hub.web.paging import parse_id
from hub.web.people import current_person
from hub.web.roles import may
from hub.web.services import web
from hub.web.words import device_words, word

pages = Blueprint("pages", __name__)


class _RowId(BaseConverter):
    """An id in an address; more digits than a row can have is simply not found."""

    regex = "[0-9]+"

    def to_python(self, value: str) -> int:
        row_id = parse_id(value)
        if row_id is None:
            raise ValidationError
        return row_id


def show_phone(e164: str | None, raw: str | None = None) -> str:
    """A number as people write it; a dash for a hidden one."""
    return format_phone(Phone(raw or e164 or "—", e164))


def show_line(text: str) -> str:
    """A number of the firm: as people write it when it is a full one, else as the PBX names it."""
    return show_phone(text if text.startswith("+") and text[1:].isdigit() else None, text)


def _for_each_reader(words: Callable[[object, str], str]) -> Callable[..., str]:
    """The filter, asked whenever a page is made. Of a word that stands in the template itself Jinja would else keep
    what the filter said first, in the language of whoever came first."""

    @pass_context
    def filtered(_context: Context, value: object, table: str) -> str:
        return words(value, table)

    return filtered


def init_pages(app: Flask) -> None:
    """Register all pages and what their templates use."""
    from hub.web.callbacks import blocks, queue, settings  # noqa: F401
    from hub.web.callbacks.words import filters as callback_filters
    from hub.web.desk import pages as _desk  # noqa: F401
    from hub.web.office import account, keys, log, users  # noqa: F401
    from hub.web.office import settings as _settings  # noqa: F401
    from hub.web.office.subjects import subject_words
    from hub.web.office.words import filters as office_filters
    from hub.web.pages import calls, connections, deliveries, holding, login, overview, quarantine, statements  # noqa: F401
    from hub.web.pages import reports as _reports  # noqa: F401
    from hub.web.pages import way_in as _way_in  # noqa: F401
    from hub.web.routing import people, tryout, vips  # noqa: F401
    from hub.web.routing.words import filters as routing_filters
    from hub.web.rules import pages as _rules  # noqa: F401
    from hub.web.rules import whole as _whole  # noqa: F401
    from hub.web.rules.words import filters as rule_filters
    from hub.web.rules.words import ruleword
    from hub.web.start import first as _start_first  # noqa: F401
    from hub.web.start import pages as _start  # noqa: F401
    from hub.web.start import people as _start_people  # noqa: F401
    from hub.web.start.words import field_word
    from hub.web.told import retold_reason, told
    from hub.web.told.notices import notice_words
    from hub.web.tracking import pages as _tracking  # noqa: F401

    app.url_map.converters["row"] = _RowId
    init_languages(app)
    app.jinja_env.filters.update(phone=show_phone, line=show_line)
    app.jinja_env.filters.update(word=_for_each_reader(word), ruleword=_for_each_reader(ruleword))
    app.jinja_env.filters.update(routing_filters())
    app.jinja_env.filters.update(office_filters())
    app.jinja_env.filters.update(callback_filters())
    app.jinja_env.filters.update(start_field=field_word, told=told, retold=retold_reason, notice=notice_words)
    app.jinja_env.filters.update(device=device_words, subject=subject_words)
    app.jinja_env.filters.update(rule_filters())
    app.jinja_env.globals.update(
        csrf_token=generate_csrf,
        may=may,
        person=current_person,
        vendor_title=lambda vendor: web().vendor_title(vendor),
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(pages)


@pages.get("/")
def root() -> Response:
    return redirect(url_for("pages.overview"))
