"""From the PBX to the hub: signed events, in parallel, with the faults asked for (mango.md §1.2, §1.4, §9)."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import urllib3

from simulators.common.ledger import Ledger
from simulators.mango.faults import Faults
from simulators.mango.signature import sign

Body = Mapping[str, Any]
FORM = "application/x-www-form-urlencoded"
_MOST_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event and what became of it: `status` is the hub's last HTTP answer, None when there was none."""

    path: str
    body: Body
    status: int | None
    tries: int
    dropped: bool = False

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """`hub_url` is the connection's hook address, to which sub-paths are appended; empty: nothing is sent."""

    def __init__(self, hub_url: str, api_key: str, api_salt: str, faults: Faults, ledger: Ledger, seed: int) -> None:
        self.hook_address = hub_url
        self._api_key = api_key
        self._api_salt = api_salt
        self._faults = faults
        self._ledger = ledger
        self._random = random.Random(seed)
        self._random_lock = threading.Lock()
        self._http = urllib3.PoolManager(maxsize=_MOST_AT_ONCE, retries=False)
        self._pool = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="mango-event")

    def send(self, path: str, body: Body) -> list[Future[Delivery]]:
        """Start to send one event; a duplicated one gives two futures."""
        if (
            not self.hook_address
            or self._chance(self._faults.drop_share)
            or (self._faults.drop_if and self._faults.drop_if(path, body))
        ):
            return [_finished(self._dropped(path, body))]
        text = json.dumps(self._dressed(body), ensure_ascii=False, separators=(",", ":"))
        copies = 2 if self._chance(self._faults.duplicate_share) else 1
        return [self._pool.submit(self._deliver, path, body, text, copy > 0) for copy in range(copies)]

    def check_connection(self) -> int | None:
        """The "check connection" button: a POST to /ping without `json` (mango.md §1.2). Returns the HTTP status."""
        status = self._post("/ping", urlencode({"vpbx_api_key": self._api_key}))
        self._ledger.write("event", path="/ping", json=None, status=status, tries=1, dropped=False, duplicate=False)
        return status

    def pick(self, low: float, high: float) -> float:
        """A random number of this run's seed."""
        with self._random_lock:
            return self._random.uniform(low, high)

    def shuffled(self, items: list[tuple[str, Body]]) -> list[tuple[str, Body]]:
        with self._random_lock:
            return self._random.sample(items, len(items))

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.clear()

    def _chance(self, share: float) -> bool:
        return share > 0 and self.pick(0, 1) < share

    def _dressed(self, body: Body) -> Body:
        return _as_text(body) if self._faults.numbers_as_text else body

    def _dropped(self, path: str, body: Body) -> Delivery:
        self._ledger.write("event", path=path, json=body, status=None, tries=0, dropped=True, duplicate=False)
        return Delivery(path, body, None, 0, dropped=True)

    def _deliver(self, path: str, body: Body, text: str, is_copy: bool) -> Delivery:
        time.sleep(self.pick(*self._faults.delay_seconds))
        form = urlencode(
            {"vpbx_api_key": self._api_key, "sign": sign(self._api_key, text, self._api_salt), "json": text}
        )
        status, tries = None, 0
        for tries in range(1, self._faults.tries + 1):
            status = self._post(path, form)
            if status is not None and 200 <= status < 300:
                break
            time.sleep(0.1 * tries if tries < self._faults.tries else 0)
        self._ledger.write("event", path=path, json=body, status=status, tries=tries, dropped=False, duplicate=is_copy)
        return Delivery(path, body, status, tries)

    def _post(self, path: str, form: str) -> int | None:
        try:
            answer = self._http.request(
                "POST",
                self.hook_address.rstrip("/") + path,
                body=form,
                headers={"Content-Type": FORM},
                timeout=self._faults.answer_within_seconds,
            )
        except urllib3.exceptions.HTTPError:
            return None
        return answer.status


def _finished(delivery: Delivery) -> Future[Delivery]:
    future: Future[Delivery] = Future()
    future.set_result(delivery)
    return future


def _as_text(value: Any) -> Any:
    """Integers as the strings that P17's samples show, at any depth."""
    if isinstance(value, Mapping):
        return {name: _as_text(each) for name, each in value.items()}
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
