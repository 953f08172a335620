"""`python -m simulators.bitrix24`, and under the hub's command `dozvon simulate bitrix24`."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path

import click

from .listening import PortTaken
from .simulator import Bitrix24Simulator

EXAMPLE = """
Example:

\b
  dozvon simulate bitrix24 --port 9201 --auth-port 9202 --ledger b24.jsonl
"""


@click.command("bitrix24", epilog=EXAMPLE)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=9201, show_default=True, help="The portal: REST, the page, /_sim/.")
@click.option("--auth-port", default=9202, show_default=True, help="The auth server.")
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append every request to this file, a JSON object a line.",
)
@click.option(
    "--lenient", is_flag=True, help="Webhooks may use telephony; a replaced refresh token works for a minute more."
)
@click.option("--simple-crm", is_flag=True, help="Contacts and deals instead of leads.")
@click.option("--seed", help="Invent the same credentials in every run.")
@click.option("--fault", "faults", multiple=True, help="A planned fault in JSON, as POST /_sim/faults takes it.")
@click.option("--name", default="b24", show_default=True, help="Name of the connection in the printed block.")
def command(
    host: str,
    port: int,
    auth_port: int,
    ledger: Path | None,
    lenient: bool,
    simple_crm: bool,
    seed: str | None,
    faults: tuple[str, ...],
    name: str,
) -> None:
    """Run a Bitrix24 portal and its auth server that behave as strictly as the real ones.

    Prints the connection for the hub's provisioning file. All credentials are invented. Ctrl-C ends it.
    """
    try:
        simulator = Bitrix24Simulator(port, auth_port, strict=not lenient, host=host, ledger_path=ledger, seed=seed)
    except PortTaken as taken:
        raise click.ClickException(str(taken)) from None
    except OSError as failure:
        raise click.ClickException(f"the ledger {ledger} cannot be written: {failure.strerror}") from None
    with simulator:
        _plan(simulator, faults)
        if simple_crm:
            simulator.settings.crm_mode = "simple"
        click.echo(f"# page: {simulator.base_url}/   controls: {simulator.base_url}/_sim/state")
        click.echo(simulator.provisioning(name))
        _until_told_to_stop()


def _plan(simulator: Bitrix24Simulator, faults: tuple[str, ...]) -> None:
    for fault in faults:
        try:
            simulator.faults.add_from_json(json.loads(fault))
        except ValueError as wrong:
            raise click.UsageError(f"--fault {fault}: {wrong}") from None


def _until_told_to_stop() -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
