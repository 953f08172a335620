"""Whether a request is Mango's: the three-field form and its signature. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from hub.domain.errors import BadSignature

_FORM_FIELDS = frozenset({"vpbx_api_key", "sign", "json"})
_MOST_FIELDS = 16


def sign(api_key: str, api_salt: str, *parts: bytes) -> str:
    """Lower-case hex SHA-256 of key, parts and salt joined (`mango.md §1.2`); plain, not an HMAC.

    A form signs one part, its `json`; a recording link signs the expiry and the recording's id.
    """
    digest = hashlib.sha256(api_key.encode())
    for part in parts:
        digest.update(part)
    digest.update(api_salt.encode())
    return digest.hexdigest()


def read_form(body: bytes) -> dict[str, bytes]:
    """The fields of a URL-encoded body, each value as the exact bytes that were encoded.

    Latin-1 maps every byte to one character and back, so that even broken UTF-8 keeps its bytes
    and its signature can be checked. Raises `BadSignature` when the body is no form of single fields.
    """
    try:
        pairs = parse_qsl(
            body.decode("latin-1"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            encoding="latin-1",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise BadSignature("The body is not a form.") from error
    fields = {name: value.encode("latin-1") for name, value in pairs}
    if len(fields) != len(pairs):
        raise BadSignature("A field of the form is there twice.")
    return fields


def usable(secrets: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    """Key and salt of each set that has both. Raises `BadSignature` when none has: an empty secret opens nothing."""
    pairs = [(each.get("api_key", ""), each.get("api_salt", "")) for each in secrets]
    complete = [(key, salt) for key, salt in pairs if key and salt]
    if not complete:
        raise BadSignature("The connection has no key and salt.")
    return complete


def verify(form: Mapping[str, bytes], secrets: Sequence[tuple[str, str]]) -> None:
    """Raises `BadSignature` unless the form has exactly its three fields and one set of secrets made its signature."""
    if form.keys() != _FORM_FIELDS:
        raise BadSignature("The form does not have exactly the three fields.")
    fits = [_fits(form, key, salt) for key, salt in secrets]
    if not any(fits):
        raise BadSignature("No set of secrets made this signature.")


def _fits(form: Mapping[str, bytes], api_key: str, api_salt: str) -> bool:
    key_fits = hmac.compare_digest(form["vpbx_api_key"], api_key.encode())
    sign_fits = hmac.compare_digest(form["sign"], sign(api_key, api_salt, form["json"]).encode())
    return key_fits and sign_fits
