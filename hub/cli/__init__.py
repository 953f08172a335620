"""The command line: `dozvon …`. Commands import what they need when they run, so `--help` is quick."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from hub.cli.errors import show

_COMMANDS = {
    "up": "hub.cli.up:up",
    "demo": "hub.cli.up:demo",
    "web": "hub.cli.processes:web",
    "worker": "hub.cli.processes:worker",
    "scheduler": "hub.cli.processes:scheduler",
    "apply": "hub.cli.provision:apply",
    "export": "hub.cli.provision:export",
    "amocrm": "hub.cli.amocrm:amocrm",
    "simulate": "hub.cli.simulate:simulate",
    "doctor": "hub.cli.doctor:doctor",
    "replay": "hub.cli.replay:replay",
    "reconcile": "hub.cli.reconcile:reconcile",
    "ring-test": "hub.cli.ring_test:ring_test",
    "mapping": "hub.cli.mapping:mapping",
    "db": "hub.cli.store:db",
    "user": "hub.cli.access:user",
    "key": "hub.cli.people:key",
}


class _LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example:  dozvon apply acme.toml && dozvon up",
)
@click.version_option(package_name="dozvon", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show where an unexpected error came from.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """The hub between telephony and CRM: every call reaches the right CRM, once, with the right person."""
    ctx.meta["dozvon.debug"] = debug


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code: 0 done, 1 failure, 2 wrong use, 130 interrupted."""
    context: click.Context | None = None
    try:
        context = cli.make_context("dozvon", list(arguments))
        with context:
            result = cli.invoke(context)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except BaseException as error:  # noqa: BLE001 - whatever it is, people get one line
        return show(error, context.meta if context else {})


def main() -> None:
    """The `dozvon` program."""
    sys.exit(run(sys.argv[1:]))
