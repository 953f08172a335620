"""What the suite needs of each vendor that sends: genuine requests, and how it signs them.

A vendor with a hook adds a line to `SENDERS`; the suite fails for one that has none. How a request is
signed is worked out here anew, or by the field's own library, never by what is tested.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from webhooks.contract import HookRequest

FIXTURES = Path(__file__).parents[1] / "fixtures"
RECEIVED_AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

Secrets = Mapping[str, str]
Document = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """One thing that a vendor sends, before it is signed; `body` is what the signature is about."""

    name: str
    topic: str
    body: bytes

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Sender:
    """How a vendor sends.

    `courses` are whole conversations, each the samples of one call in the order sent; a vendor that tells
    of no calls has its other news there. `sign` makes the request that the vendor would send, and
    `unsigned` takes the proof out of one. `read` and `write` turn a body into named fields and back.
    `needed` names a field without which the first sample of the first course cannot be understood.
    `odd` is a genuine sample that uses words which nobody knows. `strange_topic` is one that the vendor
    does not have. `signs_body` is False where a request carries
    a shared secret and not a signature of its content; `carries_proof` is False where a request carries none at
    all, and the address is the secret. `parse_settings` are those of the connection.
    """

    secrets: Secrets
    other_secrets: Secrets
    courses: Mapping[str, tuple[Sample, ...]]
    sign: Callable[[Sample, Secrets], HookRequest]
    unsigned: Callable[[HookRequest], HookRequest]
    read: Callable[[bytes], Document]
    write: Callable[[Document], bytes]
    needed: str
    odd: Sample
    strange_topic: str
    signs_body: bool = True
    carries_proof: bool = True
    parse_settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Every different sample, once."""
        return tuple({(one.topic, one.body): one for course in self.courses.values() for one in course}.values())

    @property
    def first(self) -> Sample:
        return next(iter(self.courses.values()))[0]


def compact(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _json_object(body: bytes) -> Document:
    document = json.loads(body)
    assert isinstance(document, dict)
    return document


# --- Mango -----------------------------------------------------------------------------------------


def _mango_sign(sample: Sample, secrets: Secrets) -> HookRequest:
    """mango.md §1.2: SHA-256 of key, JSON and salt, in a form of three fields."""
    key, salt = secrets["api_key"], secrets["api_salt"]
    signature = hashlib.sha256(key.encode() + sample.body + salt.encode()).hexdigest()
    form = urlencode([("vpbx_api_key", key), ("sign", signature), ("json", sample.body)]).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return HookRequest("POST", sample.topic, "", headers, form, RECEIVED_AT)


def _mango_unsigned(request: HookRequest) -> HookRequest:
    pairs = [(name, value) for name, value in parse_qsl(request.body.decode()) if name != "sign"]
    return replace(request, body=urlencode(pairs).encode())


def _mango_course(path: Path) -> tuple[Sample, ...]:
    events = json.loads(path.read_text())["events"]
    return tuple(Sample(f"{path.stem}-{n}", one["path"], compact(one["json"])) for n, one in enumerate(events))


def _mango() -> Sender:
    courses = {path.stem: _mango_course(path) for path in sorted((FIXTURES / "mango").glob("*.json"))}
    strange = {
        "entry_id": "E", "call_id": "L", "timestamp": 1767225600, "seq": 1, "call_state": "Levitating",
        "location": "moon", "from": {"number": "79001234567"}, "to": {"extension": "101"},
    }  # fmt: skip
    return Sender(
        secrets={"api_key": "demoapikey000000000000000000abcd", "api_salt": "demoapisalt00000000000000000wxyz"},
        other_secrets={"api_key": "otherapikey00000000000000000abcd", "api_salt": "otherapisalt0000000000000000wxyz"},
        courses=courses,
        sign=_mango_sign,
        unsigned=_mango_unsigned,
        read=_json_object,
        write=compact,
        needed="entry_id",
        odd=Sample("unknown words", "events/call", compact(strange)),
        strange_topic="events/weather",
    )


# --- The hub's own webhook -------------------------------------------------------------------------


def _webhook_sign(sample: Sample, secrets: Secrets) -> HookRequest:
    """Standard Webhooks over the raw bytes; the id is that of the content, so that a retry keeps it.

    The library of that name signs only what is text, and the suite also sends what is none.
    """
    message_id = f"msg_{hashlib.sha256(sample.body).hexdigest()[:24]}"
    timestamp = str(int(RECEIVED_AT.timestamp()))
    key = base64.b64decode(secrets["signing_secret"].removeprefix("whsec_"))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + sample.body, "sha256")
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
        "content-type": "application/json",
    }
    return HookRequest("POST", sample.topic, "", headers, sample.body, RECEIVED_AT)


def _webhook_unsigned(request: HookRequest) -> HookRequest:
    headers = {name: value for name, value in request.headers.items() if name != "webhook-signature"}
    return replace(request, headers=headers)


