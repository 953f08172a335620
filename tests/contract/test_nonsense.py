"""Every vendor that sends is asked the same: what does a genuine request full of nonsense do?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from hub.domain.errors import BadSignature
from hub.domain.events import CallEvent
from tests.contract.asking import Asked, folded
from tests.contract.senders import Sample
from webhooks.contract import Ignored, Malformed, News, Parsed, Stated


def readings(asked: Asked, sample: Sample) -> list[Parsed]:
    """What comes of a signed sample that may be nonsense: nothing at all when it is refused."""
    try:
        return asked.parsed(sample)
    except BadSignature:
        return []


def test_cut_body_is_refused_or_malformed_and_never_more(asked: Asked) -> None:
    body = asked.sender.first.body
    whole = asked.parsed(asked.sender.first)
    for length in range(0, len(body), max(1, len(body) // 60)):
        for parsed in readings(asked, replace(asked.sender.first, body=body[:length])):
            assert isinstance(parsed, Stated | News | Ignored | Malformed)
            if asked.sender.signs_body:
                assert not isinstance(parsed, Stated), f"{length} bytes of {len(body)}"
                assert parsed not in whole


def test_extra_field_is_drift_and_no_failure(asked: Asked) -> None:
    for sample in asked.sender.samples:
        plain = asked.parsed(sample)
        extended = asked.with_fields(sample, {**asked.sender.read(sample.body), "brand_new_field": "x"})
        for before, after in zip(plain, asked.parsed(extended), strict=True):
            assert type(after) is type(before)
            if isinstance(before, Stated) and isinstance(after, Stated):
                assert folded(without_keys(after.events)) == folded(without_keys(before.events))
                assert "brand_new_field" in {one.name for one in after.drift}


def without_keys(events: Iterable[CallEvent]) -> list[CallEvent]:
    return [replace(event, event_key=str(place)) for place, event in enumerate(events)]


def test_missing_field_is_never_a_failure_and_the_needed_one_is_malformed(asked: Asked) -> None:
    for sample in asked.sender.samples:
        document = asked.sender.read(sample.body)
        for name in document:
            rest = {other: value for other, value in document.items() if other != name}
            for parsed in readings(asked, asked.with_fields(sample, rest)):
                assert isinstance(parsed, Stated | News | Ignored | Malformed)
    document = asked.sender.read(asked.sender.first.body)
    del document[asked.sender.needed]
    (parsed,) = asked.parsed(asked.with_fields(asked.sender.first, document))
    assert isinstance(parsed, Malformed)
    assert parsed.reason


def test_unknown_words_break_nothing(asked: Asked) -> None:
    for parsed in asked.parsed(asked.sender.odd):
        assert not isinstance(parsed, Malformed)
        if isinstance(parsed, Stated):
            assert any(one.kind == "word" for one in parsed.drift)


def test_unknown_topic_breaks_nothing(asked: Asked) -> None:
    sample = replace(asked.sender.first, topic=asked.sender.strange_topic)
    for parsed in readings(asked, sample):
        assert not isinstance(parsed, Malformed)


@pytest.mark.parametrize("rubbish", [b"\xff\xfe\x00", b"", b"null", b"[]", b"0", b'"x"', b"{", b"%", b"&&==", b"\x00"])
def test_rubbish_that_is_signed_is_refused_or_malformed(asked: Asked, rubbish: bytes) -> None:
    for parsed in readings(asked, replace(asked.sender.first, body=rubbish)):
        assert isinstance(parsed, Ignored | Malformed)
        assert parsed.reason


def test_text_that_is_not_utf8_is_refused_or_malformed(asked: Asked) -> None:
    first = asked.sender.first
    at = first.body.index(b"9")
    for parsed in readings(asked, replace(first, body=first.body[:at] + b"\xc3\x28" + first.body[at:])):
        assert isinstance(parsed, Ignored | Malformed)
