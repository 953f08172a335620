"""`/t/…`: the script, and what it says to the hub. Any page may load it; only the site's own pages may speak."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import redis
import structlog
from flask import Blueprint, Response, abort, jsonify, request
from sqlalchemy.exc import SQLAlchemyError

from hub.tracking.live.sites import Site
from hub.tracking.live.visitors import Around, OverBudget, Visitors
from hub.web.services import web
from hub.web.tracking.script import script_of

log = structlog.get_logger()

doors = Blueprint("tracker", __name__, url_prefix="/t")
COOKIE = "dz_visitor"
LONGEST_BODY_BYTES = 8 * 1024
_SCRIPT_KEPT_SECONDS = 300
_COOKIE_SECONDS = 400 * 24 * 3600

Said = dict[str, Any]
View = Callable[[Visitors, Site, Said], Response]


@doors.get("/<key>.js")
def script(key: str) -> Response:
    """The tracker of one site; 404 for a site that is not there."""
    built = script_of(_site(key))
    packs = bool(request.accept_encodings["gzip"])
    answer = Response(built.packed if packs else built.text, content_type="text/javascript; charset=utf-8")
    if packs:
        answer.headers["Content-Encoding"] = "gzip"
    answer.headers["Vary"] = "Accept-Encoding"
    answer.headers["Cache-Control"] = f"public, max-age={_SCRIPT_KEPT_SECONDS}"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.set_etag(built.tag + ("-gz" if packs else ""))
    answer.make_conditional(request)
    return answer


def _visitors() -> Visitors:
    visitors = web().services.visitors
    if visitors is None:
        abort(503)
    return visitors


def _site(key: str) -> Site:
    site = _visitors().sites.get(key) if len(key) <= 64 else None
    if site is None:
        abort(404)
    return site


def spoken(view: View) -> Callable[[str], Response]:
    """A door for the script's words: origin, size and form are checked; what goes wrong is a status, never a page."""

    @wraps(view)
    def door(key: str) -> Response:
        if request.method == "OPTIONS":
            return _open_to(Response(status=204))
        visitors, site = _visitors(), _site(key)
        try:
            if not site.admits(request.headers.get("Origin")):
                visitors.refuse(site, request.headers.get("Origin", ""))
                return _plain(403, "this origin is not in the site's list")
            said = _read_body()
            if isinstance(said, Response):
                return _open_to(said)
            return _open_to(view(visitors, site, said))
        except OverBudget:
            return _open_to(_plain(429, "too much from one address"))
        except (redis.RedisError, SQLAlchemyError) as error:
            log.warning("tracker_cannot_serve", site=key, reason=type(error).__name__)
            return _open_to(_plain(503, "try again later"))

    return door


def _read_body() -> Said | Response:
    if (request.content_length or 0) > LONGEST_BODY_BYTES:
        return _plain(413, "too large")
    body = request.stream.read(LONGEST_BODY_BYTES + 1)
    if len(body) > LONGEST_BODY_BYTES:
        return _plain(413, "too large")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return _plain(400, "not JSON")
    return said if isinstance(said, dict) else _plain(400, "not an object")


def _plain(status: int, words: str) -> Response:
    answer = Response(words, status=status, mimetype="text/plain")
    if status in {429, 503}:
        answer.headers["Retry-After"] = "30"
    return answer


def _open_to(answer: Response) -> Response:
    """Let the page that asked read the answer."""
    origin = request.headers.get("Origin")
    if origin:
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Allow-Credentials"] = "true"
        answer.headers["Access-Control-Allow-Headers"] = "Content-Type"
        answer.headers["Access-Control-Max-Age"] = "7200"
    answer.headers["Vary"] = "Origin"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def _around() -> Around:
    return Around(
        address=request.remote_addr or "",
        user_agent=request.headers.get("User-Agent", "")[:1000],
        origin=request.headers.get("Origin", "").lower(),
        cookie=request.cookies.get(COOKIE, ""),
    )


def _post(name: str) -> Callable[[View], Callable[[str], Response]]:
    def register(view: View) -> Callable[[str], Response]:
        door = spoken(view)
        doors.add_url_rule(f"/<key>/{name}", name, door, methods=["POST", "OPTIONS"], provide_automatic_options=False)
        return door

    return register


@_post("visit")
def visit(visitors: Visitors, site: Site, said: Said) -> Response:
    found = visitors.arrive(site, said, _around())
    domain = _own_domain()
    answer = jsonify({**found, "own": bool(domain and found["visitor"])})
    if domain and found["visitor"]:
        answer.set_cookie(
            COOKIE, found["visitor"], max_age=_COOKIE_SECONDS, domain=domain if domain != _host() else None, path="/",
            secure=request.is_secure, httponly=True, samesite="Lax",
        )  # fmt: skip
    return answer


def _own_domain() -> str | None:
    """The site's domain when the hub answers under it, like hub.shop.example for www.shop.example: then the id
    is the site's own cookie, which browsers keep longer than what scripts write."""
    page = (urlsplit(request.headers.get("Origin", "")).hostname or "").removeprefix("www.")
    hub = _host()
    return page if page and (hub == page or hub.endswith(f".{page}")) else None


def _host() -> str:
    return request.host.partition(":")[0]


@_post("beat")
def beat(visitors: Visitors, site: Site, said: Said) -> Response:
    return jsonify(visitors.stay(site, said, _around()))


@_post("bye")
def bye(visitors: Visitors, site: Site, said: Said) -> Response:
    visitors.leave(site, said)
    return Response(status=204)


@_post("pages")
def pages(visitors: Visitors, site: Site, said: Said) -> Response:
    visitors.pages(site, said, _around())
    return Response(status=204)


@_post("report")
def report(visitors: Visitors, site: Site, said: Said) -> Response:
    visitors.report(site, said, _around())
    return Response(status=204)