def _webhook() -> Sender:
    bodies = {
        path.stem: compact(json.loads(path.read_text()))
        for path in sorted((FIXTURES / "webhook").glob("*.json"))
        if not path.stem.endswith(".expected")
    }
    of_one_call = ("appeared", "answered", "transferred", "ended", "summary_with_recording", "recording")
    samples = {name: Sample(name, "", body) for name, body in bodies.items()}
    alone = {name: (sample,) for name, sample in samples.items() if name not in of_one_call}
    return Sender(
        secrets={"signing_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
        other_secrets={"signing_secret": "C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
        courses={"answered": tuple(samples[name] for name in of_one_call), **alone},
        sign=_webhook_sign,
        unsigned=_webhook_unsigned,
        read=_json_object,
        write=compact,
        needed="call_id",
        odd=samples["unknown_words"],
        strange_topic="some/topic",
        parse_settings={"recording_hosts": ["records.acme.example"]},
    )


# --- Bitrix24 --------------------------------------------------------------------------------------

_CLICK = {
    "event": "ONEXTERNALCALLSTART", "ts": "1788000000", "data[PHONE_NUMBER]": "89001234567",
    "data[PHONE_NUMBER_INTERNATIONAL]": "+79001234567", "data[USER_ID]": "7", "data[CALL_ID]": "externalCall.1",
    "data[CRM_ENTITY_TYPE]": "CONTACT", "data[CRM_ENTITY_ID]": "12", "data[LINE_NUMBER]": "+74950000001",
}  # fmt: skip
_FORM = {
    "event": "ONEXTERNALCALLBACKSTART", "ts": "1788000001", "data[PHONE_NUMBER]": "+79001234567",
    "data[TEXT]": "Перезвоните мне", "data[CRM_ENTITY_TYPE]": "LEAD", "data[CRM_ENTITY_ID]": "5102",
}  # fmt: skip
_CHANGED = {"event": "ONCRMCONTACTUPDATE", "ts": "1788000002", "data[FIELDS][ID]": "871"}
_PAID = {"event": "ONAPPPAYMENT", "ts": "1788000003", "data[STATUS]": "P", "data[PAYMENT_EXPIRED]": "N"}


def _read_form(body: bytes) -> Document:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def _write_form(document: Document) -> bytes:
    return urlencode(document).encode()


def _bitrix24_sign(sample: Sample, secrets: Secrets) -> HookRequest:
    """bitrix24.md §5: every event carries the application's token, and that is all its proof."""
    proof = urlencode([("auth[application_token]", secrets["application_token"]), ("auth[domain]", "acme.example")])
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return HookRequest("POST", sample.topic, "", headers, b"&".join((sample.body, proof.encode())), RECEIVED_AT)


def _bitrix24_unsigned(request: HookRequest) -> HookRequest:
    return replace(request, body=request.body.partition(b"&auth%5Bapplication_token%5D")[0])


def _bitrix24() -> Sender:
    forms = {"click": _CLICK, "callback form": _FORM, "changed card": _CHANGED, "payment": _PAID}
    return Sender(
        secrets={"application_token": "a1b2c3d4e5f60718293a4b5c6d7e8f90"},
        other_secrets={"application_token": "00f1e2d3c4b5a6978879a6b5c4d3e2f1"},
        courses={name: (Sample(name, "", _write_form(form)),) for name, form in forms.items()},
        sign=_bitrix24_sign,
        unsigned=_bitrix24_unsigned,
        read=_read_form,
        write=_write_form,
        needed="data[CALL_ID]",
        odd=Sample("unknown event", "", _write_form({"event": "ONWEATHERCHANGE", "ts": "1788000004"})),
        strange_topic="some/topic",
        signs_body=False,
    )


# --- amoCRM ----------------------------------------------------------------------------------------

_CONTACT = {
    "contacts[update][0][id]": "1100", "contacts[update][0][name]": "Ivan", "contacts[update][0][type]": "contact",
    "contacts[update][0][responsible_user_id]": "6", "contacts[update][0][old_responsible_user_id]": "5",
    "contacts[update][0][custom_fields][0][code]": "PHONE",
    "contacts[update][0][custom_fields][0][values][0][value]": "+79001234567",
    "contacts[update][0][updated_at]": "1788000000",
}  # fmt: skip
_LEAD = {"leads[status][0][id]": "7700", "leads[status][0][status_id]": "142", "leads[status][0][old_status_id]": "59",
         "leads[status][0][updated_at]": "1788000001"}  # fmt: skip
_GONE = {"contacts[delete][0][id]": "1199", "contacts[delete][0][type]": "company"}
_SORTED = {"unsorted[delete][0][action]": "accept", "unsorted[delete][0][accept_result][leads][]": "7709"}


def _amocrm_sign(sample: Sample, _secrets: Secrets) -> HookRequest:
    """amocrm.md §5.3: nothing is signed; the account says who it is."""
    account = urlencode({"account[id]": "555", "account[subdomain]": "demo"}).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return HookRequest("POST", sample.topic, "", headers, b"&".join((sample.body, account)), RECEIVED_AT)


def _amocrm() -> Sender:
    forms = {"changed contact": _CONTACT, "closed lead": _LEAD, "deleted company": _GONE, "accepted lead": _SORTED}
    return Sender(
        secrets={"access_token": "a1b2c3d4e5f6"},
        other_secrets={"access_token": "00f1e2d3c4b5"},
        courses={name: (Sample(name, "", _write_form(form)),) for name, form in forms.items()},
        sign=_amocrm_sign,
        unsigned=lambda request: request,
        read=_read_form,
        write=_write_form,
        needed="contacts[update][0][id]",
        odd=Sample("unknown words", "", _write_form({"weather[change][0][id]": "9"})),
        strange_topic="some/topic",
        signs_body=False,
        carries_proof=False,
        parse_settings={"account_id": "555"},
    )


SENDERS: Mapping[str, Sender] = {
    "mango": _mango(),
    "webhook": _webhook(),
    "bitrix24": _bitrix24(),
    "amocrm": _amocrm(),
}
