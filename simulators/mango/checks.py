"""What a request must look like before Mango does anything with it (mango.md §1.3, §6.3, §9)."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from simulators.mango.signature import sign

FORM = "application/x-www-form-urlencoded"
FIELDS = ["json", "sign", "vpbx_api_key"]
LONGEST_ID_BYTES = 128
NOT_POST, WRONG_PARAMETERS, BAD_SIGN, MISSING, BAD_FORMAT, WRONG_KEY, MALFORMED_JSON = (
    3101,
    3100,
    3102,
    3103,
    3104,
    3105,
    3400,
)
WRONG_DATES = 3111


class Refused(Exception):
    """The request is answered with this code of mango.md §6.3; `fields` names what is wrong, where Mango does."""

    def __init__(self, code: int, what: str, fields: Mapping[str, int] | None = None) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.fields = fields


def opened(method: str, content_type: str, body: bytes, api_key: str, api_salt: str) -> dict[str, Any]:
    """The object in the `json` field of a genuine request. Raises `Refused`."""
    if method != "POST":
        raise Refused(NOT_POST, f"{method} instead of POST")
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise Refused(WRONG_PARAMETERS, f"content type {content_type!r} instead of {FORM}")
    text = _signed_text(_form(body), api_key, api_salt)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(MALFORMED_JSON, "json is not JSON") from error
    if not isinstance(document, dict):
        raise Refused(BAD_FORMAT, "json is not an object")
    return document


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, encoding="utf-8", errors="strict")
    except ValueError as error:
        raise Refused(WRONG_PARAMETERS, "the body is not a form in UTF-8") from error
    names = sorted(name for name, _ in pairs)
    if missing := sorted(set(FIELDS) - set(names)):
        raise Refused(MISSING, f"form without {', '.join(missing)}")
    if names != FIELDS:
        raise Refused(WRONG_PARAMETERS, "the form has more than json, sign and vpbx_api_key once each")
    return dict(pairs)


def _signed_text(form: Mapping[str, str], api_key: str, api_salt: str) -> str:
    if not hmac.compare_digest(form["vpbx_api_key"].encode(), api_key.encode()):
        raise Refused(WRONG_KEY, "wrong vpbx_api_key")
    if not hmac.compare_digest(form["sign"].encode(), sign(api_key, form["json"], api_salt).encode()):
        raise Refused(BAD_SIGN, "sign mismatch")
    return form["json"]


# --- fields -------------------------------------------------------------------------------------------------------


def text(body: Mapping[str, Any], name: str, *, required: bool = False, longest: int = 1024) -> str | None:
    """A text field; an integer is taken for its digits, as the documents call extensions integers and print strings."""
    value = body.get(name)
    if value is None or (value == "" and required):
        if required:
            raise Refused(MISSING, f"{name} is missing", {name: MISSING})
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refused(BAD_FORMAT, f"{name} is not text", {name: BAD_FORMAT})
    if len(str(value).encode()) > longest:
        raise Refused(BAD_FORMAT, f"{name} is longer than {longest} bytes", {name: BAD_FORMAT})
    return str(value)


def command_id(body: Mapping[str, Any], *, required: bool = False) -> str | None:
    return text(body, "command_id", required=required, longest=LONGEST_ID_BYTES)


def dialled(body: Mapping[str, Any], name: str, *, required: bool = True) -> str | None:
    """A number as Mango writes it: digits without "+", or a SIP address."""
    value = text(body, name, required=required)
    if value and not re.fullmatch(r"\d{2,20}|sip:[^\s@]+@[^\s@]+", value):
        raise Refused(BAD_FORMAT, f"{name} is neither digits nor a SIP address", {name: BAD_FORMAT})
    return value


def integer(body: Mapping[str, Any], name: str, *, required: bool = False) -> int | None:
    """A field that must be a JSON integer; strings are refused."""
    value = body.get(name)
    if value is None:
        if required:
            raise Refused(MISSING, f"{name} is missing", {name: MISSING})
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused(BAD_FORMAT, f"{name} is not an integer", {name: BAD_FORMAT})
    return value


def table(body: Mapping[str, Any], name: str, *, required: bool = False) -> Mapping[str, Any]:
    """A nested object; an absent one is empty."""
    value = body.get(name)
    if value is None and not required:
        return {}
    if value is None:
        raise Refused(MISSING, f"{name} is missing", {name: MISSING})
    if not isinstance(value, dict):
        raise Refused(BAD_FORMAT, f"{name} is not an object", {name: BAD_FORMAT})
    return value


def one_of(body: Mapping[str, Any], name: str, words: tuple[str, ...]) -> str:
    value = text(body, name, required=True)
    if value not in words:
        raise Refused(BAD_FORMAT, f"{name} is none of {', '.join(words)}", {name: BAD_FORMAT})
    return value
