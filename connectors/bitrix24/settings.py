"""What a Bitrix24 connection asks of the person who sets it up, and what the folder reads from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from connectors.contract import ConnectionFacts

SETTINGS = (
    "auth",
    "domain",
    "member_id",
    "client_endpoint",
    "server_endpoint",
    "default_user_id",
    "source_id",
    "plan",
    "installed_by",
    "vip_field",
    "vip_value",
)
SECRETS = (
    "client_id",
    "client_secret",
    "access_token",
    "refresh_token",
    "expires_at",
    "application_token",
    "webhook_url",
)
_OAUTH_SETTINGS = ("member_id", "server_endpoint")
_APPLICATION_SECRETS = ("client_id", "client_secret")
_PAIR = ("access_token", "refresh_token")
_WEBHOOK_PATH = re.compile(r"/rest/(?P<user_id>\d+)/[^/]+/?")


class _Text(fields.String):
    """A text that may also be written as a whole number, as ids and unix seconds are."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        return super()._deserialize(value, attr, data, **kwargs).strip()


def _rest_address(value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValidationError("Must be an address like https://acme.bitrix24.ru/rest/.")


def _webhook_address(value: str) -> None:
    parts = urlsplit(value)
    sound = parts.scheme in {"http", "https"} and parts.hostname and not parts.query and not parts.fragment
    if not sound or not _WEBHOOK_PATH.fullmatch(parts.path):
        raise ValidationError("Must be the inbound webhook's address: https://<portal>/rest/<user id>/<secret>/.")


def _known(names: tuple[str, ...], what: str) -> dict[str, str]:
    return {"unknown": f"Unknown {what}. Known here: {', '.join(names)}."}


class Bitrix24Settings(Schema):
    """`[connection.settings]`.

    An OAuth connection names `member_id`, `server_endpoint` and the portal's address, or neither of the
    first two: then it waits for the application to be installed, which tells them.
    """

    error_messages = _known(SETTINGS, "setting")

    class Meta:
        unknown = RAISE

    auth = fields.String(load_default="oauth", validate=validate.OneOf(("oauth", "webhook")))
    domain = _Text(validate=validate.Regexp(r"^[A-Za-z0-9.-]+(:\d+)?$", error="Must be a host, like acme.bitrix24.ru."))
    member_id = _Text(validate=validate.Length(min=1))
    client_endpoint = _Text(validate=_rest_address)
    server_endpoint = _Text(validate=_rest_address)
    default_user_id = _Text(
        allow_none=True, validate=validate.Regexp(r"^\d+$", error="Must be the id of a Bitrix24 user, a number.")
    )
    source_id = _Text(load_default="CALL", validate=validate.Length(min=1, max=50))
    plan = fields.String(load_default="ordinary", validate=validate.OneOf(("ordinary", "enterprise")))
    vip_field = _Text(
        allow_none=True,
        validate=validate.Regexp(r"^[A-Z][A-Z0-9_]{1,49}$", error="Must be the code of a field, like UF_CRM_VIP."),
    )
    vip_value = _Text(allow_none=True, validate=validate.Length(max=200))
    installed_by = _Text(allow_none=True, validate=validate.Regexp(r"^\d+$", error="Must be the id of a user."))

    @validates_schema
    def _oauth_needs_the_portal(self, values: Mapping[str, Any], **_: Any) -> None:
        if values.get("auth") != "oauth" or not any(values.get(name) for name in (*_OAUTH_SETTINGS, "client_endpoint")):
            return
        missing = {name: ["Needed when auth is oauth."] for name in _OAUTH_SETTINGS if not values.get(name)}
        if not values.get("client_endpoint") and not values.get("domain"):
            missing["client_endpoint"] = ["Needed when auth is oauth: https://<portal>/rest/."]
        if missing:
            raise ValidationError(missing)

    @post_load
    def _with_addresses(self, values: dict[str, Any], **_: Any) -> dict[str, Any]:
        if values["auth"] == "oauth" and values.get("domain") and not values.get("client_endpoint"):
            values["client_endpoint"] = f"https://{values['domain']}/rest/"
        for name in ("client_endpoint", "server_endpoint"):
            if values.get(name):
                values[name] = _with_slash(values[name])
        if values.get("client_endpoint") and not values.get("domain"):
            values["domain"] = urlsplit(values["client_endpoint"]).netloc
        return values


class Bitrix24Secrets(Schema):
    """`[connection.secrets]`: `webhook_url`, or the application's keys, and its token pair once it is installed."""

    error_messages = _known(SECRETS, "secret")

    class Meta:
        unknown = RAISE

    client_id = _Text(validate=validate.Length(min=1))
    client_secret = _Text(validate=validate.Length(min=1))
    access_token = _Text(validate=validate.Length(min=1))
    refresh_token = _Text(validate=validate.Length(min=1))
    expires_at = _Text(validate=validate.Regexp(r"^\d+$", error="Must be unix seconds."))
    application_token = _Text()
    webhook_url = _Text(
        validate=_webhook_address,
        metadata={
            "label": "Address of the incoming webhook",
            "help": "Applications, Developer resources, Other, Incoming webhook. Rights: crm, telephony, user.",
            "needed": True,
            "keeps": "address",
        },
    )

    @validates_schema
    def _one_complete_kind(self, values: Mapping[str, Any], **_: Any) -> None:
        if values.get("webhook_url"):
            return
        has_pair = any(values.get(name) for name in _PAIR)
        needed = _APPLICATION_SECRETS + (_PAIR if has_pair else ())
        missing = {
            name: ["Needed when auth is oauth (auth = webhook needs only webhook_url)."]
            for name in needed
            if not values.get(name)
        }
        if missing:
            raise ValidationError(missing)

    @post_load
    def _with_slash(self, values: dict[str, Any], **_: Any) -> dict[str, Any]:
        if values.get("webhook_url"):
            values["webhook_url"] = _with_slash(values["webhook_url"])
        return values


def _with_slash(address: str) -> str:
    return address if address.endswith("/") else address + "/"


# --- What the folder reads ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """A connection's settings, read once. `webhook_user_id` is the user whom an inbound webhook acts as."""

    webhook: bool
    member_id: str
    client_endpoint: str
    server_endpoint: str
    default_user_id: str | None
    source_id: str
    enterprise: bool
    webhook_user_id: str | None = None


def portal_settings(connection: ConnectionFacts) -> PortalSettings:
    """Read settings as they are stored; `client_endpoint` is the secret webhook address when `webhook`."""

    def setting(name: str, default: str = "") -> str:
        value = connection.settings.get(name)
        return default if value is None else str(value)

    webhook = setting("auth", "oauth") == "webhook"
    webhook_url = _with_slash(connection.secrets.get("webhook_url", ""))
    path = _WEBHOOK_PATH.fullmatch(urlsplit(webhook_url).path) if webhook else None
    endpoint = setting("client_endpoint") or f"https://{setting('domain')}/rest/"
    return PortalSettings(
        webhook=webhook,
        member_id=setting("member_id"),
        client_endpoint=webhook_url if webhook else _with_slash(endpoint),
        server_endpoint=_with_slash(setting("server_endpoint")),
        default_user_id=setting("default_user_id") or None,
        source_id=setting("source_id", "CALL"),
        enterprise=setting("plan") == "enterprise",
        webhook_user_id=path["user_id"] if path else None,
    )
