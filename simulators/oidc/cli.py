"""The provider on the command line."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from simulators.common.serving import PortTaken
from simulators.oidc.faults import FAULTS
from simulators.oidc.simulated import simulated
from simulators.oidc.state import Client, Person

EXAMPLE = """\b
Example:
  dozvon simulate oidc --port 9401 --hub http://127.0.0.1:8080 --person owner@acme.example
"""


@click.command(name="oidc", epilog=EXAMPLE)
@click.option("--port", default=9401, show_default=True, type=click.IntRange(0, 65535), help="Where to listen.")
@click.option("--hub", default="http://127.0.0.1:8080", show_default=True, help="The hub's address.")
@click.option("--client-id", default="dozvon", show_default=True, help="The hub's id here.")
@click.option("--client-secret", default="secret", show_default=True, help="Its secret; empty for a public client.")
@click.option("--person", "emails", multiple=True, default=("owner@acme.example",), show_default=True, metavar="EMAIL")
@click.option("--alg", type=click.Choice(["RS256", "ES256"]), default="RS256", show_default=True)
@click.option("--fault", "faults", multiple=True, type=click.Choice(sorted(FAULTS)), help="What to do wrong.")
@click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path), help="Keep the ledger in this file, too.")
def command(
    port: int, hub: str, client_id: str, client_secret: str, emails: tuple[str, ...], alg: str,
    faults: tuple[str, ...], ledger: Path | None,
) -> None:  # fmt: skip
    """An OpenID provider with the people that you name."""
    stop = threading.Event()
    if threading.current_thread() is threading.main_thread():
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stop.set())
    client = Client(client_id, client_secret, (f"{hub.rstrip('/')}/admin/login/oidc/callback",))
    people = [Person(f"person-{number}", email) for number, email in enumerate(emails, 1)]
    try:
        with simulated(port=port, ledger=ledger, clients=[client], people=people, alg=alg) as provider:
            provider.state.switch(*faults)
            click.echo(f"OpenID provider stand-in: DOZVON_OIDC_ISSUER={provider.issuer}")
            stop.wait()
    except PortTaken as error:
        raise click.ClickException(str(error)) from None
