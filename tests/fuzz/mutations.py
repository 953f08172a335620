"""Each sample, spoilt in every way of the catalogue (reliability.md §4.6), one way at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote_from_bytes

from tests.contract.senders import Sample, Sender

_DEPTH = 10_000
LONG = 1_000_000

VALUES: Mapping[str, Any] = {
    "null": None,
    "empty": "",
    "true": True,
    "zero": 0,
    "negative": -1,
    "2^31": 2**31,
    "2^63": 2**63,
    "-2^63": -(2**63),
    "huge": 10**400,
    "fraction": 1.5,
    "1e308": 1e308,
    "NaN": float("nan"),
    "infinity": float("inf"),
    "2^63 as text": str(2**63),
    "long past": -62135596800,
    "far future": 253402300799,
    "year 0001": "0001-01-01T00:00:00+14:00",
    "year 9999": "9999-12-31T23:59:59-14:00",
    "list": [],
    "list of itself": [[]],
    "object": {},
    "NUL": "a\x00b",
    "only NUL": "\x00",
    "half a character": "\ud800",
    "control": "\x01\x7f\u202e",
    "markup": "<script>alert(1)</script>",
    "formula": "=1+1",
    "long word": "x" * 400,
    "many digits": "7" * 400,
    "not a moment": "2026-13-45T99:99:99Z",
}
"""Put in the place of every value. Also: the value dropped, its key twice, and what cannot be said in JSON."""


def mutants(sender: Sender, sample: Sample, *, largest: bool = False) -> Iterator[tuple[str, Sample]]:
    """`(name, sample)` for every way; `largest` adds the megabyte texts, which take their time."""
    spoilt = _json(sample) if sample.body.startswith(b"{") else _form(sender, sample)
    for name, body in (*spoilt, *_raw(sample.body)):
        yield name, replace(sample, name=f"{sample.name}: {name}", body=body)
    if largest:
        for name, body in _large(sender, sample):
            yield name, replace(sample, name=f"{sample.name}: {name}", body=body)


def _raw(body: bytes) -> Iterator[tuple[str, bytes]]:
    middle = len(body) // 2
    yield "bad UTF-8", body[:middle] + b"\xff\xfe\xc3\x28" + body[middle:]
    yield "NUL bytes", body[:middle] + b"\x00" + body[middle:]
    yield "byte order mark", b"\xef\xbb\xbf" + body
    yield "UTF-16", body.decode().encode("utf-16")
    yield "twice", body + body
    yield "cut", body[:middle]
    yield "deep", b'{"a":' * _DEPTH + b"1" + b"}" * _DEPTH
    yield "deep list", b"[" * _DEPTH + b"]" * _DEPTH


# --- JSON ------------------------------------------------------------------------------------------


def _json(sample: Sample) -> Iterator[tuple[str, bytes]]:
    document = json.loads(sample.body)
    for path in _paths(document):
        where = ".".join(path)
        yield f"{where} dropped", json.dumps(_without(document, path)).encode()
        yield f"{where} twice", _twice(document, path)
        yield f"{where} deep", _placed(document, path, b"[" * _DEPTH + b"]" * _DEPTH)
        for name, value in VALUES.items():
            yield f"{where} {name}", json.dumps(_with(document, path, value)).encode()


def _paths(document: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in document.items():
        yield (*before, name)
        if isinstance(value, dict):
            yield from _paths(value, (*before, name))


def _with(document: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    name, *rest = path
    return {**document, name: _with(document[name], tuple(rest), value) if rest else value}


def _without(document: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    name, *rest = path
    if rest:
        return {**document, name: _without(document[name], tuple(rest))}
    return {other: value for other, value in document.items() if other != name}


def _twice(document: Mapping[str, Any], path: tuple[str, ...]) -> bytes:
    """The key once more at the same level, with another value."""
    mark = "\u0001"
    text = json.dumps(_with(document, path, mark))
    return text.replace(json.dumps(mark), f'1, {json.dumps(path[-1])}: "second"').encode()


def _placed(document: Mapping[str, Any], path: tuple[str, ...], raw: bytes) -> bytes:
    mark = "\u0001"
    return json.dumps(_with(document, path, mark)).encode().replace(json.dumps(mark).encode(), raw)


# --- Forms -----------------------------------------------------------------------------------------


def _form(sender: Sender, sample: Sample) -> Iterator[tuple[str, bytes]]:
    document = sender.read(sample.body)
    for name in document:
        rest = {other: value for other, value in document.items() if other != name}
        yield f"{name} dropped", sender.write(rest)
        yield f"{name} twice", sample.body + b"&" + sender.write({name: "second"})
        yield f"{name} as a list", sender.write({**rest, f"{name}[]": "1"})
        for kind, value in VALUES.items():
            text = value if isinstance(value, str) else json.dumps(value)
            pair = f"{_quoted(name)}={_quoted(text)}".encode()
            yield f"{name} {kind}", b"&".join(filter(None, (sender.write(rest), pair)))
    yield "thousand fields", sample.body + b"".join(b"&f%d=1" % number for number in range(1000))


def _quoted(text: str) -> str:
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"), safe="")


# --- Large -----------------------------------------------------------------------------------------


def _large(sender: Sender, sample: Sample) -> Iterator[tuple[str, bytes]]:
    document = sender.read(sample.body)
    for name, value in document.items():
        if isinstance(value, str):
            yield f"{name} of a megabyte", sender.write({**document, name: "x" * LONG})
            yield f"{name} of a megabyte of digits", sender.write({**document, name: "7" * LONG})
