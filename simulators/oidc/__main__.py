"""`python -m simulators.oidc`."""

from __future__ import annotations

from simulators.oidc.cli import command

command(prog_name="python -m simulators.oidc")
