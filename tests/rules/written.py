"""A world whose CRM is a stand-in with books: rules are tried on what was heard, then published, and then written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

from sqlalchemy import select

from connectors.registry import REGISTRY
from hub.callbacks.cards import tell_crms
from hub.callbacks.past import past_requests
from hub.calls.intake import drain_inbox
from hub.calls.record import refold
from hub.db.callbacks import CallbackRow
from hub.db.engine import Database
from hub.db.tables import CallRow, Connection, EmployeeRow
from hub.delivery.outbox import plan_deliveries
from hub.domain.phone import Phone
from hub.net.bucket import Bucket
from hub.net.http import Http
from hub.net.tokens import TokenService
from hub.rules.asking import ask_crm
from hub.rules.dry_run import dry_run, numbers_of
from hub.rules.store import publish
from hub.rules.tried import DryRun
from mapping.schema import read_rules
from tests.contract.crms import FixedTokens
from tests.contract.rude import RudeHttp
from tests.delivery.story import answers, ends, leaves, rings
from tests.delivery.world import START, World, make_world
from tests.rules.stands import CrmStand

_AS_LONG_AS_IT_TAKES = 600.0
USERS = {"bitrix24": "8", "amocrm": "505"}


class EndlessBucket:
    """The budget is not what these tests are about."""

    def take(self, *_: object) -> None:
        return None


@dataclass
class Written:
    """`before` has what stood in the CRM's books before anything was written."""

    world: World
    stand: CrmStand
    before: dict[str, set[Any]] = field(default_factory=dict)

    # --- What is heard ---------------------------------------------------------------------------------

    def hear(self, talked: Mapping[str, bool]) -> None:
        """Calls that are kept but not planned: the client's number to whether somebody talked."""
        for phone, answered in talked.items():
            client = {"client": Phone(phone.removeprefix("+"), phone)}
            call = phone[-4:]
            if answered:
                self.world.receive(
                    (rings("101", 1, call, **client), answers("101", 5, call, **client),
                     leaves("101", 65, call, **client)),
                    (ends(65, call, answered_at=5, extension="101", **client),),
                )  # fmt: skip
            else:
                self.world.receive(
                    (rings("101", 1, call, **client), leaves("101", 20, call, **client)),
                    (ends(20, call, answered_at=None, extension=None, **client),),
                )
        drain_inbox(self.world.runtime, lambda *_: None)

    def ask_for_call(self, phone: str, *, failed: bool = False) -> None:
        """A request for a callback a minute before the calls began."""
        with self.world.database.transaction() as session:
            at = START - timedelta(minutes=1)
            session.add(
                CallbackRow(
                    uid=f"request-{phone[-4:]}", workspace_id=self.world.workspace_id, asked_by="key:test", e164=phone,
                    zone="Europe/Moscow", state="failed" if failed else "requested", due_at=at, created_at=at,
                    failed_because="no_answer" if failed else None,
                    closed_at=at + timedelta(minutes=5) if failed else None, name="Olga",
                )
            )  # fmt: skip

    # --- What is foretold, and what is written -------------------------------------------------------------

    def tried(self, document: Mapping[str, Any], *, ask: bool = True) -> DryRun:
        world = self.world
        with world.database.reading() as session:
            numbers = numbers_of(session, session.get_one(Connection, world.crm_id))
        asked = ask_crm(world.runtime, world.crm_id, numbers, wait_seconds=_AS_LONG_AS_IT_TAKES) if ask else {}
        with world.database.reading() as session:
            connection = session.get_one(Connection, world.crm_id)
            rules = read_rules(document)
            return dry_run(session, world.runtime.registry, connection, rules, asked=asked, requests=past_requests)

    def write(self, document: Mapping[str, Any]) -> None:
        """Publish, plan everything in the order in which it came, and deliver it."""
        self.before = {kind: {one["id"] for one in self.stand.cards(kind)} for kind in self.stand.kinds}
        world = self.world
        with world.database.transaction() as session:
            publish(session, session.get_one(Connection, world.crm_id), dict(document), by="anna", now=START)
            for request in session.scalars(select(CallbackRow).order_by(CallbackRow.id)).all():
                tell_crms(session, world.runtime, request)
        self._deliver()
        with world.database.reading() as session:
            calls = session.scalars(select(CallRow.id).order_by(CallRow.started_at, CallRow.id)).all()
        for call_id in calls:
            with world.database.transaction() as session:
                row = session.get_one(CallRow, call_id)
                plan_deliveries(session, world.runtime, refold(session, world.runtime, row))
        self._deliver()

    def _deliver(self) -> None:
        for _ in range(12):
            self.world.make_due()
            self.world.deliver()

    def new(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.stand.cards(kind) if one["id"] not in self.before[kind]]

    def booked(self) -> Counter[str]:
        return +Counter({kind: len(self.new(kind)) for kind in self.stand.kinds})

    def foretold(self, run: DryRun) -> Counter[str]:
        """The effects of the draft in the words of the CRM's books."""
        found: Counter[str] = Counter()
        for one in (*run.tried, *run.requests):
            for effect in one.draft.effects:
                if effect.act == "created" and effect.what not in ("task", "note"):
                    found.update(self._cards(effect.what, str(one.person)))
        return found

    def _cards(self, what: str, state: str) -> Sequence[str]:
        if self.stand.vendor == "bitrix24":
            named = {"contact_deal": ["DEAL", "CONTACT"], "lead": ["LEAD"], "deal": ["DEAL"], "contact": ["CONTACT"]}
            return named.get(what, [what])
        person = ["contacts"] if state in ("unknown", "lead") else []
        cards = {"contact": ["contacts"], "unsorted": ["leads", "unsorted", *person], "call": ["call"]}
        return cards.get(what, ["leads", *person])


def holds(card: object, phone: str) -> bool:
    return phone in json.dumps(card, default=str)


def written_world(database: Database, home: Path, stand: CrmStand) -> Written:
    """A world whose CRM is `stand`; Anna (extension 101) has the calls."""
    world = make_world(database, home)
    host = urlsplit(str(stand.settings.get("client_endpoint") or stand.settings["base_url"])).netloc
    tokens = SimpleNamespace(for_connection=lambda *_: FixedTokens(stand.secrets["access_token"]))
    world.runtime = replace(
        world.runtime,
        registry={"pbx": world.runtime.registry["pbx"], stand.vendor: REGISTRY[stand.vendor]},
        http=cast("Http", RudeHttp(frozenset({host}))),
        bucket=cast("Bucket", EndlessBucket()),
        tokens=cast("TokenService", tokens),
    )
    with database.transaction() as session:
        row = session.get_one(Connection, world.crm_id)
        row.vendor, row.settings, row.secrets = stand.vendor, dict(stand.settings), dict(stand.secrets)
        for one in session.scalars(select(EmployeeRow)):
            one.users = {"crm": USERS[stand.vendor]}
    return Written(world, stand)
