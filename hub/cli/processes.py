"""`dozvon web`, `worker`, `scheduler`: the hub's processes one by one, for production."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hub.cli.options import example, home_option, settings_for

if TYPE_CHECKING:
    from hub.config import Settings

LANES = ("urgent", "calls", "bulk")


def supervised_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--supervised`, which `up` gives its children: end, with the whole group, when the parent is gone."""
    return click.option("--supervised", is_flag=True, hidden=True, callback=_watch_parent, expose_value=False)(function)


def _watch_parent(_ctx: click.Context, _parameter: click.Parameter, supervised: bool) -> None:
    if supervised:
        from hub.children import end_group_with_parent

        end_group_with_parent()


def _process_settings(home: Path | None) -> Settings:
    """Settings of a single process; the embedded broker of an `up` on the same home is used when it runs."""
    settings = settings_for(home)
    if not settings.embedded_redis:
        return settings
    from hub.broker import running_broker_url

    return dataclasses.replace(settings, redis_url=running_broker_url(settings.home))


@click.command(epilog=example("dozvon web --host 0.0.0.0 --port 8080 --workers 2"))
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", type=click.IntRange(1, 64), help="Server processes.  [default: 1 on SQLite, else 2]")
@click.option("--threads", type=click.IntRange(1, 64), default=4, show_default=True, help="Threads of each process.")
@home_option
@supervised_option
def web(host: str, port: int, workers: int | None, threads: int, home: Path | None) -> None:
    """The web process: hooks, API, pages."""
    from hub.cli.serve import serve

    settings = _process_settings(home)
    if not settings.public_url:
        settings = dataclasses.replace(settings, public_url=f"http://{host}:{port}")
    serve(settings, host=host, port=port, workers=workers, threads=threads)


def _lanes(_ctx: click.Context, _parameter: click.Parameter, value: str) -> tuple[str, ...]:
    lanes = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    unknown = [lane for lane in lanes if lane not in LANES]
    if unknown or not lanes:
        raise click.BadParameter(f"lanes are {', '.join(LANES)}, separated by commas, not {value!r}.")
    return lanes


@click.command(epilog=example("dozvon worker --lane urgent,calls"))
@click.option("--lane", "lanes", default=",".join(LANES), show_default=True, callback=_lanes, metavar="LANE[,LANE…]")
@home_option
@supervised_option
def worker(lanes: tuple[str, ...], home: Path | None) -> None:
    """A worker: folds events into calls and delivers to the CRMs."""
    from hub.worker import run

    run(_process_settings(home), lanes)


@click.command(epilog=example("dozvon scheduler"))
@home_option
@supervised_option
def scheduler(home: Path | None) -> None:
    """The scheduler: sweeps for due work and rings the doorbells; one is enough."""
    from hub.scheduler import run

    run(_process_settings(home))
