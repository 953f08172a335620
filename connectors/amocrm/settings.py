"""What an amoCRM connection asks of the person who sets it up, and what the folder reads from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, pre_load, validate, validates_schema

from connectors.contract import ConnectionFacts

SETTINGS = (
    "auth",
    "base_url",
    "default_user_id",
    "unknown_caller",
    "unknown_outbound",
    "pipeline_id",
    "status_id",
    "task_type_id",
    "service_name",
    "api_domain",
    "account_id",
    "vip_tag",
    "vip_field",
    "vip_value",
)
SECRETS = ("client_id", "client_secret", "redirect_uri", "access_token", "refresh_token", "expires_at")
_KEYS = ("client_id", "client_secret", "redirect_uri")
_OAUTH_SECRETS = (*_KEYS, "access_token", "refresh_token")
_NUMBER = validate.Regexp(r"^\d+$", error="Must be an id of amoCRM, a number.")
_DEFAULT_SERVICE_NAME = "Dozvon"
_CALL_TASK_TYPE = 1


class _Text(fields.String):
    """A text that may also be written as a whole number, as ids and unix seconds are."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        return super()._deserialize(value, attr, data, **kwargs).strip()


def _account_address(value: str) -> None:
    parts = urlsplit(value)
    bare = parts.path in {"", "/"} and not parts.query and not parts.fragment and parts.username is None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not bare:
        raise ValidationError("Must be the account's address, like https://acme.amocrm.ru.")
    if parts.hostname.startswith("www."):
        raise ValidationError("Must be the account's own address, like https://acme.amocrm.ru, not the vendor's site.")


def _known(names: tuple[str, ...], what: str) -> dict[str, str]:
    return {"unknown": f"Unknown {what}. Known here: {', '.join(names)}."}


class AmocrmSettings(Schema):
    """`[connection.settings]`."""

    error_messages = _known(SETTINGS, "setting")

    class Meta:
        unknown = RAISE

    auth = fields.String(load_default="oauth", validate=validate.OneOf(("oauth", "long_lived")))
    base_url = _Text(
        required=True,
        validate=_account_address,
        metadata={
            "label": "Address of the account",
            "help": "As the browser shows it, like acme.amocrm.ru.",
            "keeps": "origin",
        },
    )
    default_user_id = _Text(allow_none=True, validate=_NUMBER)
    unknown_caller = fields.String(load_default="unsorted", validate=validate.OneOf(("unsorted", "lead", "nothing")))
    unknown_outbound = fields.String(load_default="contact", validate=validate.OneOf(("contact", "nothing")))
    pipeline_id = _Text(allow_none=True, validate=_NUMBER)
    status_id = _Text(allow_none=True, validate=_NUMBER)
    task_type_id = _Text(load_default=str(_CALL_TASK_TYPE), validate=_NUMBER)
    service_name = _Text(load_default=_DEFAULT_SERVICE_NAME, validate=validate.Length(min=1, max=60))
    api_domain = _Text(allow_none=True)
    account_id = _Text(allow_none=True, validate=_NUMBER)
    vip_tag = _Text(allow_none=True, validate=validate.Length(max=200))
    vip_field = _Text(
        allow_none=True,
        validate=validate.Regexp(r"^[A-Za-z0-9_]{1,100}$", error="Must be the id or the code of a field."),
    )
    vip_value = _Text(allow_none=True, validate=validate.Length(max=200))

    @pre_load
    def _host_alone_is_enough(self, values: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        """People write "acme.amocrm.ru" as the browser shows it."""
        changed = dict(values)
        address = changed.get("base_url")
        if isinstance(address, str) and address.strip() and "://" not in address:
            changed["base_url"] = f"https://{address.strip()}"
        return changed

    @post_load
    def _without_slash(self, values: dict[str, Any], **_: Any) -> dict[str, Any]:
        values["base_url"] = values["base_url"].rstrip("/")
        return values


class AmocrmSecrets(Schema):
    """`[connection.secrets]`: a long-lived `access_token` alone, or an integration's keys and its token pair.

    The keys alone make a connection that somebody then logs in on the page `/amocrm/install`.
    """

    error_messages = _known(SECRETS, "secret")

    class Meta:
        unknown = RAISE

    client_id = _Text(validate=validate.Length(min=1))
    client_secret = _Text(validate=validate.Length(min=1))
    redirect_uri = _Text(validate=validate.Length(min=1))
    access_token = _Text(
        validate=validate.Length(min=1),
        metadata={
            "label": "Long-lived token",
            "help": "Your own integration, Keys and scopes, Generate a long-lived token.",
            "needed": True,
        },
    )
    refresh_token = _Text(validate=validate.Length(min=1))
    expires_at = _Text(validate=validate.Regexp(r"^\d+$", error="Must be unix seconds."))

    @validates_schema
    def _one_complete_kind(self, values: Mapping[str, Any], **_: Any) -> None:
        given = {name for name in _OAUTH_SECRETS if values.get(name)}
        wanted = {"access_token"} if given <= {"access_token"} else set(_KEYS)
        if wanted == set(_KEYS) and given & {"access_token", "refresh_token"}:
            wanted = set(_OAUTH_SECRETS)
        missing = {
            name: ["Needed when auth is oauth (auth = long_lived needs only access_token)."]
            for name in _OAUTH_SECRETS
            if name in wanted - given
        }
        if missing:
            raise ValidationError(missing)


# --- What the folder reads ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """A connection's settings, read once. Ids are numbers, as amoCRM's API wants them."""

    long_lived: bool
    base_url: str
    default_user_id: str | None
    unknown_caller: str
    unknown_outbound: str
    pipeline_id: int | None
    status_id: int | None
    task_type_id: int
    service_name: str
    api_domain: str


def account_settings(connection: ConnectionFacts) -> AccountSettings:
    """Read settings as they are stored."""

    def setting(name: str, default: str = "") -> str:
        value = connection.settings.get(name)
        return default if value is None or value == "" else str(value)

    def number(name: str) -> int | None:
        return int(setting(name)) if setting(name).isdigit() else None

    return AccountSettings(
        long_lived=setting("auth", "oauth") == "long_lived",
        base_url=setting("base_url").rstrip("/"),
        default_user_id=setting("default_user_id") or None,
        unknown_caller=setting("unknown_caller", "unsorted"),
        unknown_outbound=setting("unknown_outbound", "contact"),
        pipeline_id=number("pipeline_id"),
        status_id=number("status_id"),
        task_type_id=number("task_type_id") or _CALL_TASK_TYPE,
        service_name=setting("service_name", _DEFAULT_SERVICE_NAME),
        api_domain=setting("api_domain"),
    )
