"""The Mango stand-in on the command line."""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from simulators.common.serving import PortTaken
from simulators.common.words import PerTime
from simulators.mango.faults import Faults
from simulators.mango.pbx import MangoSimulator
from simulators.mango.timelines import LETTERS, TIMELINES
from simulators.mango.traffic import USUAL, Past, play_traffic, tell_past

EXAMPLE = """\b
Example:
  dozvon simulate mango --port 9101 --hub http://127.0.0.1:8080/hooks/TOKEN \\
      --api-key k --api-salt s --traffic 6/min --ledger mango.jsonl

Play one call by hand while it runs:
  curl -d '{"timeline": "missed", "client": "79001234567"}' http://127.0.0.1:9101/play
"""
_NAMES = [*LETTERS, "callback", *TIMELINES]
_SHARE = click.FloatRange(0, 1)


@click.command(name="mango", epilog=EXAMPLE)
@click.option("--port", default=9101, show_default=True, type=click.IntRange(0, 65535), help="Where to listen.")
@click.option("--hub", default="", help="The whole hook address of the connection: http://HOST/hooks/TOKEN.")
@click.option("--api-key", default="k", show_default=True, envvar="MANGO_API_KEY", help="vpbx_api_key.")
@click.option(
    "--api-salt", default="s", show_default=True, envvar="MANGO_API_SALT", help="What signatures are made with."
)
@click.option("--traffic", type=PerTime(), default="0", show_default=True, help="Calls on average, such as 6/min.")
@click.option("--past", default=0, type=click.IntRange(0), help="So many calls of the last hours, told at once.")
@click.option("--past-hours", default=6.0, show_default=True, type=click.FloatRange(0.5, 48), help="How far back.")
@click.option("--unreadable", default=0, type=click.IntRange(0), help="So many events that no hub can read.")
@click.option("--timeline", "timelines", multiple=True, type=click.Choice(_NAMES), help="Only these; may be repeated.")
@click.option("--line", "lines", multiple=True, help="Lines that are called, digits; may be repeated.")
@click.option("--ledger", "ledger_file", type=click.Path(dir_okay=False, path_type=Path), help="JSON lines file.")
@click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0), help="Real seconds per PBX second.")
@click.option("--seed", default=1, show_default=True, help="Of everything random.")
@click.option(
    "--delivery", default="parallel", show_default=True, type=click.Choice(["parallel", "in_order", "shuffled"])
)
@click.option("--drop", "drop_share", default=0.0, type=_SHARE, help="Share of events that are lost.")
@click.option("--duplicate", "duplicate_share", default=0.0, type=_SHARE, help="Share of events sent twice.")
@click.option("--delay", default=0.0, type=click.FloatRange(0), help="Up to so many seconds before an event is sent.")
@click.option(
    "--tries", default=1, show_default=True, type=click.IntRange(1), help="Tries of an event until it gets 2xx."
)
@click.option("--numbers-as-text", is_flag=True, help='Send "seq":"1" instead of "seq":1.')
@click.option("--missing-line-number", is_flag=True, help="Leave the line out of a leg's later events.")
@click.option("--error-form", default="400", show_default=True, type=click.Choice(["420", "200", "400"]))
@click.option("--recording-delay", default=0.0, type=click.FloatRange(0), help="Seconds from record/added to the file.")
def command(**options: Any) -> None:
    """A Mango Office PBX that plays calls to your hub and answers its commands."""
    for name in ("traffic", "past", "unreadable"):
        if options[name] and not options["hub"]:
            raise click.UsageError(f"--{name} needs --hub: where should the calls go?")
    pbx = MangoSimulator(
        hub_url=options["hub"],
        api_key=options["api_key"],
        api_salt=options["api_salt"],
        port=options["port"],
        seed=options["seed"],
        speed=options["speed"],
        ledger_file=options["ledger_file"],
        faults=_faults(options),
    )
    try:
        with pbx:
            click.echo(f"Mango stand-in: base_url {pbx.base_url}, ledger http://127.0.0.1:{pbx.port}/ledger")
            _run(
                pbx,
                options["traffic"],
                Past(options["past"], options["past_hours"], options["unreadable"]),
                options["timelines"] or USUAL,
                options["lines"] or ("74950000001",),
                options["seed"],
            )
    except PortTaken as error:
        raise click.ClickException(str(error)) from None


def _faults(options: dict[str, Any]) -> Faults:
    same = (
        "delivery",
        "drop_share",
        "duplicate_share",
        "tries",
        "numbers_as_text",
        "missing_line_number",
        "error_form",
    )
    return Faults(
        **{name: options[name] for name in same},
        delay_seconds=(0.0, options["delay"]),
        recording_delay_seconds=options["recording_delay"],
    )


def _run(
    pbx: MangoSimulator, per_second: float, past: Past, timelines: Sequence[str], lines: Sequence[str], seed: int
) -> None:
    """Until Ctrl-C or SIGTERM."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
    tell_past(pbx, past, timelines, lines, seed, stop)
    if per_second:
        play_traffic(pbx, per_second, timelines, lines, seed, stop)
    stop.wait()
