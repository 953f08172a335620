"""A whole hub in real processes for two firms, each between a PBX and an amoCRM account of its own."""

from __future__ import annotations

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.amocrm import AmoCrmSimulator, SimulatedAccount
from simulators.mango import MangoSimulator, PlayedCall
from tests.e2e.hub import API_KEY, SCOPES, Hub, apply, environment_for, start_hub, until
from tests.services import free_port

ANNA, BORIS, ADMIN = 504, 505, 503
_OPEN = ("pending", "leased", "waiting", "verifying", "blocked")


@dataclass
class Firm:
    """One workspace: its PBX and its account."""

    slug: str
    pbx: MangoSimulator
    amo: SimulatedAccount

    def play(self, timeline: str, client: str | None, **numbers: Any) -> PlayedCall:
        played = self.pbx.play(timeline, client=client, **numbers)
        assert played.accepted
        return played

    def calls(self, client: str) -> list[dict[str, Any]]:
        """The client's calls in the account, oldest first."""
        return [call for call in self.amo.calls() if call["phone"].endswith(client[-10:])]

    def counted(self, client: str) -> dict[str, int]:
        """How many leads, incoming leads, contacts, calls and tasks the account has of the client."""
        report = self.amo.report()
        kinds = ("leads", "unsorted", "contacts", "calls", "tasks")
        return {kind: report[f"{kind}_per_phone"].get(client[-10:], 0) for kind in kinds}

    def cards(self, client: str) -> list[dict[str, Any]]:
        """What came up while the client's calls rang."""
        return [card for card in self.amo.cards() if str(card["phone"]).endswith(client[-10:])]

    def tasks(self, client: str) -> list[dict[str, Any]]:
        return [task for task in self.amo.tasks() if client[-7:-4] in task["text"] and client[-2:] in task["text"]]


@dataclass
class AmoStage:
    """The hub and the two firms, running."""

    hub: Hub
    acme: Firm
    other: Firm

    @property
    def firms(self) -> tuple[Firm, Firm]:
        return self.acme, self.other

    def all_done(self) -> bool:
        """Whether nothing is under way any more, by the hub's own numbers."""
        numbers = self.hub.metrics()
        return numbers.get('dozvon_inbox{state="waiting"}', 0) == 0 and not any(
            numbers.get(f'dozvon_outbox{{state="{state}"}}', 0) for state in _OPEN
        )

    def settled(self, within_seconds: float = 60.0) -> None:
        """Wait until nothing is under way."""
        until(self.all_done, within_seconds, "nothing under way any more")

    def acme_rests(self) -> bool:
        """Whether the connection to acme's account is being left alone."""
        (amo,) = [one for one in self.hub.get("/api/v1/connections")["items"] if one["name"] == "amo"]
        return bool(amo["breaker"]["open"])

    def let_the_rest_pass(self) -> None:
        """As if the quarter of an hour were over: nobody can wait for it here."""
        with closing(sqlite3.connect(self.hub.home / "dozvon.sqlite3", timeout=20)) as store, store:
            store.execute("UPDATE connections SET breaker_until = NULL")
            store.execute(
                "UPDATE deliveries SET due_at = strftime('%Y-%m-%d %H:%M:%f000', 'now') WHERE closed_at IS NULL"
            )

    def conserved(self) -> bool:
        """The conservation law: received = processed + ignored + quarantined + waiting."""
        numbers = self.hub.metrics()
        parts = ("processed", "ignored", "quarantined", "waiting")
        return numbers['dozvon_inbox{state="received"}'] == sum(
            numbers.get(f'dozvon_inbox{{state="{part}"}}', 0) for part in parts
        )


def fetched(url: str, bytes_range: str = "") -> tuple[int, dict[str, str], bytes]:
    """Status, headers (names in lower case) and body, as a CRM user's browser gets them."""
    request = urllib.request.Request(url, headers={"Range": bytes_range} if bytes_range else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}, b""


def posted(url: str, document: object, headers: dict[str, str]) -> int:
    """The status of a JSON post."""
    body, kind = json.dumps(document).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data=body, headers={**kind, **headers}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@contextmanager
def amo_stage(home: Path, **environment: str) -> Iterator[AmoStage]:
    """A hub on `home` with two workspaces, provisioned and ready."""
    port = free_port()
    surroundings = environment_for(home, DOZVON_RETRY_SECONDS="0,1,2", DOZVON_LEASE_SECONDS="4", **environment)
    with ExitStack() as stack:
        simulator = stack.enter_context(AmoCrmSimulator(accounts=("demo", "other")))
        firms = [
            _firm(stack, home, surroundings, port, slug, letter, account)
            for slug, letter, account in zip(("acme", "other"), "AB", simulator.accounts, strict=True)
        ]
        hub = start_hub(home, surroundings, port)
        stack.callback(hub.stop)
        yield AmoStage(hub, firms[0], firms[1])


def _firm(
    stack: ExitStack,
    home: Path,
    surroundings: dict[str, str],
    port: int,
    slug: str,
    letter: str,
    account: SimulatedAccount,
) -> Firm:
    api_key, api_salt, hook_token = f"{slug}-key", f"{slug}-salt", letter * 24
    pbx = stack.enter_context(
        MangoSimulator(
            hub_url=f"http://127.0.0.1:{port}", hook_token=hook_token, api_key=api_key, api_salt=api_salt, seed=1
        )
    )
    file = _workspace(slug, hook_token, pbx, api_key, api_salt) + account.provisioning("amo")
    apply(home, surroundings, file + (_KEY if slug == "acme" else ""))
    return Firm(slug, pbx, account)


_KEY = f"""
[[api_key]]
name = "tests"
key = "{API_KEY}"
scopes = {json.dumps(SCOPES)}
"""


def _workspace(slug: str, hook_token: str, pbx: MangoSimulator, api_key: str, api_salt: str) -> str:
    return f"""
[workspace]
slug = "{slug}"
name = "{slug}"
timezone = "Europe/Moscow"
region = "RU"
locale = "ru"

[[employee]]
name = "Анна"
extension = "101"
users = {{ amo = "{ANNA}" }}

[[employee]]
name = "Борис"
extension = "102"
users = {{ amo = "{BORIS}" }}

[[connection]]
name = "mango"
vendor = "mango"
hook_token = "{hook_token}"
[connection.settings]
base_url = "{pbx.base_url}"
[connection.secrets]
api_key = "{api_key}"
api_salt = "{api_salt}"

"""
