"""`/_sim/…`: what a test in another process reads and sets, and the page at `/` for people."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, send_file

from . import actions
from .callcard import CALL_CARD, card_options
from .frame import frame_page
from .page import page_of
from .portal import Portal, Settings
from .state import ledger_report, state_of
from .tenants import Tenants
from .traps import arm

Action = Callable[[Portal, dict[str, Any]], Any]

ACTIONS: dict[str, Action] = {
    "click_to_call": lambda portal, given: actions.click_to_call(
        portal, int(given["user_id"]), str(given["phone"]), str(given.get("line", ""))
    ),
    "callback_form": lambda portal, given: actions.callback_form(
        portal, str(given["phone"]), str(given.get("line", "")), str(given.get("text", ""))
    ),
    "install": lambda portal, given: actions.install(
        portal, str(given["handler"]), new_token=bool(given.get("new_token"))
    ),
    "uninstall": lambda portal, given: actions.uninstall(portal, str(given["handler"]), clean=bool(given.get("clean"))),
    "trap": lambda portal, given: arm(portal, int(given["number"])),
    "expire_tokens": lambda portal, _given: actions.expire_tokens(portal),
}


def control_pages(tenants: Tenants) -> Blueprint:
    """The routes; they take and give JSON."""
    pages = Blueprint("control", __name__, template_folder="templates")
    _add_views(pages, tenants)
    _add_controls(pages, tenants)
    return pages


def _add_views(pages: Blueprint, tenants: Tenants) -> None:
    @pages.get("/")
    def home() -> str:
        language = request.accept_languages.best_match(["ru", "en"], "ru")
        return render_template("portal.html", **page_of(_portal(tenants), language))

    @pages.get("/marketplace/app/")
    def application() -> str:
        """The application in the portal's frame: `url` is its page, `user_id` who opens it, `lang` their language.

        With `call_id` it is the place on the card of that live call.
        """
        portal = _portal(tenants)
        user_id = request.args.get("user_id", default=actions.admin_id(portal), type=int)
        call_id, language = request.args.get("call_id", ""), request.args.get("lang", "ru")
        if call_id:
            placement = (CALL_CARD, card_options(portal, call_id))
            return frame_page(portal, request.args["url"], user_id, language=language, placement=placement)
        return frame_page(portal, request.args["url"], user_id, language=language)

    @pages.get("/_sim/state")
    def state() -> Response:
        return _json(state_of(_portal(tenants)))

    @pages.get("/_sim/ledger")
    def ledger() -> Response:
        portal = _portal(tenants)
        return _json(ledger_report(portal, portal.ledger))

    @pages.get("/_sim/records/<int:file_id>")
    def record(file_id: int) -> Response:
        found = _portal(tenants).records.get(file_id)
        if found is None:
            abort(404)
        return send_file(io.BytesIO(found.content), found.mime, download_name=found.filename, conditional=True)


def _add_controls(pages: Blueprint, tenants: Tenants) -> None:
    @pages.route("/_sim/faults", methods=["GET", "POST", "DELETE"])
    def faults() -> Response:
        planned = _portal(tenants).faults
        if request.method == "POST":
            return _tried(lambda: asdict(planned.add_from_json(_given())))
        if request.method == "DELETE":
            planned.clear()
        return _json([asdict(fault) for fault in planned.planned()])

    @pages.post("/_sim/settings")
    def settings() -> Response:
        return _tried(lambda: change_settings(_portal(tenants), _given()))

    @pages.post("/_sim/actions/<name>")
    def action(name: str) -> Response:
        if name not in ACTIONS:
            return _json({"error": f"unknown action {name!r}; one of: {', '.join(sorted(ACTIONS))}"}, 400)
        return _tried(lambda: {"result": ACTIONS[name](_portal(tenants), _given())})


def change_settings(portal: Portal, given: dict[str, Any]) -> dict[str, Any]:
    """Sets switches by name and gives all of them. Raises `ValueError` for an unknown name."""
    known = {item.name for item in fields(Settings)}
    if unknown := set(given) - known:
        raise ValueError(f"unknown setting {min(unknown)!r}; one of: {', '.join(sorted(known))}")
    with portal.lock:
        for name, value in given.items():
            setattr(portal.settings, name, value)
        return asdict(portal.settings)


def _portal(tenants: Tenants) -> Portal:
    portal = tenants.by_host(request.host)
    if portal is None:
        abort(404)
    return portal


def _given() -> dict[str, Any]:
    document = request.get_json(silent=True)
    if not isinstance(document, dict):
        raise ValueError("a JSON object is wanted")  # noqa: TRY004 - it becomes the one-line answer
    return document


def _tried(work: Callable[[], Any]) -> Response:
    try:
        return _json(work())
    except KeyError as missing:
        return _json({"error": f"missing {missing}"}, 400)
    except (ValueError, TypeError) as wrong:
        return _json({"error": str(wrong)}, 400)


def _json(document: Any, status: int = 200) -> Response:
    text = json.dumps(document, ensure_ascii=False, default=str)
    return Response(text, status, content_type="application/json; charset=utf-8")
