"""Every fixture of every vendor, spoilt in every way: the folder answers, and what it states can be worked with."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.registry import REGISTRY
from hub.calls.fold import fold
from hub.calls.storable import storable
from hub.domain.codec import from_document, to_document
from hub.domain.errors import BadSignature
from hub.domain.events import CallEvent
from tests.contract.senders import RECEIVED_AT, SENDERS, Sample, Sender
from tests.fuzz.mutations import mutants
from webhooks.contract import Hook, HookRequest, Ignored, InboxItem, Malformed, News, ParseContext, Parsed, Stated


def hook_of(vendor: str) -> Hook:
    hook = REGISTRY[vendor].hook
    assert hook is not None
    return hook


def kinds(sender: Sender) -> list[Sample]:
    """One sample of each shape: topic, and the names and types of the fields."""
    shapes: dict[object, Sample] = {}
    for sample in (*sender.samples, sender.odd):
        document = sender.read(sample.body)
        shape = (sample.topic, *((name, type(value)) for name, value in sorted(document.items())))
        shapes.setdefault(shape, sample)
    return list(shapes.values())


def readings(vendor: str, sample: Sample) -> Iterator[Parsed]:
    hook, sender = hook_of(vendor), SENDERS[vendor]
    try:
        items = hook.admit(sender.sign(sample, sender.secrets), [sender.secrets]).items
    except BadSignature:
        return
    for item in items:
        yield hook.parse(item, ParseContext("RU", sender.parse_settings))


def check(parsed: Parsed, name: str) -> None:
    assert isinstance(parsed, Stated | News | Ignored | Malformed), name
    kept = storable(parsed)
    assert storable(kept) == kept, f"{name}: cleaning twice changes something"
    if isinstance(kept, Ignored | Malformed):
        assert kept.reason, name
    if isinstance(kept, Stated):
        for event in kept.events:
            assert from_document(to_document(event), CallEvent) == event, name
        fold(kept.events)
    str(to_document(kept)).encode()


@pytest.mark.parametrize("vendor", sorted(SENDERS))
def test_spoilt_samples_are_events_ignored_or_malformed(vendor: str) -> None:
    tried = 0
    for sample in kinds(SENDERS[vendor]):
        for name, mutant in mutants(SENDERS[vendor], sample):
            for parsed in readings(vendor, mutant):
                check(parsed, f"{sample.name}: {name}")
            tried += 1
    assert tried > 100


@pytest.mark.parametrize("vendor", sorted(SENDERS))
def test_megabyte_texts_are_events_ignored_or_malformed(vendor: str) -> None:
    for sample in kinds(SENDERS[vendor])[:4]:
        for name, mutant in mutants(SENDERS[vendor], sample, largest=True):
            if "megabyte" in name:
                for parsed in readings(vendor, mutant):
                    check(parsed, name)


@pytest.mark.parametrize("vendor", sorted(SENDERS))
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=300), topic=st.text(max_size=40))
@example(body=b"", topic="")
@example(body=b"\x00" * 9, topic="\x00\ud800")
def test_any_bytes_under_any_topic_are_answered(vendor: str, body: bytes, topic: str) -> None:
    """`parse` also reads what an older version admitted, so it must stand anything by itself."""
    check(hook_of(vendor).parse(InboxItem("k", topic, body), ParseContext("RU", {})), "any bytes")


@pytest.mark.parametrize("vendor", sorted(SENDERS))
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(("POST", "GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "")),
    topic=st.text(max_size=40),
    query=st.text(max_size=40),
    headers=st.dictionaries(
        st.sampled_from(("webhook-id", "webhook-timestamp", "webhook-signature", "content-type", "x-other")),
        st.text(max_size=40),
    ),
    body=st.binary(max_size=200),
)
def test_any_request_that_is_not_signed_is_refused_or_keeps_nothing(
    vendor: str, method: str, topic: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    request = HookRequest(method, topic, query, headers, body, RECEIVED_AT)
    try:
        assert not hook_of(vendor).admit(request, [SENDERS[vendor].secrets]).items
    except BadSignature:
        return
