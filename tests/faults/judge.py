"""The judge: reads the ledgers of PBX and CRM, the hub's own numbers, its tables and its logs."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.e2e.hub import HOOK_TOKEN
from tests.faults.rig import PBX_KEY, PBX_SALT, Rig

RECORDED = ("A", "answered", "C")
"""Timelines with a recording; of a transferred call Bitrix24 keeps the first."""
MISSED = ("B", "missed")


@dataclass
class Verdict:
    """What was counted, and every complaint; in order when there is none."""

    counts: dict[str, int] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)

    @property
    def in_order(self) -> bool:
        return not self.complaints

    def table(self) -> str:
        lines = [f"  {name:<44}{number:>10}" for name, number in self.counts.items()]
        lines += [f"  COMPLAINT: {words}" for words in self.complaints[:40]] or ["  nothing lost, nothing done twice"]
        return "\n".join(lines)


def judge(rig: Rig, *, forgiven: frozenset[str] = frozenset()) -> Verdict:
    """Everything at once, on a rig at rest. `forgiven`: offences of the CRM's ledger that the test provokes itself."""
    verdict = Verdict()
    for check in (_calls, _registrations, _leads, _recordings, _tasks, _leftovers, _inbox, _rows, _logs):
        verdict.complaints += check(rig, verdict)
    offences = [one for one in rig.b24.ledger.offences() if one.code not in forgiven]
    verdict.complaints += [f"Bitrix24 minds: {one.code} {one.detail}" for one in offences]
    verdict.complaints += [f"Mango minds: {one['code']} {one['what']}" for one in rig.pbx.ledger.offences()]
    return verdict


def _calls(rig: Rig, verdict: Verdict) -> Iterator[str]:
    """Every call that the PBX played is in the CRM's call log once."""
    played = Counter(f"+{client}" for _, client, _ in rig.played)
    logged = Counter(str(call["PHONE_NUMBER"]) for call in rig.b24.calls())
    verdict.counts |= {"calls played by the PBX": played.total(), "calls in the CRM's log": logged.total()}
    for phone in sorted(played.keys() | logged.keys()):
        if played[phone] != logged[phone]:
            yield f"{phone}: {played[phone]} call(s) played, {logged[phone]} logged"


def _registrations(rig: Rig, verdict: Verdict) -> Iterator[str]:
    """One CALL_ID for each of our calls, and each finished once."""
    given: dict[str, set[str]] = {}
    for one in rig.b24.ledger.requests("telephony.externalCall.register"):
        if one.executed and one.result:
            given.setdefault(str(one.params.get("EXTERNAL_CALL_ID")), set()).add(str(one.result["CALL_ID"]))
    twice = {key: ids for key, ids in given.items() if len(ids) > 1}
    yield from (f"call {key} was registered as {len(ids)} calls" for key, ids in twice.items())
    finishes = rig.b24.ledger.finishes()
    yield from (f"call {key} was finished {times} times" for key, times in finishes.items() if times > 1)
    verdict.counts["calls registered twice"] = len(twice)


def _leads(rig: Rig, verdict: Verdict) -> Iterator[str]:
    """A new number becomes one lead, however often it calls."""
    leads = rig.b24.report()["leads_per_phone"]
    clients = {client for _, client, _ in rig.played}
    verdict.counts |= {"new numbers": len(clients), "leads": sum(leads.values())}
    for client in sorted(clients):
        if leads.get(client, 0) != 1:
            yield f"{client} has {leads.get(client, 0)} leads"


def _recordings(rig: Rig, verdict: Verdict) -> Iterator[str]:
    expected = Counter(f"+{client}" for timeline, client, _ in rig.played if timeline in RECORDED)
    attached = Counter(dict.fromkeys(expected, 0))
    for call in rig.b24.calls():
        attached[str(call["PHONE_NUMBER"])] += int(call["RECORDS_EVER"])
    verdict.counts |= {"recordings expected": expected.total(), "recordings attached": attached.total()}
    for phone, number in attached.items():
        if number != expected[phone]:
            yield f"{phone}: {expected[phone]} recording(s) expected, {number} attached"


