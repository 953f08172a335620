"""Numbers as pages show them. Pure."""

from __future__ import annotations

from typing import Any

import phonenumbers

from hub.domain.phone import Phone, format_phone
from hub.tracking.live.sites import Site


def shown_number(site: Site, number: str) -> dict[str, Any]:
    """`number` in E.164 and `text` as people read it, by the site's own format if it has one."""
    return {"number": number, "text": formatted(number, site.rules.format)}


def formatted(number: str, form: str) -> str:
    """`number` written into the `#` of `form`, the last digit into the last one; as its country writes it without."""
    places = form.count("#")
    digits = number.lstrip("+")
    if not places or places > len(digits):
        return format_phone(Phone(number, number))
    left = iter(digits[-places:])
    return "".join(next(left) if character == "#" else character for character in form)


def spelling_of(number: str) -> dict[str, str]:
    """How a number may stand on a page: country code, national digits, and the prefix dialled inside the country."""
    parsed = phonenumbers.parse(number, None)
    code = str(parsed.country_code)
    region = phonenumbers.region_code_for_number(parsed)
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region, None) if region else None
    trunk = metadata.national_prefix if metadata else None
    return {"code": code, "national": number.lstrip("+")[len(code) :], "trunk": trunk or ""}
