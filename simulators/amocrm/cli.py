"""`python -m simulators.amocrm`, and under the hub's command `dozvon simulate amocrm`."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Literal

import click

from simulators.common.serving import PortTaken

from .simulator import REDIRECT_URI, AmoCrmSimulator

EXAMPLE = """Example: dozvon simulate amocrm --port 9301 --ledger amo.jsonl"""


@click.command("amocrm", epilog=EXAMPLE)
@click.option("--port", default=9301, show_default=True, help="The first account's port; the next ones follow it.")
@click.option(
    "--account", "accounts", multiple=True, default=("demo",), show_default=True, help="Subdomain; may be repeated."
)
@click.option(
    "--ledger",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Append every request to this file, a JSON object a line.",
)
@click.option(
    "--mode",
    type=click.Choice(["strict", "grace"]),
    default="strict",
    show_default=True,
    help="A used refresh token dies at once, or when the new pair is first used.",
)
@click.option("--redirect-uri", default=REDIRECT_URI, show_default=True, help="Registered address of the integration.")
@click.option("--disconnect-url", default="", help="Hook that is told when the integration is disabled.")
@click.option("--seed", help="Invent the same credentials in every run.")
@click.option("--name", default="amo", show_default=True, help="Name of the connection in the printed block.")
def command(
    port: int,
    accounts: tuple[str, ...],
    ledger: Path | None,
    mode: Literal["strict", "grace"],
    redirect_uri: str,
    disconnect_url: str,
    seed: str | None,
    name: str,
) -> None:
    """Run amoCRM accounts that behave as strictly as the real ones.

    Prints a connection for the hub's provisioning file for each. All credentials are invented. Ctrl-C ends it.
    """
    try:
        simulator = AmoCrmSimulator(
            port,
            accounts,
            mode=mode,
            redirect_uri=redirect_uri,
            disconnect_url=disconnect_url,
            ledger_path=ledger,
            seed=seed,
        )
    except (PortTaken, ValueError) as wrong:
        raise click.ClickException(str(wrong)) from None
    except OSError as failure:
        raise click.ClickException(f"the ledger {ledger} cannot be written: {failure.strerror}") from None
    with simulator:
        for number, account in enumerate(simulator.accounts, start=1):
            click.echo(f"# page: {account.base_url}/   controls: {account.base_url}/_sim/state")
            click.echo(account.provisioning(name if number == 1 else f"{name}{number}"))
        _until_told_to_stop()


def _until_told_to_stop() -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
