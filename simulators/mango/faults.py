"""How the PBX misbehaves, on demand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ErrorForm = Literal["420", "200", "400"]
Delivery = Literal["parallel", "in_order", "shuffled"]
CallbackOutcome = Literal["answered", "operator_no_answer", "operator_declined", "client_no_answer", "client_busy"]


@dataclass(slots=True)
class Faults:
    """Switches; all may be turned while the PBX runs. Shares are of 1, times in real seconds.

    `delivery`: "parallel" sends each event at once and waits for no answer (as Mango does), "in_order" waits for each
    answer, "shuffled" keeps a call's events and sends them in random order when it is over. `tries`: how often an
    event is sent until it gets a 2xx (Mango's own policy is not documented; 1 by default).
    """

    delivery: Delivery = "parallel"
    drop_share: float = 0.0
    drop_if: Callable[[str, Mapping[str, Any]], bool] | None = None
    duplicate_share: float = 0.0
    delay_seconds: tuple[float, float] = (0.0, 0.0)
    numbers_as_text: bool = False
    missing_line_number: bool = False
    tries: int = 1
    answer_within_seconds: float = 5.0

    error_form: ErrorForm = "400"
    unknown_extension_code: int = 3330
    state_errors: Literal["result", "answer"] = "result"
    result_delay_seconds: tuple[float, float] = (0.05, 0.5)
    callback_code: int = 1000
    callback_outcome: CallbackOutcome = "answered"
    callback_outcomes: deque[CallbackOutcome] = field(default_factory=deque)
    out_of_service: bool = False
    rate_limits: bool = True
    lock_out: bool = True

    ani_routing: bool = True
    recording_delay_seconds: float = 0.0
    recording_404_times: int = 0
    recording_links: bool = False
    stats_polls: int = 1
    stats_result_path: Literal["stat", "stats"] = "stat"
    dct_wrapped: bool = True

    def next_callback_outcome(self) -> CallbackOutcome:
        """The first of the scripted outcomes, else the standing one."""
        return self.callback_outcomes.popleft() if self.callback_outcomes else self.callback_outcome
