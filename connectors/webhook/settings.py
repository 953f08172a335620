"""What the connection form of a webhook connection asks."""

from __future__ import annotations

import re

from marshmallow import Schema, ValidationError, fields, validate

from connectors.webhook.signature import signing_key


def _is_secret(text: str) -> None:
    try:
        signing_key(text)
    except ValueError as error:
        raise ValidationError(f"{error}: make one with `openssl rand -base64 32`") from error


def _is_host(text: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?", text):
        raise ValidationError("a host name such as records.acme.example, with no https:// and no path")


class SettingsSchema(Schema):
    """`recording_hosts`: from where recordings may be fetched; empty fetches none."""

    recording_hosts = fields.List(
        fields.String(validate=_is_host),
        load_default=list,
        metadata={
            "label": "Recording hosts",
            "help": "Host names from which recordings may be fetched, such as records.acme.example. None: nothing is.",
        },
    )


class SecretsSchema(Schema):
    """`signing_secret`: base64 of at least 16 bytes, with or without `whsec_` before it."""

    signing_secret = fields.String(
        required=True,
        validate=[validate.Length(max=500), _is_secret],
        metadata={"label": "Signing secret", "help": "whsec_… or plain base64, as the sender signs with it."},
    )
