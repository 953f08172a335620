"""What the wizard's fields are called in the reader's language. What is not here is shown as the connector says it."""

from __future__ import annotations

from collections.abc import Mapping

from hub.web.i18n import _l

FIELDS: Mapping[str, str] = {
    "API address": _l("API address"),
    "Leave it as it is, unless Mango gave you another one.": _l(
        "Leave it as it is, unless Mango gave you another one."
    ),
    "Clock offset, seconds": _l("Clock offset, seconds"),
    "0 for nearly everybody. 10800 when calls show up three hours in the future.": _l(
        "0 for nearly everybody. 10800 when calls show up three hours in the future."
    ),
    "Unique code of the VPBX": _l("Unique code of the VPBX"),
    "Personal account, Integrations, API connector.": _l("Personal account, Integrations, API connector."),
    "Key to create the signature": _l("Key to create the signature"),
    "Beside the unique code. It never leaves the hub.": _l("Beside the unique code. It never leaves the hub."),
    "Recording hosts": _l("Recording hosts"),
    "Host names from which recordings may be fetched, such as records.acme.example. None: nothing is.": _l(
        "Host names from which recordings may be fetched, such as records.acme.example. None: nothing is."
    ),
    "Signing secret": _l("Signing secret"),
    "whsec_… or plain base64, as the sender signs with it.": _l(
        "whsec_… or plain base64, as the sender signs with it."
    ),
    "Address of the incoming webhook": _l("Address of the incoming webhook"),
    "Applications, Developer resources, Other, Incoming webhook. Rights: crm, telephony, user.": _l(
        "Applications, Developer resources, Other, Incoming webhook. Rights: crm, telephony, user."
    ),
    "Address of the account": _l("Address of the account"),
    "As the browser shows it, like acme.amocrm.ru.": _l("As the browser shows it, like acme.amocrm.ru."),
    "Long-lived token": _l("Long-lived token"),
    "Your own integration, Keys and scopes, Generate a long-lived token.": _l(
        "Your own integration, Keys and scopes, Generate a long-lived token."
    ),
}
WRONG: Mapping[str, str] = {
    "is missing.": _l("Fill this in."),
    "must not be empty.": _l("Fill this in."),
    "Not a valid URL.": _l("This must be an address that begins with https://."),
    "must be a whole number.": _l("This must be a whole number."),
    "Must be the inbound webhook's address: https://<portal>/rest/<user id>/<secret>/.": _l(
        "This must be the webhook’s address, like https://acme.bitrix24.ru/rest/1/abcdefgh12345678/."
    ),
    "Must be the account's address, like https://acme.amocrm.ru.": _l(
        "This must be the account’s address, like acme.amocrm.ru."
    ),
    "Must be the account's own address, like https://acme.amocrm.ru, not the vendor's site.": _l(
        "This is the vendor’s site. Your account has an address of its own, like acme.amocrm.ru."
    ),
    "Needed when auth is oauth (auth = webhook needs only webhook_url).": _l("Fill this in."),
    "Needed when auth is oauth (auth = long_lived needs only access_token).": _l("Fill this in."),
}
TITLES: Mapping[str, str] = {"Webhook (any PBX)": _l("Another PBX (webhook)"), "Bitrix24": _l("Bitrix24")}
STANDS: Mapping[str, str] = {
    "works": _l("works"),
    "unheard": _l("no event yet"),
    "log_in": _l("nobody has logged in yet"),
    "refused": _l("does not let the hub in"),
    "paused": _l("paused"),
}
OTHERWISE = _l("This does not look like what is asked for. Copy it once more.")


def field_word(text: str) -> str:
    """A field's label or hint."""
    return str(FIELDS.get(text, text))


def wrong_word(text: str) -> str:
    """What is wrong with a field: never the words of the schema, which nobody has translated."""
    return str(WRONG.get(text, OTHERWISE))


def title_word(title: str) -> str:
    """What a system is called."""
    return str(TITLES.get(title, title))


def stand_word(stand: str) -> str:
    """How a system stands."""
    return str(STANDS.get(stand, stand))
