"""A code from a redirect becomes a log-in, or a refusal; nothing is kept here."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import abort

from connectors.amocrm.hosts import host_of, is_account
from connectors.amocrm.install import Keys, Login, Unproven, logged_in, referred_base
from hub.net.guard import parse_allow_hosts
from hub.web.services import web

_LONGEST_CODE = 8192


def log_in(given: Mapping[str, str], keys: Keys, known_base: str) -> Login:
    """Exchange the code of a redirect at the account it names. Raises `Unproven` and delivery errors.

    `known_base` is the connection's address: a redirect to a stand-in is followed only for a
    connection that a person set to one, so that our secret never leaves the vendor's hosts otherwise.
    """
    runtime = web().services.runtime
    if runtime is None:
        abort(503)
    referer = given.get("referer") or given.get("referrer") or ""
    base_url = referred_base(referer, is_opened_host)
    host = host_of(base_url or "")
    own_for_vendors = bool(known_base) and is_account(host_of(known_base)) and not is_account(host)
    code = given.get("code", "")
    if base_url is None or own_for_vendors:
        words = "This log-in does not come from an amoCRM account."
        raise Unproven(words, "Begin again at /amocrm/install.").because("not_this_system")
    if not code or len(code) > _LONGEST_CODE:
        raise Unproven("amoCRM sent no code.", "Begin again at /amocrm/install.").because("log_in_refused")
    if host_of(known_base) == host:
        base_url = known_base
    return logged_in(runtime.http, base_url, keys, code, web().services.now())


def is_opened_host(host: str) -> bool:
    """Whether the operator lets us reach "host[:port]" that is not the vendor's."""
    parts = urlsplit(f"http://{host}")
    name, port = parts.hostname or "", parts.port or 80
    allow = parse_allow_hosts(web().settings.allow_hosts)
    try:
        return allow.has_name(name, port) or allow.has_address(ip_address(name), port)
    except ValueError:
        return False
