"""A hub that nobody can log in to yet, between a PBX and the CRMs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from simulators.bitrix24 import Bitrix24Simulator
from simulators.mango import MangoSimulator
from tests.e2e.hub import Hub, environment_for, start_hub, until
from tests.services import free_port

API_KEY, API_SALT = "demoapikey000000000000000000abcd", "demoapisalt00000000000000000wxyz"


@dataclass
class Scene:
    hub: Hub
    pbx: MangoSimulator
    b24: Bitrix24Simulator


@contextmanager
def empty_hub(home: Path) -> Iterator[Scene]:
    environment = environment_for(home)
    with (
        Bitrix24Simulator(strict=False) as b24,
        MangoSimulator(hub_url="", api_key=API_KEY, api_salt=API_SALT) as pbx,
    ):
        hub = start_hub(home, environment, free_port())
        try:
            yield Scene(hub, pbx, b24)
        finally:
            hub.stop()


def printed_address(scene: Scene) -> str:
    """Where the output of `dozvon up` sends whoever has started it."""
    pattern = re.compile(r"http://\S+/admin/first\?key=\S+")
    until(lambda: pattern.search(scene.hub.log()), what="the address")
    return str(pattern.findall(scene.hub.log())[0])
