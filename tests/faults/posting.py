"""Single signed events, posted by hand: where the PBX's own way of sending is not what is on trial."""

from __future__ import annotations

import http.client
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from simulators.mango.signature import sign
from tests.faults.rig import PBX_KEY, PBX_SALT

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Event:
    """A topic and the form that is posted to it."""

    topic: str
    form: bytes


@dataclass(frozen=True)
class Answer:
    """`status` is None when there was none; `seconds` is how long the sender waited."""

    status: int | None
    seconds: float


def signed(topic: str, text: str, *, key: str = PBX_KEY, salt: str = PBX_SALT) -> Event:
    form = {"vpbx_api_key": key, "sign": sign(key, text, salt), "json": text}
    return Event(topic, urlencode(form).encode())


def small_event(**fields: object) -> Event:
    """A genuine event that makes no call: a key that somebody pressed. Each one is another."""
    body: Mapping[str, object] = {"seq": next(_numbers), "dtmf": "5", "timestamp": 1767225600, **fields}
    return signed("events/dtmf", json.dumps(body))


def post(hook_url: str, event: Event, within_seconds: float = 10.0) -> Answer:
    address = urlsplit(hook_url)
    started = time.monotonic()
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=within_seconds)
    try:
        connection.request(
            "POST",
            f"{address.path}/{event.topic}",
            event.form,
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        status: int | None = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        status = None
    finally:
        connection.close()
    return Answer(status, time.monotonic() - started)
