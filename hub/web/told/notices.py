"""What stands on a connection's page until it is mended, in the reader's language."""

from __future__ import annotations

from hub.callbacks.words import say_again
from hub.db.statements import NoticeRow
from hub.db.tables import Connection
from hub.delivery.reference import NOTICE as LISTS_CHANGED
from hub.delivery.reference import retold
from hub.rules.watch import NOTICE as RULES_BROKEN
from hub.rules.watch import broken_rules
from hub.web.i18n import locale_of_request
from hub.web.services import web


def notice_words(notice: NoticeRow) -> str:
    """The words of a notice. What is wrong with rules is looked up anew: it is kept in the workspace's language."""
    locale = locale_of_request()
    if notice.kind == RULES_BROKEN:
        return _broken(notice, locale) or notice.words
    if notice.kind == LISTS_CHANGED:
        return retold(notice.words, locale)
    return say_again(locale, notice.words)


def _broken(notice: NoticeRow, locale: str) -> str:
    with web().database.reading() as session:
        connection = session.get_one(Connection, notice.connection_id)
        mistakes = broken_rules(session, web().services.registry, connection)
    return "; ".join(mistake.text(locale) for mistake in mistakes)
