"""`dozvon up` and `dozvon demo`: everything in one go."""

from __future__ import annotations

from pathlib import Path

import click

from hub.cli.options import example, home_option, settings_for

_PORT = click.IntRange(0, 65535)
_READY = "Dozvon is ready: "


@click.command(epilog=example("dozvon up --host 0.0.0.0 --port 8080 --home /srv/dozvon"))
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8080, show_default=True, type=_PORT, help="0 picks a free one.")
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Worker processes for all lanes.  [default: one per lane group]"
)
@home_option
def up(host: str, port: int, workers: int | None, home: Path | None) -> None:
    """Web, workers and scheduler in one go, on embedded stores unless others are set."""
    from hub.supervisor import Layout, bring_up
    from hub.welcome import welcome

    settings = settings_for(home)

    def say(line: str) -> None:
        click.echo(line)
        if line.startswith(_READY):
            click.echo("\n".join(welcome(settings, line.removeprefix(_READY))))

    bring_up(settings, Layout(host, port, workers), say)


@click.command(epilog=example("dozvon demo --port 8080 --seed 7"))
@click.option("--port", default=8080, show_default=True, type=_PORT, help="Where the hub listens; 0 picks a free one.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same callers and calls.")
@home_option
def demo(port: int, seed: int, home: Path | None) -> None:
    """The hub with stand-ins for a PBX and a CRM, an example workspace and a little traffic."""
    from hub.demo import run_demo

    run_demo(port=port, seed=seed, home=home, say=click.echo)
