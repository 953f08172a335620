"""Errors as people and programs get them: a sentence and what to do, never a traceback."""

from __future__ import annotations

from flask import Flask, Response, current_app, g, render_template, request
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from hub.web.i18n import _
from hub.web.problems import PROBLEMS, ApiProblem, problem

_DATABASE_BACK_SECONDS = 5


def init_errors(app: Flask) -> None:
    app.register_error_handler(ApiProblem, lambda error: error.answer())
    for away in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(away, _database_away)
    app.register_error_handler(HTTPException, _show)


def wants_problem() -> bool:
    """Whether a program asked: everything under /api/ but the readable page."""
    return request.path.startswith("/api/") and request.path != "/api/docs"


def _show(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        answer: Response = current_app.make_response(error.get_response())
        return answer
    status = error.code or 500
    answer = _problem_of(status) if wants_problem() else _page(status)
    for name, value in error.get_headers():
        if name.lower() in {"allow", "retry-after", "content-range"}:
            answer.headers[name] = value
    return answer


def _problem_of(status: int) -> Response:
    return problem(status if status in PROBLEMS else 500 if status >= 500 else 400).answer()


def _page(status: int) -> Response:
    title, advice = _words(status)
    answer = current_app.make_response(render_template("error.html", status=status, title=title, advice=advice))
    answer.status_code = status
    return answer


def _words(status: int) -> tuple[str, str]:
    words = {
        400: (
            _("This request could not be understood"),
            _("The page may have been open for too long. Go back, reload it and try again."),
        ),
        403: (
            _("You may not see this page"),
            _("Your role does not allow it. Ask an owner or an administrator of your workspace."),
        ),
        404: (_("There is nothing here"), _("The address may be old or mistyped. Begin again on the first page.")),
        405: (_("This cannot be done this way"), _("Go back and use the buttons of the page.")),
        413: (_("That is too large"), _("Send less at once.")),
        416: (_("There is no such part of the file"), _("Reload the page and play it again.")),
        429: (_("Too many attempts"), _("Wait a few minutes, then try again.")),
        503: (
            _("The database does not answer"),
            _("Nothing is lost. Try again in a minute; if it stays so, run “dozvon doctor” on the server."),
        ),
    }
    broken = (
        _("Something broke on our side"),
        _("It has been written to the log. Try again; if it stays so, tell who runs the hub when it happened."),
    )
    return words.get(status, broken if status >= 500 else words[400])


def _database_away(error: SQLAlchemyError) -> Response:
    g.stores_are_away = True  # the error page must not ask who is logged in
    current_app.logger.warning("the database does not answer: %s", type(error).__name__)
    return _show(ServiceUnavailable(retry_after=_DATABASE_BACK_SECONDS))
