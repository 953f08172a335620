"""What may stand in a provisioning file, section by section (docs/provisioning.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import phonenumbers
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

ROLES = ("owner", "admin", "marketer", "agent", "auditor")
PUSHABLE = ("vip", "owner", "last_talked", "group")
"""The reasons for which a PBX that does not ask may be told."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHORTEST_NUMBER_DIGITS = 5
_SLOT = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")


class Word(fields.String):
    """Text; an extension or an id that was written as a number is taken as its digits."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        return super()._deserialize(value, attr, data, **kwargs).strip()


def _name(length: int = 200, **options: Any) -> Word:
    return Word(validate=validate.Length(min=1, max=length), **options)


def _is_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValidationError("must be a time zone like Europe/Moscow.") from error


def _is_origin(text: str) -> None:
    try:
        parts = urlsplit(text)
        is_right = bool(parts.scheme in {"http", "https"} and parts.hostname and not parts.query)
    except ValueError:
        is_right = False
    if not is_right or parts.path not in {"", "/"} or re.search(r"[\s@#]", text):
        raise ValidationError("must be scheme and host, like https://shop.example, without a path.")


def _whole(least: int, most: int) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(least, most, error="must be from {min} to {max}."))


def _is_format(text: str) -> None:
    if text.count("#") < _SHORTEST_NUMBER_DIGITS or re.search(r"[^0-9#+() .\u2010-\u2015\u00a0-]", text):
        raise ValidationError("must be digits and # like +7 (###) ###-##-##.")


class WorkspaceSchema(Schema):
    slug = Word(
        required=True,
        validate=validate.Regexp(
            r"^[a-z0-9][a-z0-9_-]{0,63}$", error="must be small letters, digits, - and _, like acme."
        ),
    )
    name = _name()
    timezone = Word(validate=_is_zone)
    region = Word(
        validate=validate.OneOf(sorted(phonenumbers.SUPPORTED_REGIONS), error="must be a country code like RU.")
    )
    locale = Word(validate=validate.Regexp(r"^[a-z]{2}(_[A-Z]{2})?$", error="must be a language code like ru."))


class UserSchema(Schema):
    email = fields.Email(required=True, validate=validate.Length(max=254))
    password = fields.String(validate=validate.Length(min=8, max=1000, error="must have at least 8 characters."))
    password_hash = fields.String(validate=validate.Regexp(r"^\$argon2id\$", error="must be an argon2id hash."))
    role = Word(required=True, validate=validate.OneOf(ROLES, error="must be one of {choices}."))
    employee = fields.String(validate=validate.Length(max=200, error="must have at most 200 characters."))
    locale = Word(validate=validate.Regexp(r"^[a-z]{2}(_[A-Z]{2})?$", error="must be a language code like ru."))


class ApiKeySchema(Schema):
    name = _name(100, required=True)
    key = fields.String(
        validate=validate.Regexp(r"^dz_[0-9A-Za-z]{32,64}$", error="must be dz_ and 32 hexadecimal digits.")
    )
    key_hash = fields.String(validate=validate.Regexp(r"^[0-9a-f]{64}$", error="must be a SHA-256 in hex."))
    scopes = fields.List(
        Word(validate=validate.Regexp(r"^[a-z_]+:[a-z_]+$", error="must be a scope like calls:read.")),
        load_default=list,
    )


class ConnectionSchema(Schema):
    name = Word(
        required=True,
        validate=[validate.Length(min=1, max=64), validate.NoneOf(["*"], error="must be a name, not *.")],
    )
    vendor = Word(required=True)
    hook_token = fields.String(
        validate=validate.Regexp(r"^[A-Za-z0-9_-]{22,200}$", error="must be at least 22 url-safe characters.")
    )
    settings = fields.Dict(keys=fields.String(), load_default=dict)
    secrets = fields.Dict(keys=fields.String(), load_default=dict)


class EmployeeSchema(Schema):
    name = _name(required=True)
    extension = _name(64)
    extensions = fields.Dict(keys=fields.String(), values=_name(64))
    users = fields.Dict(keys=fields.String(), values=_name(64), load_default=dict)
    hours = fields.Nested(lambda: HoursSchema())  # noqa: PLW0108 - the class stands further down

    @validates_schema
    def _one_spelling(self, values: Mapping[str, Any], **_: Any) -> None:
        if "extension" in values and "extensions" in values:
            raise ValidationError("stands beside extensions: give one of them.", "extension")


def _is_day(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValidationError("must be a day like 2027-01-01.") from error


def _is_slot(text: str) -> None:
    found = _SLOT.fullmatch(text)
    if not found or text[:5] >= text[6:]:
        raise ValidationError("must be opening hours like 09:00-18:00.")


def _day() -> fields.List[Any]:
    return fields.List(Word(validate=_is_slot), load_default=list)


class HoursSchema(Schema):
    mon, tue, wed, thu, fri, sat, sun = _day(), _day(), _day(), _day(), _day(), _day(), _day()
    holidays = fields.List(Word(validate=_is_day), load_default=list)
    zone = Word(validate=_is_zone)


class GroupSchema(Schema):
    name = _name(required=True)
    extension = _name(64)
    extensions = fields.Dict(keys=fields.String(), values=_name(64))
    weight = fields.Integer(
        strict=True, load_default=1, validate=validate.Range(0, 1000, error="must be from {min} to {max}.")
    )
    hours = fields.Nested(HoursSchema)

    @validates_schema
    def _one_spelling(self, values: Mapping[str, Any], **_: Any) -> None:
        if ("extension" in values) == ("extensions" in values):
            raise ValidationError("give either extension or extensions.", "extension")


class BlockSchema(Schema):
    phone = _name(required=True)
    reason = fields.String(validate=validate.Length(max=300))


class RoutingSchema(Schema):
    default_extension = _name(64)
    push = fields.List(
        Word(validate=validate.OneOf(PUSHABLE, error="must be one of {choices}.")),
        load_default=lambda: ["vip", "owner"],
    )


class VipSchema(Schema):
    phone = _name(required=True)
    extension = _name(64)
    note = fields.String(validate=validate.Length(max=2000))


class StaticLineSchema(Schema):
    number = _name(32, required=True)
    source = _name(required=True)
    medium = _name()
    campaign = _name()


class SiteSchema(Schema):
    key = Word(
        required=True,
        validate=validate.Regexp(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", error="must be letters, digits, - and _."),
    )
    name = _name()
    origins = fields.List(Word(validate=_is_origin), load_default=list)
    default_number = _name(32)
    post_default_number = _name(32)
    pool = fields.List(_name(32), load_default=list)
    pools = fields.Dict(keys=_name(100), values=fields.List(_name(32)))
    static = fields.List(fields.Nested(StaticLineSchema), load_default=list)
    show_delay_seconds = _whole(0, 600)
    idle_seconds = _whole(10, 14400)
    quarantine_days = _whole(0, 90)
    format = Word(validate=_is_format)
    channels = fields.List(_name(64))
    home_regions = fields.List(_name(100))
    consent = Word(validate=validate.OneOf(("not_needed", "required"), error="must be one of {choices}."))
    selectors = fields.List(_name())
    visits_per_ip_hour = _whole(1, 1_000_000)
    quality_seconds = _whole(0, 3600)
    quality_groups = fields.List(_name(200))
    quality_lines = fields.List(_name(32))
    unique_days = _whole(1, 3650)
    wait_for_interaction = fields.Boolean()
    retention_days = _whole(31, 3650)
    touch_model = Word(validate=validate.OneOf(("first", "last", "last_non_direct"), error="must be one of {choices}."))


class RulesSchema(Schema):
    connection = _name(64, required=True)
    file = _name(1000)
    document = fields.Dict(keys=fields.String())

    @validates_schema
    def _one_place(self, values: Mapping[str, Any], **_: Any) -> None:
        if ("file" in values) == ("document" in values):
            raise ValidationError("give either file or document.", "file")


class FileSchema(Schema):
    """A whole file. A section that is absent is left alone; `employee = []` says that there are none."""

    SECTIONS: ClassVar[tuple[str, ...]] = (
        "user", "api_key", "connection", "employee", "vip", "block", "group", "site", "rules",
    )  # fmt: skip

    workspace = fields.Nested(WorkspaceSchema, required=True)
    user = fields.List(fields.Nested(UserSchema))
    api_key = fields.List(fields.Nested(ApiKeySchema))
    connection = fields.List(fields.Nested(ConnectionSchema))
    employee = fields.List(fields.Nested(EmployeeSchema))
    hours = fields.Nested(HoursSchema)
    vip = fields.List(fields.Nested(VipSchema))
    block = fields.List(fields.Nested(BlockSchema))
    group = fields.List(fields.Nested(GroupSchema))
    routing = fields.Nested(RoutingSchema)
    site = fields.List(fields.Nested(SiteSchema))
    rules = fields.List(fields.Nested(RulesSchema))
