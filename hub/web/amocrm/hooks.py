"""What amoCRM's servers tell us: an external integration's keys, and that an account has removed us."""

from __future__ import annotations

import structlog
from flask import Response, make_response, request

from connectors.amocrm.install import Keys, is_genuine_disconnect
from hub.db.tables import Connection
from hub.delivery.health import stop
from hub.web.amocrm import amocrm
from hub.web.amocrm.state import spend, unseal
from hub.web.amocrm.store import CALLBACK, account_of, connections_in, connections_of, keys_of, new_connection, note
from hub.web.services import web

log = structlog.get_logger()
_LONGEST_VALUE = 512
_GONE = "The integration was switched off in the amoCRM account."
_MEND = "Switch it on there again, then connect the account at /amocrm/install."


@amocrm.post("/secrets")
def take_keys() -> Response:
    """The button made an integration in the client's account: 200 exactly, or the vendor stops there (amocrm.md §1.4).

    There is no signature, so only a state that we gave out, in time and for the first time, is believed.
    """
    given = _given()
    state = unseal("state", given.get("state", ""))
    client_id, client_secret = given.get("client_id", ""), given.get("client_secret", "")
    is_for_button = state is not None and state["connection"] is None
    if state is None or not is_for_button or not client_id or not client_secret:
        return _refused("keys without a state of ours")
    keys = Keys(client_id, client_secret, f"{web().public_url}{CALLBACK}")
    with web().database.transaction() as session:
        same = [row for row in connections_in(session, state["workspace"]) if keys_of(row).client_id == client_id]
        if not spend(session, state["workspace"], "amocrm_secrets", state["nonce"]):
            is_repeat = any(keys_of(row).client_secret == client_secret for row in same)
            return _answer(200, "ok") if is_repeat else _refused("a state that was used")
        if same:
            same[0].secrets = {**same[0].secrets, "client_secret": client_secret}
        else:
            new_connection(session, state["workspace"], keys)
    return _answer(200, "ok")


def _given() -> dict[str, str]:
    """JSON or a form: the vendor does not say which it sends."""
    document = request.get_json(silent=True, force=not request.form)
    values = document if isinstance(document, dict) else request.form.to_dict()
    return {
        name: value
        for name, value in values.items()
        if isinstance(value, str) and (len(value) <= _LONGEST_VALUE or name == "state")
    }


@amocrm.route("/disconnect", methods=["GET", "POST"])
def disconnect() -> Response:
    """An account has switched us off: its connection rests. May come twice; an unknown and a forged one hear the same.

    The signature has no time in it, so an old one could be sent again. Nothing is destroyed by it:
    the connection stops and says so, and what waits is kept.
    """
    given = {**request.form.to_dict(), **request.args.to_dict()}
    with web().database.transaction() as session:
        rows = [row for row in connections_of(session, given.get("client_uuid", "")) if _is_meant(row, given)]
        rows = [row for row in rows if account_of(session, row) == given.get("account_id")]
        for row in rows:
            stop(session, session.get_one(Connection, row.id, with_for_update=True), "needs_reconnect", _GONE, _MEND)
            note(session, row, "amocrm_disconnected")
    if not rows:
        return _refused("a disconnect that is not genuine")
    return _answer(200, "ok")


def _is_meant(row: Connection, given: dict[str, str]) -> bool:
    keys = keys_of(row)
    return is_genuine_disconnect(given, keys.client_id, keys.client_secret)


def _refused(why: str) -> Response:
    log.warning("amocrm_hook_refused", why=why)
    return _answer(404, "not found")


def _answer(status: int, text: str) -> Response:
    return make_response({"error" if status >= 400 else "result": text}, status)
