"""Words on the stand-ins' command lines that click does not know."""

from __future__ import annotations

import re

import click

_SECONDS = {"s": 1, "sec": 1, "min": 60, "h": 3600, "hour": 3600}


class PerTime(click.ParamType[float]):
    """A rate such as "6/min", "2/s" or "100/h"; the value is events per second, a float. "0" is none."""

    name = "rate"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        text = str(value).strip()
        if text == "0":
            return 0.0
        match = re.fullmatch(r"(\d+(?:\.\d+)?)/(s|sec|min|h|hour)", text)
        if match is None:
            self.fail(f"{text!r} is not a rate: write it as 6/min, 2/s or 100/h", param, ctx)
        return float(match[1]) / _SECONDS[match[2]]
