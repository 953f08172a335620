"""`/_sim/…`: what a test in another process reads and sets, and the page at `/` for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, render_template, request

from simulators.common.controls import answer, change_settings, given, tried

from . import people
from .account import Account, World
from .page import page_of
from .state import state_of
from .traffic import report

Action = Callable[[World, Account, dict[str, Any]], Any]

ACTIONS: dict[str, Action] = {
    "expire_tokens": lambda world, account, _given: people.expire_tokens(world, account),
    "disconnect": lambda world, account, given: people.disconnect(
        world, account, str(given.get("client_id") or people.first_client(account)), forged=bool(given.get("forged"))
    ),
    "accept": lambda _world, account, given: people.accept(account, str(given["uid"]), given.get("user_id")),
    "decline": lambda _world, account, given: people.decline(account, str(given["uid"])),
    "change": lambda _world, account, given: people.change_entity(
        account, str(given["entity_type"]), int(given["id"]), dict(given["fields"])
    ),
    "delete": lambda _world, account, given: people.delete_entity(account, str(given["entity_type"]), int(given["id"])),
    "add": lambda _world, account, given: people.add_entity(account, str(given["entity_type"]), dict(given["fields"])),
    "fire": lambda _world, account, given: people.fire(account, int(given["user_id"])),
    "widget_token": lambda world, account, given: people.widget_token(
        world, account, int(given["user_id"]), str(given["audience"])
    ),
}


def control_pages(world: World, account: Account) -> Blueprint:
    """The routes; they take and give JSON."""
    pages = Blueprint("control", __name__, template_folder="templates")
    _add_views(pages, account)
    _add_controls(pages, world, account)
    return pages


def _add_views(pages: Blueprint, account: Account) -> None:
    @pages.get("/")
    def home() -> str:
        language = request.accept_languages.best_match(["ru", "en"], "ru")
        return render_template("account.html", **page_of(account, language))

    @pages.get("/_sim/state")
    def state() -> Response:
        return answer(state_of(account))

    @pages.get("/_sim/ledger")
    def ledger() -> Response:
        return answer(report(account))


def _add_controls(pages: Blueprint, world: World, account: Account) -> None:
    @pages.route("/_sim/faults", methods=["GET", "POST", "DELETE"])
    def faults() -> Response:
        if request.method == "POST":
            return tried(lambda: asdict(account.faults.add_from_json(given())))
        if request.method == "DELETE":
            account.faults.clear()
        return answer([asdict(fault) for fault in account.faults.planned()])

    @pages.post("/_sim/settings")
    def settings() -> Response:
        return tried(lambda: change_settings(account.settings, account.lock, given()))

    @pages.post("/_sim/actions/<name>")
    def action(name: str) -> Response:
        if name not in ACTIONS:
            return answer({"error": f"unknown action {name!r}; one of: {', '.join(sorted(ACTIONS))}"}, 400)
        return tried(lambda: {"result": ACTIONS[name](world, account, given())})
