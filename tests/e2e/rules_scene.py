"""A hub between Mango, Bitrix24 and amoCRM at once, a rule set of twelve situations for each, and clients to play."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulators.amocrm import AmoCrmSimulator
from simulators.bitrix24 import Bitrix24Simulator
from simulators.mango import MangoSimulator
from tests.e2e.hub import (
    HOOK_TOKEN,
    WORKSPACE,
    Hub,
    Stage,
    apply,
    environment_for,
    mango_connection,
    start_hub,
    until,
)
from tests.rules.stands import AmocrmStand, Bitrix24Stand, CrmStand
from tests.services import free_port

KEY = "dz_rules0123456789abcdef0123456789ab"
_DAY = '["00:00-24:00"]'
MORE = f"""
[hours]
{chr(10).join(f"{day} = {_DAY}" for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))}

[[api_key]]
name = "rules"
key = "{KEY}"
scopes = ["callbacks:write", "calls:read", "connections:read", "rules:read", "rules:write"]
"""
TIMELINES: dict[str, list[str]] = {
    "inbound_answered": ["A"],
    "inbound_missed": ["B"],
    "missed_then_called_back": ["B", "E"],
    "outbound_answered": ["E"],
    "outbound_unanswered": ["outbound_unanswered"],
    "callback_done": [],
    "callback_failed": [],
    "repeat_missed": ["B", "B"],
    "after_hours": ["off_hours"],
    "ivr_only": ["hung_up_in_menu"],
}
_TWICE = ("inbound_answered", "inbound_missed", "outbound_answered", "after_hours")
PERSONS = ("unknown", "contact", "contact_with_deal", "lead")
OUTCOMES: dict[str, dict[str, tuple[str, ...]]] = {
    "b24": {
        "unknown": ("contact_deal", "lead", "activity_only", "nothing"),
        "contact": ("contact_deal", "lead", "nothing", "activity_only"),
        "contact_with_deal": ("contact_deal", "activity_only", "lead", "nothing"),
        "lead": ("lead", "contact_deal", "activity_only", "nothing"),
    },
    "amo": {
        "unknown": ("lead", "unsorted", "activity_only", "nothing"),
        "contact": ("contact_deal", "lead", "nothing", "activity_only"),
        "contact_with_deal": ("contact_deal", "activity_only", "lead", "nothing"),
        "lead": ("activity_only",),
    },
}
PLACES: dict[str, dict[str, dict[str, str]]] = {
    "b24": {"lead": {"stage": "IN_PROCESS"}, "contact_deal": {"pipeline": "0", "stage": "PREPARATION"}},
    "amo": {"lead": {"pipeline": "32", "stage": "3202"}, "contact_deal": {"stage": "3103", "pipeline": "31"}},
}
USERS = {"b24": ["8", "9"], "amo": ["505", "506"]}
FIELDS: dict[str, list[dict[str, str]]] = {
    "b24": [
        {"name": "how it ended", "entity": entity, "field": "COMMENTS", "value": "{call.outcome}"}
        for entity in ("lead", "deal")
    ],
    "amo": [{"name": "how it ended", "entity": "lead", "field": "UTM_TERM", "value": "{call.outcome}"}],
}


def rule(crm: str, number: int, situation: str, person: str) -> dict[str, Any]:
    """Of each situation and person another outcome, place and way to choose who is responsible."""
    outcomes = OUTCOMES[crm][person]
    outcome = outcomes[number % len(outcomes)]
    if outcome == "unsorted" and not situation.startswith("inbound"):
        outcome = "lead"
    whose = (["owner", "answered_by"], ["round_robin"], ["rung_first", "fixed"])[number % 3]
    line: dict[str, Any] = {
        "name": f"{situation}/{person}",
        "situation": [situation],
        "person": [person],
        "outcome": outcome,
        **PLACES[crm].get(outcome, {}),
    }
    if outcome in ("lead", "contact_deal"):
        line |= {"title": f"{situation}: {{client.phone}}", "responsible": whose, "users": USERS[crm]}
        line |= {"open_deal": "new"} if number % 2 else {}
    return line


def document(crm: str) -> dict[str, Any]:
    situations = [*TIMELINES, "form"]
    cells = [(situation, person) for situation in situations for person in PERSONS]
    lines = [rule(crm, number + place, *cell) for number, cell in enumerate(cells) for place in (number // 4,)]
    forms = {f"form/{person}": "activity_only" for person in PERSONS[1:]}
    for line in lines:
        if line["name"] in forms:
            for name in ("pipeline", "stage", "title", "responsible", "users", "open_deal"):
                line.pop(name, None)
            line["outcome"] = forms[line["name"]]
        elif line["name"] == "form/unknown":
            line |= {"outcome": "contact_deal", **PLACES[crm]["contact_deal"], "title": "form: {client.phone}"}
    internal = {"name": "internal", "situation": ["internal"], "outcome": "nothing"}
    return {
        "version": 1,
        "policy": [internal, *lines],
        "tasks": {"who": ["round_robin"], "users": USERS[crm], "within_minutes": 20},
        "fields": FIELDS[crm],
    }


@dataclass
class Client:
    """One client and what happens to them. `states`: what each CRM keeps of them before."""

    phone: str
    situation: str
    person: str

    def state(self, crm: str) -> str:
        return "unknown" if crm == "amo" and self.person == "lead" else self.person


def clients() -> list[Client]:
    """Each situation once, the commonest with a second person; all cells are tried in tests/rules/test_cells.py."""
    found: list[Client] = []
    for number, situation in enumerate(TIMELINES):
        for place in (0, 2) if situation in _TWICE else (0,):
            person = PERSONS[(number + place) % 4]
            if situation.startswith("callback"):
                person = ("contact", "contact_with_deal")[number % 2]  # the request would make somebody of others
            found.append(Client(f"+7900777{len(found):04d}", situation, person))
    return found


@dataclass
class Scene:
    stage: Stage
    stands: dict[str, CrmStand]
    clients: list[Client]
    before: dict[str, dict[str, set[Any]]] = field(default_factory=dict)
    run: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.stage.hub.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def connection(self, crm: str) -> int:
        items = self.ask("GET", "/api/v1/connections")["items"]
        return next(int(one["id"]) for one in items if one["name"] == crm)

    def publish(self, crm: str) -> None:
        at = f"/api/v1/connections/{self.connection(crm)}/rules"
        drafted = self.ask("PUT", f"{at}/draft", {"document": document(crm)})
        assert [one["words"] for one in drafted["mistakes"]] == []
        self.ask("POST", f"{at}/dry-run")
        self.ask("POST", f"{at}/publish", {})

    def dry_run(self, crm: str) -> dict[str, list[dict[str, Any]]]:
        """What the draft, which says what holds, makes of each client's calls, by phone."""
        at = f"/api/v1/connections/{self.connection(crm)}/rules"
        self.ask("PUT", f"{at}/draft", {"document": document(crm)})
        told = self.ask("POST", f"{at}/dry-run?last=200")
        assert [one for one in told["items"] if one["changed"]] == []
        phones = {call["id"]: call["client"] for call in self.calls()}
        found: dict[str, list[dict[str, Any]]] = {}
        for one in told["items"]:
            found.setdefault(phones[one["id"]] or "", []).append(one)
        return found

    def calls(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.ask("GET", "/api/v1/calls?limit=200")["items"]
        return listed

    def play(self, place: int) -> None:
        """The calls of all clients that stand at this place of their situations, and what they write."""
        began = datetime.now(UTC) - timedelta(minutes=9 - 3 * place)
        calls = [(TIMELINES[one.situation][place], one) for one in self.clients if TIMELINES[one.situation][place:]]
        played = [
            (timeline, {"client": one.phone.removeprefix("+"), "start": began + timedelta(seconds=number)})
            for number, (timeline, one) in enumerate(calls)
        ]
        assert all(one.accepted for one in self.stage.pbx.play_many(played))

    def call_back(self, situation: str, wanted: str) -> None:
        """The requests of all clients in this situation, until they have come to it."""
        phones = [one.phone for one in self.clients if one.situation == situation]
        ids = [self.ask("POST", "/api/v1/callbacks", {"phone": phone})["id"] for phone in phones]
        until(lambda: all(self.ask("GET", f"/api/v1/callbacks/{one}")["status"] == wanted for one in ids), 90, wanted)

    def rest(self) -> None:
        log = self.stage.hub.log
        until(self.stage.all_done, 180, lambda: f"nothing under way any more\n{log()[-3000:]}")


def _provisioned(b24: Bitrix24Simulator, account: AmoCrmSimulator) -> str:
    both = WORKSPACE.replace('{ b24 = "7" }', '{ b24 = "7", amo = "504" }')
    both = both.replace('{ b24 = "8" }', '{ b24 = "8", amo = "505" }')
    portal = b24.provisioning("b24").replace("[connection.settings]", '[connection.settings]\nplan = "enterprise"')
    b24.settings.limited = False
    return both + MORE + portal + account.provisioning("amo")


@contextmanager
def running(home: Path) -> Iterator[tuple[Stage, dict[str, CrmStand]]]:
    port, key, salt = free_port(), "rules-key", "rules-salt"
    with (
        Bitrix24Simulator() as b24,
        AmoCrmSimulator() as account,
        MangoSimulator(hub_url=f"http://127.0.0.1:{port}", hook_token=HOOK_TOKEN, api_key=key, api_salt=salt) as pbx,
    ):
        surroundings = environment_for(home)
        apply(home, surroundings, _provisioned(b24, account) + mango_connection(pbx, key, salt))
        hub: Hub = start_hub(home, surroundings, port)
        try:
            yield Stage(hub, pbx, b24), {"b24": Bitrix24Stand(b24), "amo": AmocrmStand(account)}
        finally:
            hub.stop()
