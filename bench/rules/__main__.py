"""How long a dry run of a rules draft takes: `python -m bench.rules [--quick]`."""

from __future__ import annotations

import tempfile
import time
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from connectors.registry import REGISTRY
from hub.config import load_settings
from hub.db.engine import Database
from hub.db.migrate import upgrade
from hub.db.tables import CallRow, Connection, Workspace
from hub.domain.call import Call, Closing, Leg, Outcome
from hub.domain.codec import to_document
from hub.domain.events import Direction, Place
from hub.domain.phone import Phone
from hub.rules.dry_run import dry_run
from hub.wiring import prepare_process
from mapping.defaults import PRESETS
from mapping.schema import read_rules

START = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
CALLS = 10_000
PROMISED_SECONDS = 10.0


@click.command(epilog="Example:  python -m bench.rules --quick")
@click.option("--quick", is_flag=True, help="Two thousand calls instead of ten thousand.")
def main(quick: bool) -> None:
    """Fill a database with calls, and try each preset on all of them."""
    number = CALLS // 5 if quick else CALLS
    with tempfile.TemporaryDirectory() as folder:
        prepare_process(load_settings({}, home=Path(folder)))
        url = f"sqlite:///{folder}/bench.sqlite3"
        upgrade(url)
        database = Database(url)
        connection_id = _fill(database, number)
        for name, preset in PRESETS.items():
            _try(database, connection_id, name, preset("lead", "en"), number)
        database.close()


def _try(database: Database, connection_id: int, name: str, document: dict[str, object], number: int) -> None:
    with database.reading() as session:
        begun, worked = time.monotonic(), time.process_time()
        run = dry_run(session, REGISTRY, session.get_one(Connection, connection_id), read_rules(document), last=number)
        seconds, busy = time.monotonic() - begun, time.process_time() - worked
    verdict = "as promised" if seconds < PROMISED_SECONDS else "TOO SLOW"
    click.echo(f"{name:14} {len(run.tried):6} calls  {seconds:5.1f} s ({busy:.1f} s of one core)  {verdict}")


def _fill(database: Database, number: int) -> int:
    """`number` calls of 4000 clients; returns the CRM connection."""
    with database.transaction() as session:
        workspace = Workspace(
            slug="acme", name="Acme", timezone="Europe/Moscow", region="RU", locale="en", created_at=START
        )
        session.add(workspace)
        session.flush()
        pbx, crm = (
            Connection(workspace_id=workspace.id, name=name, vendor=name, settings={}, secrets={}, created_at=START)
            for name in ("mango", "bitrix24")
        )
        session.add_all([pbx, crm])
        session.flush()
        session.add_all(_row(place, workspace.id, pbx.id) for place in range(number))
        return crm.id


def _row(place: int, workspace_id: int, pbx_id: int) -> CallRow:
    call = _call(place)
    assert call.client is not None
    return CallRow(
        uid=str(uuid.UUID(int=place)), workspace_id=workspace_id, connection_id=pbx_id, call_key=str(place),
        direction="inbound", client_e164=call.client.e164, client_raw=call.client.raw, line="+74950000001",
        outcome=call.outcome, closing=call.closing, started_at=call.started_at, ended_at=call.ended_at,
        wait_seconds=4, talk_seconds=call.talk_seconds, facts=to_document(call), first_at=call.started_at,
        last_at=call.started_at, last_received_at=call.started_at, source="yandex" if place % 2 else None, medium="cpc",
    )  # fmt: skip


def _call(place: int) -> Call:
    number = f"7900{place % 4000:07d}"
    begins, answered = START + timedelta(minutes=place), place % 3 > 0
    ends = begins + timedelta(seconds=64)
    leg = Leg("l1", Place.EMPLOYEE, "101", None, begins, begins if answered else None, None, ends, None)
    missed = Call(
        str(place), Direction.INBOUND, Phone(number, f"+{number}"), Phone("74950000001", "+74950000001"),
        Outcome.MISSED, Closing.STATED, None, "101", None, ("101",), (), (leg,), begins, None, ends, 4, 0, (), None,
    )  # fmt: skip
    if not answered:
        return missed
    return replace(missed, outcome=Outcome.ANSWERED, answered_by="101", answered_at=begins, talk_seconds=60)


if __name__ == "__main__":
    main()
