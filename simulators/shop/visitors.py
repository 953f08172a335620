"""Visitors without a browser: they say to the hub what the tracker would say; some call, some ask to be called."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import urllib3

from simulators.shop.ringing import Ring

_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
_ADS = (
    ("/?utm_source=yandex&utm_medium=cpc&utm_campaign=spring", ""),
    ("/?utm_source=vk&utm_medium=cpc&utm_campaign=doors", ""),
    ("/?gclid=demo-click", ""),
    ("/", "https://yandex.ru/"),
    ("/", "https://www.google.com/"),
    ("/", ""),
)
_CALLERS = 0.3
_ASKERS = 0.3
_FIRST_VISITORS = 8
_LATER = 0.4
_NAMES = ("Ольга", "Иван", "Мария", "Пётр")
_SHORTEST_SECONDS, _USUAL_SECONDS = 5.0, 25.0


def send_visitors(tracker: str, origin: str, per_second: float, ring: Ring, seed: int, stop: threading.Event) -> None:
    """Until `stop` is set, visitors come to the site at `origin`, `per_second` on average. `tracker` is the address of
    the site's script without its ending. Returns at once."""
    threading.Thread(
        target=_come, args=(tracker, origin, per_second, ring, Random(seed), stop), name="visitors", daemon=True
    ).start()


def _come(tracker: str, origin: str, per_second: float, ring: Ring, chance: Random, stop: threading.Event) -> None:
    _wait_for(f"{tracker}.js", stop)
    number = 0
    while not stop.wait(0 if number < _FIRST_VISITORS else chance.expovariate(per_second)):
        number += 1
        visit = threading.Thread(
            target=_visit, args=(tracker, origin, ring, Random(chance.random()), stop), daemon=True
        )
        visit.start()


def _wait_for(script: str, stop: threading.Event) -> None:
    """Until the hub hands out the site's script: before that there is nobody to say anything to."""
    pool = urllib3.PoolManager(retries=False, timeout=5.0)
    while not stop.is_set():
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            if pool.request("GET", script).status == 200:
                return
        stop.wait(0.5)


def _visit(tracker: str, origin: str, ring: Ring, chance: Random, stop: threading.Event) -> None:
    path, referrer = chance.choice(_ADS)
    say = _speaker(tracker, origin, f"203.0.113.{chance.randrange(1, 255)}")
    answer = say("visit", {"url": origin + path, "ref": referrer, "title": "Двери «Акме»", "c": 1})
    visit, number = answer.get("visit"), answer.get("number")
    if not visit:
        return
    stop.wait(_SHORTEST_SECONDS + chance.expovariate(1 / _USUAL_SECONDS))
    if number:
        say("beat", {"v": visit, "had": number, "seen": {"url": origin + path, "texts": 1, "links": 1}})
    say("pages", {"v": visit, "pages": [{"url": f"{origin}/doors", "title": "Двери"}]})
    if number and chance.random() < _CALLERS:
        ring(str(number))
        stop.wait(_SHORTEST_SECONDS)
    elif chance.random() < _ASKERS:
        say("callback", {"visit": visit, "page": f"{origin}/doors", **_wish(chance)})
    say("bye", {"v": visit})


def _wish(chance: Random) -> dict[str, Any]:
    """What a visitor fills into the form; some want to be called later."""
    wish = {"phone": f"+7900123{chance.randrange(10**4):04}", "name": chance.choice(_NAMES), "consent": "2026-01"}
    if chance.random() < _LATER:
        wish["when"] = (datetime.now(UTC) + timedelta(hours=chance.randrange(2, 20))).isoformat(timespec="seconds")
    return wish


def _speaker(tracker: str, origin: str, address: str) -> Any:
    """`address` is where the visitor comes from; a hub that trusts no proxy sees this machine's instead."""
    pool = urllib3.PoolManager(retries=False, timeout=5.0)
    headers = {"Origin": origin, "User-Agent": _AGENT, "X-Forwarded-For": address}

    def say(what: str, said: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = pool.request("POST", f"{tracker}/{what}", json=said, headers=headers)
            return answer.json() if answer.status == 200 else {}
        except (urllib3.exceptions.HTTPError, ValueError):
            return {}

    return say