def _tasks(rig: Rig, verdict: Verdict) -> Iterator[str]:
    """A client whose calls were all missed has one open task."""
    talked = {client for timeline, client, _ in rig.played if timeline not in MISSED}
    only_missed = {client for timeline, client, _ in rig.played if timeline in MISSED} - talked
    tasks = [one for one in rig.b24.tasks() if str(one.get("COMPLETED", "N")) != "Y"]
    verdict.counts |= {"clients who were only missed": len(only_missed), "open tasks": len(tasks)}
    if len(tasks) != len(only_missed):
        yield f"{len(only_missed)} client(s) to call back, {len(tasks)} open task(s)"


def _leftovers(rig: Rig, verdict: Verdict) -> Iterator[str]:
    report = rig.b24.report()
    verdict.counts |= {"calls left open in the CRM": len(report["never_finished"]), "cards left open": 0}
    yield from (f"{call_id} was never finished" for call_id in report["never_finished"])
    for call_id, users in rig.b24.cards().items():
        verdict.counts["cards left open"] += len(users)
        yield f"{call_id} is still shown to {sorted(users)}"


def _inbox(rig: Rig, verdict: Verdict) -> Iterator[str]:
    """The conservation law, and that each event which the hub said it had taken is there."""
    states = {row["state"]: int(row["n"]) for row in rig.rows("SELECT state, count(*) AS n FROM inbox GROUP BY state")}
    taken = {
        (event["path"].strip("/"), json.dumps(event["json"], sort_keys=True))
        for event in rig.pbx.ledger.entries("event")
        if event["status"] is not None and 200 <= event["status"] < 300 and event["path"].startswith("/events/")
    }
    kept = {
        (row["topic"], json.dumps(json.loads(row["body"]), sort_keys=True))
        for row in rig.rows("SELECT topic, body FROM inbox WHERE state <> 'quarantined'")
    }
    verdict.counts |= {"events that the hub took": len(taken), "rows of the inbox": sum(states.values())}
    for topic, body in sorted(taken - kept)[:5]:
        yield f"acknowledged and not kept: {topic} {body}"
    if states.get("quarantined"):
        yield f"{states['quarantined']} events are in quarantine"
    if rig.is_ready():
        yield from _law(rig)


def _law(rig: Rig) -> Iterator[str]:
    numbers = rig.metrics()
    parts = [numbers.get(f'dozvon_inbox{{state="{part}"}}', 0) for part in ("processed", "ignored", "quarantined")]
    parts.append(numbers.get('dozvon_inbox{state="waiting"}', 0))
    if numbers['dozvon_inbox{state="received"}'] != sum(parts):
        yield f"the law is broken: {numbers}"


def _rows(rig: Rig, verdict: Verdict) -> Iterator[str]:
    states = {
        row["state"]: int(row["n"]) for row in rig.rows("SELECT state, count(*) AS n FROM deliveries GROUP BY state")
    }
    verdict.counts |= {f"deliveries {state}": number for state, number in sorted(states.items())}
    for state in ("leased", "pending", "waiting", "verifying", "blocked", "dead"):
        if states.get(state):
            words = rig.rows(f"SELECT step_key, last_error FROM deliveries WHERE state = '{state}' LIMIT 3")
            yield f"{states[state]} deliveries are {state}: {words}"


# --- Logs -------------------------------------------------------------------------------------------


def canaries(rig: Rig) -> set[str]:
    """What no log may hold: secrets, every token that was ever given out, full phone numbers."""
    with rig.b24.portal.lock:
        grants = list(rig.b24.portal.grants)
    secrets = {PBX_KEY, PBX_SALT, HOOK_TOKEN, rig.b24.client_secret, rig.b24.application_token}
    tokens = {word for grant in grants for word in (grant.access, grant.refresh)}
    phones = {client[1:] for _, client, _ in rig.played}  # without the country: 8900… and +7900… are found, too
    return {word for word in secrets | tokens | phones if word}


def _logs(rig: Rig, verdict: Verdict) -> Iterator[str]:
    forbidden = re.compile("|".join(re.escape(word) for word in sorted(canaries(rig))))
    lines = 0
    for process in rig.processes:
        text = process.text()
        lines += text.count("\n")
        for found in sorted(set(forbidden.findall(text))):
            yield f"{process.log.name} shows {found[:4]}…"
        if "Traceback" in text:
            start = text.index("Traceback")
            yield f"{process.log.name} holds a traceback: {text[start : start + 1500]}"
    verdict.counts["lines of log"] = lines
