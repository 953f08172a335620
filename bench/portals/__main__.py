"""Does a card come within a second while a backlog waits, and is a portal's limit ever exceeded?

Run it by `python -m bench.portals`, or with all the others by `make bench`. A whole hub works for two
firms, each with a Bitrix24 portal that is strict about its 50 requests at once and 2 a second
(bitrix24.md §2.4). A backlog of finished calls, which takes a portal minutes to swallow, is given to
both; then telephones ring, and it is measured how long it takes from the PBX's webhook until the
portal has opened the card. The same without a backlog stands beside it.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from bench.portals.firm import Firm, workspace
from simulators.bitrix24 import Bitrix24Simulator
from tests.e2e.hub import Hub, apply, environment_for, start_hub, until
from tests.services import free_port

SHOW = "telephony.externalCall.show"
_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Measured:
    """What came of one firm's cards, in milliseconds from the webhook; `late` are those that never came."""

    cards_ms: list[float]
    late: int
    over_limit: int
    strangers: int
    requests: int


@click.command(epilog="Example:  python -m bench.portals --seconds 60 --backlog 80")
@click.option("--seconds", default=40.0, help="For how long telephones ring.")
@click.option("--backlog", default=40, help="Finished calls that each firm has waiting at the start.")
@click.option("--every", default=2.0, help="Seconds between two calls of one firm.")
def main(seconds: float, backlog: int, every: float) -> None:
    """Print a Markdown table: cards, p50 and the longest, requests over the limit, calls in the wrong portal."""
    click.echo("| backlog | portal | cards | p50 ms | p95 ms | longest ms | never came | over the limit | mixed up |")
    click.echo("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    broken = False
    for waiting in (0, backlog):
        with tempfile.TemporaryDirectory() as home:
            measured = _measure(Path(home), seconds, waiting, every)
        for number, one in enumerate(measured, 1):
            click.echo(_row(waiting, number, one))
        broken = broken or any(one.over_limit or one.strangers for one in measured)
    if broken:
        raise click.ClickException("a limit was exceeded, or calls were mixed up")


def _row(waiting: int, number: int, one: Measured) -> str:
    cards = sorted(one.cards_ms) or [0.0]
    p95 = cards[min(len(cards) - 1, int(len(cards) * 0.95))]
    return (
        f"| {waiting} | {number} | {len(one.cards_ms)} | {statistics.median(cards):.0f} | {p95:.0f} | {cards[-1]:.0f} "
        f"| {one.late} | {one.over_limit} of {one.requests} | {one.strangers} |"
    )


def _measure(home: Path, seconds: float, backlog: int, every: float) -> list[Measured]:
    port = free_port()
    with Bitrix24Simulator() as one:
        portals = [one, one.add_portal(same_application=True)]
        for portal in portals:
            portal.settings.slow_handler_seconds = 20
        firms = [Firm(number, portal, f"http://127.0.0.1:{port}") for number, portal in enumerate(portals, 1)]
        environment = environment_for(home, DOZVON_BITRIX24_AUTH_SERVERS=one.auth_domain)
        for firm in firms:
            apply(home, environment, workspace(firm))
        hub = start_hub(home, environment, port)
        try:
            _fill(hub, firms, backlog)
            return _ring(firms, seconds, every)
        finally:
            hub.stop()


def _fill(hub: Hub, firms: list[Firm], backlog: int) -> None:
    """Give each firm its backlog, and wait until the hub has read it: what is measured is the portals' budget."""
    for firm in firms:
        firm.send([event for number in range(backlog) for event in firm.finished_call(number)])
    until(lambda: hub.metrics().get('dozvon_inbox{state="waiting"}', 0) == 0, 60, "the backlog is read")


def _ring(firms: list[Firm], seconds: float, every: float) -> list[Measured]:
    wait = threading.Event()
    rung: list[dict[str, float]] = [{} for _ in firms]
    ends = time.monotonic() + seconds
    number = 0
    while time.monotonic() < ends:
        began = time.monotonic()
        for firm, moments in zip(firms, rung, strict=True):
            client = firm.client(1000 + number)
            moments[client] = datetime.now(UTC).timestamp()
            firm.send([firm.rings(1000 + number)])
        number += 1
        wait.wait(max(0.0, every - (time.monotonic() - began)))
    wait.wait(_GRACE_SECONDS)
    return [_judge(firm, moments) for firm, moments in zip(firms, rung, strict=True)]


def _judge(firm: Firm, rung: dict[str, float]) -> Measured:
    ledger, tenant = firm.portal.ledger, firm.portal.portal.member_id
    registers = ledger.requests("telephony.externalCall.register", tenant=tenant)
    phones = {
        str(one.result["CALL_ID"]): firm.full(one) for one in registers if one.executed and isinstance(one.result, dict)
    }
    shown: dict[str, float] = {}
    for show in ledger.requests(SHOW, tenant=tenant):
        if show.executed:
            shown.setdefault(phones.get(str(show.params.get("CALL_ID")), ""), show.at)
    calls = firm.portal.calls()
    return Measured(
        cards_ms=[(shown[client] - at) * 1000 for client, at in rung.items() if client in shown],
        late=sum(client not in shown for client in rung),
        over_limit=sum(one.tenant == tenant for one in ledger.offences("request_limit_exceeded")),
        strangers=sum(not firm.is_mine(str(call["PHONE_NUMBER"])) for call in calls),
        requests=sum(not one.in_batch for one in ledger.requests(tenant=tenant)),
    )


if __name__ == "__main__":
    main()
