"""How fast is "who should get this caller?", and how long does a large CRM take? `python -m bench.routing [--quick]`.

The first part asks a whole hub on SQLite, with a million phones in its index, ten thousand times over a few
open connections, and the hub's own `/healthz` as often beside it: the ratio tells what routing costs, whatever
the machine. The second part reads all owners of a Bitrix24 portal with a hundred thousand contacts, which
allows two requests a second (bitrix24.md §2.4).
"""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import click

from simulators.bitrix24 import Bitrix24Simulator
from tests.e2e.hub import HOOK_TOKEN, WORKSPACE, Hub, apply, environment_for, start_hub, until
from tests.services import free_port

_FIRST_PHONE = 79000000000
_AT_ONCE = 4
_WARM_UP = 50
_FIND_SYNC = "SELECT phones, finished_at, last_error FROM owner_syncs"
_PBX = f"""
[[connection]]
name = "dialplan"
vendor = "webhook"
hook_token = "{HOOK_TOKEN}"
[connection.settings]
[connection.secrets]
signing_secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
"""


@click.command(epilog="Example:  python -m bench.routing --quick")
@click.option("--quick", is_flag=True, help="A tenth of everything.")
def main(quick: bool) -> None:
    """Print two Markdown tables; exit 1 when an answer was wrong or the goal of 50 ms was missed."""
    share = 10 if quick else 1
    phones, asks, contacts = 1_000_000 // share, 10_000 // share, 100_000 // share
    p99 = _answers(phones, asks)
    _owners(contacts)
    if p99 > 50:
        raise click.ClickException(f"p99 of the answers is {p99:.0f} ms")


# --- The answer ------------------------------------------------------------------------------------


def _answers(phones: int, asks: int) -> float:
    with tempfile.TemporaryDirectory() as folder, Bitrix24Simulator() as portal:
        home = Path(folder)
        surroundings = environment_for(home, DOZVON_SWEEP_SECONDS="600")
        apply(home, surroundings, WORKSPACE + _PBX + portal.provisioning("b24"))
        _fill(home, phones)
        hub = start_hub(home, surroundings, free_port())
        try:
            known = _measure(hub, asks, lambda chance: f"/route/{HOOK_TOKEN}?caller={_phone(chance, phones)}", _is_anna)
            strangers = _measure(hub, asks, _stranger, lambda said: json.loads(said)["extension"] is None)
            bare = _measure(hub, asks, lambda _: "/healthz", bool)
        finally:
            hub.stop()
    click.echo(
        f"| {asks:,} requests, {_AT_ONCE} at once, {phones:,} phones | p50 ms | p99 ms | against `/healthz` p50 |"
    )
    click.echo("| --- | --- | --- | --- |")
    for name, took in (("a client of the CRM", known), ("a stranger", strangers), ("`/healthz`", bare)):
        click.echo(f"| {name} | {_p(took, 50):.1f} | {_p(took, 99):.1f} | {_p(took, 50) / _p(bare, 50):.2f} |")
    return max(_p(known, 99), _p(strangers, 99))


def _fill(home: Path, phones: int) -> None:
    """The index as a complete reading leaves it: every phone a contact of Anna's."""
    with sqlite3.connect(next(home.glob("*.sqlite3"))) as store:
        workspace_id, connection_id = store.execute(
            "SELECT workspace_id, id FROM connections WHERE vendor = 'bitrix24'"
        ).fetchone()
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
        store.executemany(
            "INSERT INTO phone_owners (workspace_id, connection_id, e164, kind, party_id, place, name, owner_user_id,"
            " vip, seen_at) VALUES (?, ?, ?, 'CONTACT', ?, 0, 'Client', '7', 0, ?)",
            ((workspace_id, connection_id, f"+{_FIRST_PHONE + number}", str(number), now) for number in range(phones)),
        )
        store.execute(
            "INSERT INTO owner_syncs (connection_id, started_at, finished_at, phones, last_error)"
            " VALUES (?, ?, ?, ?, '')",
            (connection_id, now, now, phones),
        )
        store.commit()
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # a reading in parts never leaves so long a journal


def _phone(chance: random.Random, phones: int) -> str:
    return str(_FIRST_PHONE + chance.randrange(phones))


def _stranger(chance: random.Random) -> str:
    return f"/route/{HOOK_TOKEN}?caller={74950000000 + chance.randrange(9_999_999)}"


def _is_anna(said: bytes) -> bool:
    answer = json.loads(said)
    return (answer["extension"], answer["reason"]) == ("101", "owner")


def _measure(
    hub: Hub, asks: int, path: Callable[[random.Random], str], is_right: Callable[[bytes], bool]
) -> list[float]:
    """Milliseconds of each request, after a few to warm up. One that was left to the PBX counts as wrong."""

    def ask(seed: int) -> list[float]:
        chance, link = random.Random(seed), http.client.HTTPConnection("127.0.0.1", hub.port, timeout=10)
        for _ in range(_WARM_UP):
            _once(link, path(chance), bool)
        took = [_once(link, path(chance), is_right) for _ in range(asks // _AT_ONCE)]
        link.close()
        return took

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [one for took in pool.map(ask, range(_AT_ONCE)) for one in took]


def _once(link: http.client.HTTPConnection, path: str, is_right: Callable[[bytes], bool]) -> float:
    began = time.perf_counter()
    link.request("GET", path)
    answer = link.getresponse()
    said = answer.read()
    took = (time.perf_counter() - began) * 1000
    if answer.status != 200 or not is_right(said):
        raise click.ClickException(f"a wrong answer: {answer.status} {said[:200]!r}")
    return took


def _p(took: list[float], share: int) -> float:
    return statistics.quantiles(took, n=100)[share - 1]


# --- Owners ----------------------------------------------------------------------------------------


def _owners(contacts: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Bitrix24Simulator() as portal:
        for number in range(contacts):
            phone = [{"VALUE": f"+{_FIRST_PHONE + number}", "VALUE_TYPE": "WORK"}]
            portal.add_entity("CONTACT", {"NAME": f"Client {number}", "ASSIGNED_BY_ID": 7, "PHONE": phone})
        home = Path(folder)
        surroundings = environment_for(home)
        apply(home, surroundings, WORKSPACE + portal.provisioning("b24"))
        began = time.perf_counter()
        hub = start_hub(home, surroundings, free_port())
        try:
            until(lambda: any(done for _, done, _ in _syncs(home)), 1800, "all owners are read")
            took = time.perf_counter() - began
            phones = sum(phones for phones, _, _ in _syncs(home))
        finally:
            hub.stop()
        requests = [one for one in portal.ledger.requests() if not one.in_batch]
        offences = len(portal.ledger.offences())
    click.echo("\n| contacts | phones kept | requests | seconds | contacts a second | offences against the limits |")
    click.echo("| --- | --- | --- | --- | --- | --- |")
    batches = sum(one.method.lower() == "batch" for one in requests)
    click.echo(f"| {contacts:,} | {phones:,} | {batches} | {took:.0f} | {contacts / took:.0f} | {offences} |")


def _syncs(home: Path) -> Iterator[tuple[int, str | None, str]]:
    with sqlite3.connect(next(home.glob("*.sqlite3"))) as store:
        yield from store.execute(_FIND_SYNC).fetchall()


if __name__ == "__main__":
    main()
