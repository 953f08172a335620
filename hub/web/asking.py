"""Taking a callback request from the outside: in one transaction, with an answer that a visitor can be shown."""

from __future__ import annotations

from collections.abc import Callable

from flask import request
from sqlalchemy import event
from sqlalchemy.orm import Session

from hub.callbacks.request import Ask, Refused, Taken
from hub.callbacks.taking import take_request
from hub.callbacks.words import LOCALES, WORDS, say
from hub.db.retrying import in_transaction
from hub.runtime import Runtime
from hub.web.problems import ApiProblem, problem
from hub.web.services import web

_FALLBACK = "ru"


def visitors_locale() -> str:
    """ "ru" or "en", as the one who asks prefers."""
    return request.accept_languages.best_match(list(LOCALES)) or _FALLBACK


def way_out() -> Runtime:
    runtime = web().services.runtime
    if runtime is None:
        raise problem(503)
    return runtime


def take(ask: Ask, take_it: Callable[[Session, Runtime], Taken | Refused] | None = None) -> Taken:
    """The open request. Raises `ApiProblem` with words for the visitor; what was refused is kept all the same."""
    runtime = way_out()

    def work(session: Session) -> Taken | Refused:
        event.listen(session, "after_commit", lambda _session: runtime.want_callbacks(), once=True)
        return take_it(session, runtime) if take_it else take_request(session, runtime, ask)

    taken = in_transaction(runtime.database, work)
    if isinstance(taken, Refused):
        raise _problem(taken)
    return taken


def refusal(reason: str, status: int) -> ApiProblem:
    """Why nobody is called, in words for the visitor: for what is seen before a request is taken."""
    return _problem(Refused(status, reason))


def _problem(refused: Refused) -> ApiProblem:
    words = say(visitors_locale(), refused.reason) if refused.reason in WORDS else ""
    headers = {"Retry-After": str(refused.retry_seconds)} if refused.retry_seconds else {}
    errors = ((refused.field, words),) if refused.field else ()
    return ApiProblem(refused.status, words, errors, headers, refused.reason)
