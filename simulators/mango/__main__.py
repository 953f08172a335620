from __future__ import annotations

from simulators.mango.cli import command

command(prog_name="python -m simulators.mango")
