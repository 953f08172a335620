"""Every state of a client × every outcome, in each CRM: its books show what the table here says and what was foretold.

The hub's own index knows nobody: who the client is, the CRM says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count, product

import pytest

from connectors.contract import Found, Step
from connectors.registry import REGISTRY
from hub.calls.fold import fold
from hub.domain.party import Employee
from hub.domain.phone import Phone
from hub.domain.treatment import LeadOutcome, PersonState
from mapping.facts import PlanFacts
from mapping.forecast import CrmWays, forecast
from mapping.model import OpenDeal, PolicyRule, Rules, TaskRules, Who
from mapping.plan import plan
from tests.mapping.test_plan import ANSWERED
from tests.rules.stands import ANNA, OWNER, CrmStand, stands

STATES = ("unknown", "contact", "contact_with_deal", "lead")
OUTCOMES = ("lead", "contact_deal", "unsorted", "activity_only", "nothing")
_numbers = count(9_000_000)
USER = {"classic": "8", "simple": "8", "amocrm": str(ANNA)}
KNOWN_OWNER = {"classic": 7, "simple": 7, "amocrm": OWNER}


def expected(crm: str, state: str, outcome: str, open_deal: str) -> dict[str, int]:
    """What is new after one call, by the words of docs/mapping.md alone."""
    if outcome == "nothing":
        return {}
    if crm == "amocrm":
        return {"call": 1, **_in_amocrm(state, outcome, open_deal)}
    if outcome in ("activity_only", "unsorted"):
        return {"call": 1}
    busy = state in ("contact_with_deal", "lead")
    if busy and open_deal == "reuse":
        return {"call": 1}
    if outcome == "lead" and crm == "classic":
        return {"call": 1, "LEAD": 1}
    return {"call": 1, "DEAL": 1, **({"CONTACT": 1} if state in ("unknown", "lead") else {})}


def _in_amocrm(state: str, outcome: str, open_deal: str) -> dict[str, int]:
    if state == "unknown":
        alone = {"unsorted": {"unsorted": 1, "leads": 1}, "activity_only": {}}
        return {"contacts": 1, **alone.get(outcome, {"leads": 1})}
    makes = outcome in ("lead", "contact_deal") and (state == "contact" or open_deal == "new")
    person = {"contacts": 1} if state == "lead" else {}  # an incoming lead that nobody is put on
    return {"leads": 1, **person} if makes else {}


def cells() -> Iterator[tuple[str, str, str, str]]:
    for crm, state, outcome, open_deal in product(("classic", "simple", "amocrm"), STATES, OUTCOMES, ("reuse", "new")):
        if outcome == "unsorted" and (crm != "amocrm" or state != "unknown"):
            continue  # refused by the check
        if open_deal == "new" and outcome not in ("lead", "contact_deal"):
            continue
        if state == "lead" and crm == "simple":
            continue  # there are no leads
        yield crm, state, outcome, open_deal


@pytest.fixture(scope="module")
def crms() -> Iterator[dict[str, CrmStand]]:
    with stands() as running:
        yield running


def facts_for(crm: str, state: str, outcome: str, open_deal: str, phone: str) -> PlanFacts:
    rule = PolicyRule(
        "cell",
        LeadOutcome(outcome),
        person=(PersonState(state),),
        title="{client.phone} по правилу",
        open_deal=OpenDeal(open_deal),
        responsible=(Who.OWNER, Who.ANSWERED_BY),
    )
    rules = Rules((rule, PolicyRule("others", LeadOutcome.ACTIVITY_ONLY)), tasks=TaskRules(make=False))
    call = replace(fold(ANSWERED), client=Phone(phone, phone))
    people = {"101": Employee("Анна", "101", USER[crm])}
    return PlanFacts(call=call, call_id=f"cell-{phone}", locale="ru", employees=people, rules=rules, rules_version=1)


def ways(crm: str) -> CrmWays:
    known = REGISTRY["amocrm" if crm == "amocrm" else "bitrix24"].rules
    assert known is not None
    instead = known.instead.get(crm, {})
    return CrmWays(instead, known.lead_is_deal, known.needs_person)


def foretold(crm: str, facts: PlanFacts, state: str) -> Counter[str]:
    """The forecast, in the words of the CRM's books."""
    found: Counter[str] = Counter()
    for effect in forecast(replace(facts, person=PersonState(state)), ways(crm)).effects:
        if effect.act != "created":
            continue
        cards = {"contact_deal": ["DEAL", "CONTACT"], "lead": ["LEAD"], "deal": ["DEAL"]}
        if crm == "amocrm":
            person = ["contacts"] if state in ("unknown", "lead") else []
            card = ["leads", *person]
            cards = {"contact_deal": card, "lead": card, "deal": card, "unsorted": [*card, "unsorted"],
                     "contact": ["contacts"]}  # fmt: skip
        found.update(cards.get(effect.what, [effect.what]))
    return found


