"""`/_sim/…`: what a test in another process reads and sets, and the page at `/` for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from flask import Blueprint, Response, render_template, request

from . import people
from .account import Account, World
from .page import page_of
from .settings import Settings
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
        return _json(state_of(account))

    @pages.get("/_sim/ledger")
    def ledger() -> Response:
        return _json(report(account))


def _add_controls(pages: Blueprint, world: World, account: Account) -> None:
    @pages.route("/_sim/faults", methods=["GET", "POST", "DELETE"])
    def faults() -> Response:
        if request.method == "POST":
            return _tried(lambda: asdict(account.faults.add_from_json(_given())))
        if request.method == "DELETE":
            account.faults.clear()
        return _json([asdict(fault) for fault in account.faults.planned()])

    @pages.post("/_sim/settings")
    def settings() -> Response:
        return _tried(lambda: change_settings(account, _given()))

    @pages.post("/_sim/actions/<name>")
    def action(name: str) -> Response:
        if name not in ACTIONS:
            return _json({"error": f"unknown action {name!r}; one of: {', '.join(sorted(ACTIONS))}"}, 400)
        return _tried(lambda: {"result": ACTIONS[name](world, account, _given())})


def change_settings(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Sets switches by name and gives all of them. Raises `ValueError` for an unknown name."""
    known = {item.name for item in fields(Settings)}
    if unknown := set(given) - known:
        raise ValueError(f"unknown setting {min(unknown)!r}; one of: {', '.join(sorted(known))}")
    with account.lock:
        for name, value in given.items():
            setattr(account.settings, name, value)
        return asdict(account.settings)


def _given() -> dict[str, Any]:
    document = request.get_json(silent=True)
    if not isinstance(document, dict):
        raise ValueError("a JSON object is wanted")  # noqa: TRY004 - it becomes the one-line answer
    return document


def _tried(work: Callable[[], Any]) -> Response:
    try:
        return _json(work())
    except KeyError as missing:
        return _json({"error": f"missing or unknown {missing}"}, 400)
    except (ValueError, TypeError) as wrong:
        return _json({"error": str(wrong)}, 400)


def _json(document: Any, status: int = 200) -> Response:
    text = json.dumps(document, ensure_ascii=False, default=str)
    return Response(text, status, content_type="application/json; charset=utf-8")
