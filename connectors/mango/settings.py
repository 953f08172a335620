"""What a Mango connection asks of the person who sets it up."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

DEFAULT_BASE_URL = "https://app.mango-office.ru/vpbx"
_MOST_OFFSET_SECONDS = 14 * 3600
_LONGEST_SECRET = 128


def _secret(label: str, hint: str) -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Length(min=1, max=_LONGEST_SECRET),
        metadata={"label": label, "help": hint},
    )


class MangoSettings(Schema):
    """`[connection.settings]`; every one has a default."""

    base_url = fields.Url(
        load_default=DEFAULT_BASE_URL,
        schemes={"http", "https"},
        require_tld=False,
        metadata={"label": "API address", "help": "Leave it as it is, unless Mango gave you another one."},
    )
    epoch_offset_seconds = fields.Integer(
        load_default=0,
        validate=validate.Range(-_MOST_OFFSET_SECONDS, _MOST_OFFSET_SECONDS),
        metadata={
            "label": "Clock offset, seconds",
            "help": "0 for nearly everybody. 10800 when calls show up three hours in the future.",
        },
    )


class MangoSecrets(Schema):
    """`[connection.secrets]`; both are in the personal account under Integrations, API connector."""

    api_key = _secret("Unique code of the VPBX", "Personal account, Integrations, API connector.")
    api_salt = _secret("Key to create the signature", "Beside the unique code. It never leaves the hub.")