@pytest.mark.parametrize(("crm", "state", "outcome", "open_deal"), list(cells()))
def test_each_cell_is_brought_about_as_written_and_as_foretold(
    crms: dict[str, CrmStand], crm: str, state: str, outcome: str, open_deal: str
) -> None:
    stand, phone = crms[crm], f"+7900{next(_numbers)}"
    stand.put(state, phone)
    facts = facts_for(crm, state, outcome, open_deal, phone)
    new = stand.watch(plan(facts).intents)
    assert +new.counts == Counter(expected(crm, state, outcome, open_deal))
    assert +foretold(crm, facts, state) == +new.counts
    assert stand.offences() == []
    owner_name = "responsible_user_id" if crm == "amocrm" else "ASSIGNED_BY_ID"
    for card in [*new.cards.get("leads", []), *new.cards.get("LEAD", []), *new.cards.get("DEAL", [])]:
        is_owned = state != "unknown" and (crm, state) != ("amocrm", "lead")
        wanted = KNOWN_OWNER[crm] if is_owned else int(USER[crm])
        assert int(card[owner_name]) == wanted, card
        title = card.get("TITLE") or card.get("name")
        assert title == f"{_shown(phone)} по правилу"


def _shown(phone: str) -> str:
    return f"{phone[:2]} {phone[2:5]} {phone[5:8]}-{phone[8:10]}-{phone[10:]}"


def test_a_second_call_of_whom_a_rule_made_is_no_second_deal(crms: dict[str, CrmStand]) -> None:
    for crm in ("classic", "simple", "amocrm"):
        stand, phone = crms[crm], f"+7900{next(_numbers)}"
        rules = Rules((PolicyRule("all", LeadOutcome.CONTACT_DEAL),), tasks=TaskRules(make=False))
        facts = replace(facts_for(crm, "unknown", "lead", "reuse", phone), rules=rules)
        first = stand.watch(plan(facts).intents)
        again = stand.watch(plan(replace(facts, call_id=f"again-{phone}")).intents)
        assert sum(first.counts.values()) == 3
        assert +again.counts == Counter({"call": 1})


def test_a_new_lead_beside_a_lead_without_a_contact_is_found_again(crms: dict[str, CrmStand]) -> None:
    """A worker that died after amoCRM had made lead and contact must not make them once more."""
    stand, phone = crms["amocrm"], f"+7900{next(_numbers)}"
    stand.put("lead", phone)
    intents = plan(facts_for("amocrm", "lead", "lead", "new", phone)).intents
    done = stand.bring(intents)
    step = Step("create", intents[0], {"find": done["find"]}, datetime.now(UTC))
    found = stand.crm.look_up(step, stand.door())
    assert isinstance(found, Found)
    assert {name: found.result[name] for name in ("entity", "id", "lead_id", "created", "person")} == {
        name: done["create"][name] for name in ("entity", "id", "lead_id", "created", "person")
    }
    assert found.result["person"] == "lead"
