"""Mango's side of HTTP: `/vpbx/…`, the recordings' files, and the stand-in's own ledger (mango.md §9)."""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from simulators.common.ledger import Ledger
from simulators.mango.checks import Refused, one_of, opened, text
from simulators.mango.commands import COMMANDS, Switchboard
from simulators.mango.exchange import Exchange
from simulators.mango.faults import Faults
from simulators.mango.limits import INVALID_CODES, Limits
from simulators.mango.queries import Desk
from simulators.mango.signature import link_sign
from simulators.mango.stats import Report, Statistics

TONE = Path(__file__).with_name("tone.mp3")
_ACTIONS = ("download", "play")
_TEXT_ERRORS = {
    401: {"name": "Unauthorized", "message": "Too many invalid requests.", "code": 0, "status": 401},
    429: {"name": "Service Unavailable", "message": "Rate limit exceeded.", "code": 0, "status": 429},
    503: {"name": "Service Unavailable", "message": "Service is unavailable.", "code": 0, "status": 503},
}
# Methods that Mango has and this stand-in does not play: said so, and not held against the caller.
NOT_PLAYED = {
    "commands/transfer_cancel", "commands/calls_connect", "commands/call/hold/on", "commands/play/start",
    "commands/sms", "queries/recording_transcripts", "queries/recording_categories", "schema/set", "audiofiles",
    "roles", "sips", "domains", "trunks/numbers",
}  # fmt: skip
NOT_SUPPORTED = 4001
Answers = Callable[[str, Mapping[str, Any], int | None], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the web side is made of. `answers` sends `/result/…`; `wall` is Unix seconds; `plays` begins a call."""

    api_key: str
    api_salt: str
    faults: Faults
    ledger: Ledger
    limits: Limits
    exchange: Exchange
    board: Switchboard
    desk: Desk
    statistics: Statistics
    answers: Answers
    wall: Callable[[], float]
    plays: Callable[[Mapping[str, Any]], None]


def make_app(parts: Parts) -> Flask:
    """The WSGI application of one PBX."""
    app = Flask(__name__)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # the default provider has it
    door = _Door(parts)
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app.add_url_rule("/vpbx/queries/recording/link/<path:rest>", "link", door.link, methods=["GET"])
    app.add_url_rule("/vpbx/<path:path>", "vpbx", door.vpbx, methods=methods, provide_automatic_options=False)
    app.add_url_rule("/files/<token>", "file", door.file, methods=["GET", "POST", "HEAD"])
    app.add_url_rule("/ledger", "ledger", door.ledger, methods=["GET"])
    app.add_url_rule("/play", "play", door.play, methods=["POST"])
    app.after_request(_with_uuid)
    return app


def _with_uuid(response: AnyResponse) -> AnyResponse:
    response.headers["X-Uuid"] = str(uuid.uuid4())
    return response


class _Door:
    def __init__(self, parts: Parts) -> None:
        self._ = parts

    def ledger(self) -> AnyResponse:
        """Everything written so far; `?kind=offence` and the like choose."""
        return jsonify(self._.ledger.entries(request.args.get("kind")))

    def play(self) -> AnyResponse:
        """`{"timeline": "A", "client": "79001234567", …}` plays that call: for people, no part of Mango's API."""
        wish = request.get_json(force=True, silent=True)
        if not isinstance(wish, dict):
            return Response('send a JSON object such as {"timeline": "A"}\n', status=400, mimetype="text/plain")
        try:
            self._.plays(wish)
        except ValueError as error:
            return Response(f"{error}\n", status=400, mimetype="text/plain")
        return Response("playing\n", status=202, mimetype="text/plain")

    def vpbx(self, path: str) -> AnyResponse:
        """A command or query: the gate first, then the thing itself."""
        path = path.rstrip("/")
        try:
            if closed := self._closed(path):
                return closed
            content_type = request.headers.get("Content-Type", "")
            body = opened(request.method, content_type, request.get_data(), self._.api_key, self._.api_salt)
            return self._answer(path, body)
        except Refused as refused:
            return self._refuse(path, refused)

    def _closed(self, path: str) -> AnyResponse | None:
        faults = self._.faults
        if faults.out_of_service:
            return _plain_error(503)
        if faults.lock_out and self._.limits.is_locked():
            self._offence("locked_out", "asked while the API is locked", path)
            return _plain_error(401)
        bucket = self._.limits.refused_bucket(path) if faults.rate_limits else None
        if bucket:
            self._offence("rate_limit", f"too fast for the limit {bucket!r}", path)
            return _plain_error(429)
        return None

    def _answer(self, path: str, body: Mapping[str, Any]) -> AnyResponse:
        if path in COMMANDS:
            return self._command(path, body)
        if path == "queries/recording/post":
            return self._recording(body)
        if path.startswith("stats/"):
            return self._stats(path, body)
        if path in NOT_PLAYED:
            self._.ledger.write("not_played", path=path, json=body)
            return jsonify({"result": NOT_SUPPORTED})
        query = self._.desk.queries.get(path)
        if query is None:
            self._offence("unknown_path", "no such method", path)
            return Response(status=404)
        answer = query(body)
        self._.ledger.write("query", path=path, json=body, status=200)
        return jsonify(answer)

    def _command(self, path: str, body: Mapping[str, Any]) -> AnyResponse:
        code = COMMANDS[path](body, self._.board)
        self._.ledger.write("command", path=path, json=body, code=code)
        late = self._.faults.state_errors == "result"
        self._.answers(path.removeprefix("commands/"), body, code)
        return jsonify({"result": 1000 if late or code == 1000 else code})

    def _refuse(self, path: str, refused: Refused) -> AnyResponse:
        self._offence(str(refused.code), refused.what, path)
        if refused.code in INVALID_CODES and self._.faults.lock_out and self._.limits.count_invalid():
            self._.ledger.write("lock_out", path=path)
            return _plain_error(401)
        return _in_form(refused, self._.faults)

    def _offence(self, code: str, what: str, path: str) -> None:
        self._.ledger.write("offence", code=code, what=what, path=path)

    # --- recordings ---------------------------------------------------------------------------------------------------

    def _recording(self, body: Mapping[str, Any]) -> AnyResponse:
        recording_id = text(body, "recording_id", required=True, longest=128) or ""
        one_of(body, "action", _ACTIONS)
        return self._to_file(recording_id, "queries/recording/post")

    def _to_file(self, recording_id: str, path: str) -> AnyResponse:
        token = self._.exchange.one_shot_token(recording_id)
        self._.ledger.write("query", path=path, json={"recording_id": recording_id}, status=302 if token else 404)
        if token is None:
            return Response(status=404)
        return redirect(request.host_url.rstrip("/") + f"/files/{token}", code=302)

    def link(self, rest: str) -> AnyResponse:
        """The signed link of mango.md §4.1; the id may hold slashes, so the path is read from its end."""
        path = "queries/recording/link"
        if closed := self._closed(path):
            return closed
        pieces = rest.rsplit("/", 4)
        if len(pieces) != 5 or not self._.faults.recording_links:
            self._offence("link_refused", "recording links are off, or this is none", path)
            return Response(status=403)
        recording_id, action, key, until, sign = pieces
        expected = link_sign(self._.api_key, until, recording_id, self._.api_salt)
        genuine = key == self._.api_key and hmac.compare_digest(sign.encode(), expected.encode())
        if not genuine or action not in _ACTIONS or not until.isdigit() or int(until) < self._.wall():
            self._offence("link_refused", "wrong sign, key or action, or expired", path)
            return Response(status=403)
        return self._to_file(recording_id, path)

    def file(self, token: str) -> AnyResponse:
        """The audio, once: a second GET finds nothing."""
        if request.method == "POST":
            self._offence("file_by_post", "a redirect is followed with GET, without the form", "files")
        recording_id, was_given_out = self._.exchange.use_token(token)
        self._.ledger.write(
            "recording_link", recording_id=recording_id, method=request.method, fetched=bool(recording_id)
        )
        if recording_id is None:
            code = "link_reused" if was_given_out else "unknown_link"
            self._offence(code, "a link to a file works once", "files")
            return Response(status=404)
        return Response(TONE.read_bytes(), mimetype="audio/mpeg")

    # --- statistics ---------------------------------------------------------------------------------------------------

    def _stats(self, path: str, body: Mapping[str, Any]) -> AnyResponse:
        statistics = self._.statistics
        if path == "stats/request":
            key = statistics.request_csv(body)
            self._.answers("stat", {"key": key, "request_id": text(body, "request_id") or ""}, None)
            answer: Report = Report(200, {"key": key})
        elif path == "stats/calls/request":
            answer = Report(200, {"result": 1000, "key": statistics.request_json(body)})
        elif path in {"stats/result", "stats/calls/result"}:
            answer = statistics.result("json" if "calls" in path else "csv", body)
        else:
            self._offence("unknown_path", "no such method", path)
            return Response(status=404)
        self._.ledger.write("query", path=path, json=body, status=answer.status)
        return _report(answer)


def _report(report: Report) -> AnyResponse:
    if isinstance(report.body, str):
        return Response(report.body, mimetype="text/csv")
    if report.body is None:
        return Response(status=report.status)
    response = jsonify(report.body)
    response.status_code = report.status
    return response


def _plain_error(status: int) -> AnyResponse:
    response = jsonify(_TEXT_ERRORS[status])
    response.status_code = status
    return response


def _in_form(refused: Refused, faults: Faults) -> AnyResponse:
    """The three shapes in which Mango has been seen to say no (mango.md §1.3)."""
    fields: dict[str, object] = {"fields": dict(refused.fields)} if refused.fields else {}
    body: dict[str, object]
    if faults.error_form == "420":
        body, status = {"code": refused.code}, 420
    elif faults.error_form == "200":
        body, status = {"result": refused.code, **fields}, 200
    else:
        body, status = {"result": refused.code, "code": refused.code, **fields}, 400
    response = jsonify(body)
    response.status = f"{status} Method Failure" if status == 420 else str(status)
    return response
