"""Only a genuine, fresh, unchanged request gets in."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from marshmallow import ValidationError

from connectors.webhook import CONNECTOR
from connectors.webhook.events import WebhookHook
from hub.domain.errors import BadSignature
from tests.webhook.signing import NOW, OTHER_SECRET, SECRET, signed
from webhooks.contract import HookRequest

HOOK = WebhookHook()
EVENT = {"call_id": "c-1", "event": "appeared", "at": "2026-11-22T10:00:00Z"}


def gets_in(request: HookRequest, *secrets: str) -> bool:
    try:
        HOOK.admit(request, [{"signing_secret": secret} for secret in secrets or (SECRET,)])
    except BadSignature:
        return False
    return True


def with_header(request: HookRequest, **changes: str | None) -> HookRequest:
    headers = {
        **request.headers,
        **{name.replace("_", "-"): value for name, value in changes.items() if value is not None},
    }
    gone = {name.replace("_", "-") for name, value in changes.items() if value is None}
    return replace(request, headers={name: value for name, value in headers.items() if name not in gone})


def test_what_the_library_signs_gets_in() -> None:
    assert gets_in(signed(EVENT))


def test_the_published_vector_of_standard_webhooks_gets_in() -> None:
    request = HookRequest(
        "POST", "", "",
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        b'{"test": 2432232314}',
        NOW.fromtimestamp(1614265330, NOW.tzinfo),
    )  # fmt: skip
    assert gets_in(request)


@pytest.mark.parametrize("spelling", [SECRET, SECRET.removeprefix("whsec_"), f" {SECRET}\n"])
def test_the_secret_may_have_its_prefix_or_not(spelling: str) -> None:
    assert gets_in(signed(EVENT), spelling)


def test_one_byte_more_is_refused() -> None:
    request = signed(EVENT)
    assert not gets_in(replace(request, body=request.body + b" "))


@pytest.mark.parametrize("name", ["webhook_id", "webhook_timestamp", "webhook_signature"])
def test_a_missing_header_is_refused(name: str) -> None:
    assert not gets_in(with_header(signed(EVENT), **{name: None}))


def test_another_id_than_the_signed_one_is_refused() -> None:
    assert not gets_in(with_header(signed(EVENT), webhook_id="msg_2"))


@pytest.mark.parametrize(("seconds", "fresh"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)])
def test_five_minutes_either_way_are_accepted_and_no_more(seconds: int, *, fresh: bool) -> None:
    assert gets_in(signed(EVENT, at=NOW - timedelta(seconds=seconds))) is fresh


@pytest.mark.parametrize("timestamp", ["", "now", "1.5", "-1", "9" * 40, "١٢٣", "nan"])
def test_a_timestamp_that_is_no_number_is_refused(timestamp: str) -> None:
    assert not gets_in(with_header(signed(EVENT), webhook_timestamp=timestamp))


def test_one_good_signature_among_several_is_enough() -> None:
    good = signed(EVENT).headers["webhook-signature"]
    other = signed(EVENT, secret=OTHER_SECRET).headers["webhook-signature"]
    assert gets_in(with_header(signed(EVENT), webhook_signature=f"v1a,abc {other} {good} nonsense"))


@pytest.mark.parametrize("signature", ["", "v1", "v1,", "v2,x", "abc", "v1,é", "v1,===="])
def test_signatures_that_are_none_are_refused_and_nothing_else_happens(signature: str) -> None:
    assert not gets_in(with_header(signed(EVENT), webhook_signature=signature))


def test_a_good_signature_under_another_version_is_refused() -> None:
    good = signed(EVENT).headers["webhook-signature"]
    assert not gets_in(with_header(signed(EVENT), webhook_signature=good.replace("v1,", "v1a,")))


def test_old_and_new_secret_are_both_accepted_during_a_rotation() -> None:
    assert gets_in(signed(EVENT, secret=OTHER_SECRET), SECRET, OTHER_SECRET)
    assert not gets_in(signed(EVENT, secret=OTHER_SECRET), SECRET)


@pytest.mark.parametrize("secrets", [[], [{}], [{"signing_secret": ""}], [{"signing_secret": "short"}]])
def test_without_a_usable_secret_nothing_gets_in(secrets: list[dict[str, str]]) -> None:
    with pytest.raises(BadSignature):
        HOOK.admit(signed(EVENT), secrets)


def test_bytes_that_are_no_text_are_verified_as_bytes() -> None:
    import hashlib
    import hmac

    body = b"\xff\xfe"
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    moment = str(int(NOW.timestamp()))
    mac = base64.b64encode(hmac.digest(key, f"m.{moment}.".encode() + body, hashlib.sha256)).decode()
    headers = {"webhook-id": "m", "webhook-timestamp": moment, "webhook-signature": f"v1,{mac}"}
    assert gets_in(HookRequest("POST", "", "", headers, body, NOW))


@pytest.mark.parametrize("secret", ["", "not base64!", "whsec_c2hvcnQ="])
def test_a_weak_or_broken_secret_is_not_saved(secret: str) -> None:
    with pytest.raises(ValidationError):
        CONNECTOR.secrets().load({"signing_secret": secret})


def test_settings_take_host_names_only() -> None:
    assert CONNECTOR.settings().load({}) == {"recording_hosts": []}
    assert CONNECTOR.settings().load({"recording_hosts": ["records.acme.example"]})
    with pytest.raises(ValidationError, match="host name"):
        CONNECTOR.settings().load({"recording_hosts": ["https://records.acme.example/"]})
