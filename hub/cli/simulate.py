"""`dozvon simulate VENDOR`: one stand-in on its own."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

import click

from hub.cli.options import example


class _Vendors(click.Group):
    """Every folder of `simulators` that has a command of its own."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        import simulators

        names = [module.name for module in iter_modules(simulators.__path__) if module.ispkg]
        return sorted(name for name in names if find_spec(f"simulators.{name}.cli"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"simulators.{cmd_name}.cli").command
        return command


@click.command(
    cls=_Vendors,
    subcommand_metavar="VENDOR [--port N] [--ledger FILE]",
    epilog=example("dozvon simulate mango --port 9101 --ledger mango.jsonl"),
)
def simulate() -> None:
    """A runnable stand-in for one outside system."""
