"""`python -m bench`: every measurement of this project, one after the other, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import click

QUICK = {
    "intake": ["--seconds", "2", "--rounds", "2"],
    "growth": ["--quick"],
    "attribution": ["--quick"],
    "tracker": ["--quick"],
    "routing": ["--quick"],
    "portals": ["--seconds", "10"],
    "rules": ["--quick"],
}
"""The measurements, in their order, and what makes each of them short."""


@click.command(epilog="Example:  python -m bench growth --full")
@click.argument("names", nargs=-1, type=click.Choice(sorted(QUICK)))
@click.option("--full", is_flag=True, help="Measure at full length: up to a million rows, and more traffic.")
def main(names: tuple[str, ...], full: bool) -> None:
    """Run the benches NAMES, or all of them; exit 1 when one of them failed."""
    failed = []
    for name, quick in QUICK.items():
        if (names and name not in names) or find_spec(f"bench.{name}.__main__") is None:
            continue
        click.echo(f"\n== {name} ==\n")
        done = subprocess.run([sys.executable, "-m", f"bench.{name}", *([] if full else quick)], check=False)
        if done.returncode:
            failed.append(name)
    if failed:
        raise click.ClickException(f"{', '.join(failed)} did not come to an end")


if __name__ == "__main__":
    main()
