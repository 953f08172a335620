"""`/_sim/…`: what a test in another process reads and sets, and the page at `/` for people."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, send_file

from simulators.common.controls import answer, change_settings, given, tried

from . import actions
from .callcard import CALL_CARD, card_options
from .frame import frame_page
from .page import page_of
from .portal import Portal
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
        return answer(state_of(_portal(tenants)))

    @pages.get("/_sim/ledger")
    def ledger() -> Response:
        portal = _portal(tenants)
        return answer(ledger_report(portal, portal.ledger))

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
            return tried(lambda: asdict(planned.add_from_json(given())))
        if request.method == "DELETE":
            planned.clear()
        return answer([asdict(fault) for fault in planned.planned()])

    @pages.post("/_sim/settings")
    def settings() -> Response:
        portal = _portal(tenants)
        return tried(lambda: change_settings(portal.settings, portal.lock, given()))

    @pages.post("/_sim/actions/<name>")
    def action(name: str) -> Response:
        if name not in ACTIONS:
            return answer({"error": f"unknown action {name!r}; one of: {', '.join(sorted(ACTIONS))}"}, 400)
        return tried(lambda: {"result": ACTIONS[name](_portal(tenants), given())})


def _portal(tenants: Tenants) -> Portal:
    portal = tenants.by_host(request.host)
    if portal is None:
        abort(404)
    return portal
