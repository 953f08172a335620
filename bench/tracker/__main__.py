"""`python -m bench.tracker`: assignments and beats a second, with few and very many live visits, and through HTTP.

The tables go to docs/performance.md.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from bench.tracker.broker import Leased, measure_leases
from bench.tracker.doors import Door, measure_doors
from bench.tracker.page import measure_pages

LIVE = (100, 2_000, 10_000, 100_000)
QUICK_LIVE = (100, 5_000)


@click.command(epilog="Example:  python -m bench.tracker --quick")
@click.option("--numbers", default=1000, show_default=True, help="Numbers of the pool.")
@click.option("--seconds", default=5.0, show_default=True, help="How long each run through HTTP lasts.")
@click.option("--quick", is_flag=True, help="Less of everything, within 30 seconds.")
def main(numbers: int, seconds: float, quick: bool) -> None:
    """Print three Markdown tables: the lease script alone, the whole way through HTTP, and the page in a browser."""
    with tempfile.TemporaryDirectory() as folder:
        leased = measure_leases(Path(folder), numbers, QUICK_LIVE if quick else LIVE, 1000 if quick else 3000)
        _print_leases(leased)
    with tempfile.TemporaryDirectory() as folder:
        _print_doors(measure_doors(Path(folder), numbers, 1.5 if quick else seconds))
    with tempfile.TemporaryDirectory() as folder:
        click.echo("\n| paragraphs of the page | script on the main thread, ms | layout shift |\n|---:|---:|---:|")
        for cost in measure_pages(Path(folder), (50, 500) if quick else (50, 500, 5000)):
            click.echo(f"| {cost.paragraphs:,} | {cost.milliseconds:.1f} | {cost.shift:g} |")


def _print_leases(lines: list[Leased]) -> None:
    click.echo("| live visits | assignments/s | beats/s | Redis µs per assignment | per beat | rows/s into SQL |")
    click.echo("|---:|---:|---:|---:|---:|---:|")
    for line in lines:
        click.echo(
            f"| {line.live:,} | {line.assign:.0f} | {line.beat:.0f} | {line.assign_us:.0f} | {line.beat_us:.0f} "
            f"| {line.rows:.0f} |"
        )


def _print_doors(lines: list[Door]) -> None:
    click.echo("\n| processes | what | a second | p50 / p99 ms | CPU ms in the hub | in Redis | in the load |")
    click.echo("|---:|---|---:|---:|---:|---:|---:|")
    for line in lines:
        spent = f"{line.hub_ms:.2f} | {line.redis_ms:.2f} | {line.load_ms:.2f}"
        click.echo(
            f"| {line.workers} | {line.what} | {line.measured.per_second:.0f} "
            f"| {line.measured.p50_ms:.1f} / {line.measured.p99_ms:.1f} | {spent} |"
        )


if __name__ == "__main__":
    main()
