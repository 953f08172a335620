"""Headers that every answer carries, and where a request really comes from."""

from __future__ import annotations

from ipaddress import ip_address

from flask import Flask, Response, g, request

from hub.config import Settings

_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # a recording's address must not travel to another site
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex, nofollow",
}
_YEAR_SECONDS = 365 * 24 * 3600
_FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-Ip")


def init_headers(app: Flask, settings: Settings) -> None:
    """Add the headers to every answer that does not set its own."""
    over_https = settings.public_url.startswith("https://")

    def add(answer: Response) -> Response:
        for name, value in _framed(_HEADERS).items():
            answer.headers.setdefault(name, value)
        if over_https:
            answer.headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR_SECONDS}")
        if not request.path.startswith("/static/"):
            answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    app.after_request(add)


def _framed(headers: dict[str, str]) -> dict[str, str]:
    """A page that a view lets another site show: `g.framed_by` is that origin, `g.scripts_from` one to load from."""
    framed_by = g.get("framed_by")
    if not framed_by:
        return headers
    scripts = f"script-src 'self' {g.get('scripts_from', '')}".rstrip()
    policy = headers["Content-Security-Policy"].replace("script-src 'self'", scripts)
    policy = policy.replace("frame-ancestors 'none'", f"frame-ancestors {framed_by}")
    kept = {name: value for name, value in headers.items() if name != "X-Frame-Options"}
    return {**kept, "Content-Security-Policy": policy}


def is_from_this_machine(settings: Settings) -> bool:
    """Whether the request began on this machine.

    Both the peer of the socket and the client that the trusted proxies name must be on loopback.
    A forwarding header that no setting accounts for comes from a proxy nobody declared: then the
    peer says nothing about the client.
    """
    if settings.trusted_proxies == 0 and any(name in request.headers for name in _FORWARDED):
        return False
    original = request.environ.get("werkzeug.proxy_fix.orig", {})
    peers = {request.remote_addr, original.get("REMOTE_ADDR", request.remote_addr)}
    return all(_is_loopback(peer) for peer in peers)


def _is_loopback(address: str | None) -> bool:
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
