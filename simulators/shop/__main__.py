"""`python -m simulators.shop`."""

from __future__ import annotations

from simulators.shop.cli import command

command(prog_name="python -m simulators.shop")
