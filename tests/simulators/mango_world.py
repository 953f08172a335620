"""What the Mango tests share: a PBX whose clock the test moves, and a hub that listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from simulators.mango import Faults, MangoSimulator
from tests.simulators.hub import ListeningHub, listening_hub
from tests.simulators.mango_client import KEY, SALT, Client


@dataclass
class Clock:
    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def passes(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class World:
    pbx: MangoSimulator
    hub: ListeningHub
    client: Client
    clock: Clock


@contextmanager
def mango_world(faults: Faults | None = None) -> Iterator[World]:
    clock = Clock()
    faults = faults or Faults()
    faults.result_delay_seconds = (0.0, 0.01)
    with (
        listening_hub() as hub,
        MangoSimulator(
            hub_url=hub.url, hook_token="TOKEN", api_key=KEY, api_salt=SALT, faults=faults, clock=clock
        ) as pbx,
    ):
        yield World(pbx, hub, Client(pbx.base_url), clock)
