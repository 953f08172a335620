"""What the stand-in tells of the time before anybody looked."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from simulators.mango import MangoSimulator
from simulators.mango.traffic import USUAL, Past, tell_past
from tests.simulators.hub import listening_hub


def test_calls_of_the_last_hours_are_told_at_once_however_slow_the_clock_goes() -> None:
    began, now = time.monotonic(), datetime.now(UTC)
    with listening_hub() as hub, MangoSimulator(hub_url=hub.url, hook_token="T", speed=1.0) as pbx:
        tell_past(pbx, Past(calls=6, hours=5.0), USUAL, ["74950000001"], 1, threading.Event())
        summaries = hub.events("/events/summary")
    assert time.monotonic() - began < 20
    starts = [summary["create_time"] for summary in summaries]
    assert len(starts) == 6
    assert min(starts) > (now - timedelta(hours=5, seconds=5)).timestamp()
    assert max(starts) < (now - timedelta(minutes=11)).timestamp()
    assert max(starts) - min(starts) > 1800


def test_unreadable_events_are_signed_and_lack_what_every_event_has() -> None:
    with listening_hub() as hub, MangoSimulator(hub_url=hub.url, hook_token="T") as pbx:
        tell_past(pbx, Past(unreadable=2), USUAL, ["74950000001"], 1, threading.Event())
    forms = [heard.form for heard in hub.heard if "json" in heard.form]
    assert all(form["sign"] for form in forms)
    first, second = sorted(hub.events("/events/call"), key=lambda event: str(event["call_id"]))
    assert first["timestamp"] == "just now"
    assert "entry_id" not in second


def test_nothing_is_told_before_a_hub_listens() -> None:
    with listening_hub() as hub, MangoSimulator(hub_url=hub.url, hook_token="T") as pbx:
        hub.status = lambda number: 503 if number < 3 else 200
        tell_past(pbx, Past(calls=1), USUAL, ["74950000001"], 1, threading.Event())
    pings = [heard for heard in hub.heard if heard.path.endswith("/ping")]
    assert len(pings) == 3
    assert len(hub.events("/events/summary")) == 1
