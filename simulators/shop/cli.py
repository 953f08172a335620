"""The shop on the command line."""

from __future__ import annotations

import signal
import threading
from random import Random

import click

from simulators.common.serving import PortTaken, serving
from simulators.common.words import PerTime
from simulators.shop.page import shop_app
from simulators.shop.ringing import ring_by
from simulators.shop.visitors import send_visitors

EXAMPLE = """\b
Example:
  dozvon simulate shop --port 8090 --hub http://127.0.0.1:8080 --site shop --pbx http://127.0.0.1:9101
"""


@click.command(name="shop", epilog=EXAMPLE)
@click.option("--port", default=8090, show_default=True, type=click.IntRange(0, 65535), help="Where to listen.")
@click.option("--hub", default="http://127.0.0.1:8080", show_default=True, help="The hub's address.")
@click.option("--site", default="shop", show_default=True, help="The key of the site.")
@click.option("--number", default="8 (495) 000-00-00", show_default=True, help="The number that the page shows.")
@click.option("--pbx", default="", help="The Mango stand-in, through which the page's button and visitors call.")
@click.option("--visitors", type=PerTime(), default="0", show_default=True, help="Visits on average, such as 6/min.")
@click.option("--seed", default=1, show_default=True, help="Of everything random.")
def command(port: int, hub: str, site: str, number: str, pbx: str, visitors: float, seed: int) -> None:
    """A shop page with the tracker on it, and visitors who call."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stop.set())
    tracker = f"{hub.rstrip('/')}/t/{site}"
    ring = ring_by(pbx.rstrip("/"), Random(seed))
    try:
        with serving(shop_app(f"{tracker}.js", number, ring), port) as listening:
            origin = f"http://127.0.0.1:{listening}"
            click.echo(f"Shop stand-in: {origin}/")
            if visitors:
                send_visitors(tracker, origin, visitors, ring, seed, stop)
            stop.wait()
    except PortTaken as error:
        raise click.ClickException(str(error)) from None
