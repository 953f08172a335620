"""How a call's events go to the sender: each at once, one after the other, or shuffled at the end."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from simulators.mango.faults import Faults
from simulators.mango.sending import Body, Delivery, Sender


@dataclass(slots=True)
class Tape:
    """Passes a call's events on to the sender, in the way that the faults ask for."""

    sender: Sender
    faults: Faults
    futures: list[Future[Delivery]] = field(default_factory=list)
    kept: list[tuple[str, Body]] = field(default_factory=list)
    after_sending: Callable[[str], None] | None = None

    def takes(self, path: str, body: Body) -> None:
        # The file is there when its event is on its way, whether or not the event arrives.
        if self.after_sending is not None:
            self.after_sending(path)
        if self.faults.delivery == "shuffled":
            self.kept.append((path, body))
            return
        self._send(path, body)

    def runs_out(self) -> tuple[Delivery, ...]:
        """Wait for every answer."""
        for path, body in self.sender.shuffled(self.kept):
            self._send(path, body)
        return tuple(future.result() for future in self.futures)

    def _send(self, path: str, body: Body) -> None:
        dressed = _without_line(body) if self.faults.missing_line_number and path == "/events/call" else body
        started = self.sender.send(path, dressed)
        self.futures += started
        if self.faults.delivery == "in_order":
            for future in started:
                future.result()


def _without_line(body: Body) -> Body:
    """Later events of a leg sometimes lack the line (mango.md §2.1)."""
    if body["seq"] == 1:
        return body
    return {**body, "to": {name: value for name, value in body["to"].items() if name != "line_number"}}
