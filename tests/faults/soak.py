"""The soak: cycles of kills, flushes, restarts and a rude CRM under calls, by seed; the ledger's verdict at the end.

`python -m tests.faults.soak --cycles 1000 --seed 7` runs it by hand; `make soak` runs it through pytest.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from tests.e2e.hub import until
from tests.faults.judge import Verdict, judge
from tests.faults.process import Process
from tests.faults.rig import Rig, new_clients, running_rig
from tests.faults.stores import running_stores

BATCH_CYCLES = 50
"""After so many cycles everything must come to rest and is judged, so that a fault is found near its cause."""
REST_WITHIN_SECONDS = 120
PBX_TRIES = 90
"""Each event, with growing pauses: web processes are killed faster than a busy machine starts them, and what the PBX
gave up is not what is on trial here."""
_TIMELINES = ("A", "A", "B")


class Soak:
    """One rig under fire. Two workers and a web process run; whatever is killed is started again."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig = rig
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self._calls: list[Future[object]] = []
        self._pool = ThreadPoolExecutor(16)
        self._known = new_clients(5)
        self.disasters: dict[str, Callable[[], None]] = {
            "worker killed": lambda: self._replace("worker"),
            "web killed": lambda: self._replace("web"),
            "Redis flushed": rig.stores.flush_broker,
            "PostgreSQL restarted": rig.stores.restart_postgres,
            "CRM answers cut": self._cut,
            "CRM too fast or broken": self._phase,
            "CRM lost the answer of a write": self._lose,
            "database connections reset": rig.proxies["database"].drop_all,
        }
        self._weights = (8, 3, 4, 1, 4, 4, 4, 3)

    def start(self) -> None:
        self.rig.pbx.faults.tries = PBX_TRIES
        self.rig.pbx.faults.delivery = "shuffled"
        self.rig.pbx.faults.duplicate_share = 0.2
        self.rig.web()
        for _ in range(2):
            self.rig.worker()

    def run(self, cycles: int, say: Callable[[str], None] = print) -> Verdict:
        """So many cycles; stops at the first batch that is not in order."""
        started = time.monotonic()
        verdict = Verdict()
        for number in range(1, cycles + 1):
            self._cycle()
            if number % BATCH_CYCLES == 0 or number == cycles:
                verdict = self._come_to_rest()
                took = time.monotonic() - started
                say(f"{number} cycles in {took:.0f} s: {'in order' if verdict.in_order else 'NOT IN ORDER'}")
            if verdict.complaints:
                break
        verdict.counts |= {f"times: {name}": times for name, times in sorted(self.done.items())}
        return verdict

    def _cycle(self) -> None:
        timeline = self.chance.choice(_TIMELINES)
        client = self.chance.choice(self._known) if self.chance.random() < 0.1 else new_clients(1)[0]
        self._calls.append(self._pool.submit(self.rig.play, "A" if client in self._known else timeline, client))
        (name,) = self.chance.choices(list(self.disasters), self._weights)
        self.disasters[name]()
        self.done[name] += 1
        self.rig.roomy()

    def _replace(self, name: str) -> None:
        """SIGKILL, and a new one at once; it need not be ready before the next disaster."""
        victim = self.rig.running(name)
        victim.kill()
        self._shorten(victim)
        (self.rig.web if name == "web" else self.rig.worker)(wait=False)

    def _shorten(self, victim: Process) -> None:
        """Its log is judged now and then forgotten: a thousand of them are too many to read each time."""
        assert "Traceback" not in victim.text(), victim.text()[-3000:]

    def _cut(self) -> None:
        self.rig.proxies["crm"].rude.answers_to_cut += self.chance.randint(1, 3)

    def _phase(self) -> None:
        kind = self.chance.choice(["throttle", "error_before", "html_502", "drop_before"])
        self.rig.b24.faults.add(kind, "telephony.*", times=self.chance.randint(1, 3))

    def _lose(self) -> None:
        kind = self.chance.choice(["drop_after", "error_after", "html_502_after"])
        method = self.chance.choice(["telephony.externalCall.register", "telephony.externalCall.finish", "upload"])
        self.rig.b24.faults.add(kind, method, times=1)

    def _come_to_rest(self) -> Verdict:
        until(self.rig.is_ready, 60, "the web process is there")
        for call in self._calls:
            call.result(timeout=600)
        self._calls.clear()
        self.rig.b24.faults.clear()
        self.rig.proxies["crm"].behave()
        self.rig.settle(REST_WITHIN_SECONDS)
        return judge(self.rig)


def soak(cycles: int, seed: int, home: Path, say: Callable[[str], None] = print) -> Verdict:
    """Run it on stores of its own, and print the verdict's table."""
    with running_stores() as stores, running_rig(stores, home) as rig:
        one = Soak(rig, seed)
        one.start()
        verdict = one.run(cycles, say)
        say(f"soak: {cycles} cycles, seed {seed}\n{verdict.table()}")
        return verdict


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill, drop and flush under calls; then read the ledgers.")
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dozvon-soak-") as home:
        return 0 if soak(wishes.cycles, wishes.seed, Path(home)).in_order else 1


if __name__ == "__main__":
    sys.exit(main())
