"""CRMs that keep ledgers, and one call after another brought into them as the outbox would: for cell by cell checks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from connectors.contract import ConnectionFacts, Crm, Door, Step, StepResult, StepSpec, Unsupported
from connectors.registry import REGISTRY
from hub.domain.intents import Intent
from simulators.amocrm.simulator import AmoCrmSimulator
from simulators.bitrix24.simulator import Bitrix24Simulator
from tests.contract.crms import FixedTokens
from tests.contract.rude import RudeHttp

OWNER, ANNA = 504, 505
"""Who owns the clients that are known, and who has the calls."""
_NUMBERS = iter(range(1, 10_000))


@dataclass
class Ledger:
    """What was new in the CRM after a call: how many of each kind, and the cards themselves."""

    counts: Counter[str] = field(default_factory=Counter)
    cards: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


class CrmStand:
    """One CRM: clients are put in by hand, and what is there is read from its own books."""

    vendor: str
    kinds: tuple[str, ...]
    settings: Mapping[str, object]
    secrets: Mapping[str, str]

    def __init__(self, number: int) -> None:
        self.number = number

    def put(self, state: str, phone: str) -> None:
        raise NotImplementedError

    def cards(self, kind: str) -> list[dict[str, Any]]:
        raise NotImplementedError

    def offences(self) -> list[Any]:
        raise NotImplementedError

    @property
    def crm(self) -> Crm:
        crm = REGISTRY[self.vendor].crm
        assert crm is not None
        return crm

    def door(self) -> Door:
        host = urlsplit(str(self.settings.get("client_endpoint") or self.settings["base_url"])).netloc
        facts = ConnectionFacts(
            self.number, self.vendor, "crm", "RU", "Europe/Moscow", "ru", dict(self.settings), dict(self.secrets)
        )
        return Door(
            connection=facts,
            http=RudeHttp(frozenset({host})),
            tokens=FixedTokens(self.secrets["access_token"]),
            now=lambda: datetime.now(UTC),
            spend=lambda _method: None,
            recording=lambda _key: None,  # type: ignore[arg-type,return-value]  # no recordings here
            remember=lambda _changes: None,
        )

    def bring(self, intents: tuple[Intent, ...]) -> dict[str, StepResult]:
        """Each step once, in order of rank, with what it needs done before."""
        specs: dict[str, tuple[StepSpec, Intent]] = {}
        for intent in intents:
            steps = self.crm.steps(intent)
            for spec in () if isinstance(steps, Unsupported) else steps:
                specs.setdefault(spec.key, (spec, intent))
        done: dict[str, StepResult] = {}
        for spec, intent in sorted(specs.values(), key=lambda pair: pair[0].rank):
            assert all(need in done for need in spec.needs), spec
            done[spec.key] = self.crm.perform(Step(spec.key, intent, dict(done), datetime.now(UTC)), self.door())
        return done

    def watch(self, intents: tuple[Intent, ...]) -> Ledger:
        """Bring a call in; what is new afterwards."""
        before = {kind: {one["id"] for one in self.cards(kind)} for kind in self.kinds}
        self.bring(intents)
        found = Ledger()
        for kind in self.kinds:
            found.cards[kind] = [one for one in self.cards(kind) if one["id"] not in before[kind]]
            found.counts[kind] = len(found.cards[kind])
        return found


class Bitrix24Stand(CrmStand):
    vendor, kinds = "bitrix24", ("LEAD", "CONTACT", "DEAL", "call")

    def __init__(self, portal: Bitrix24Simulator) -> None:
        super().__init__(next(_NUMBERS))
        self.portal = portal
        self.secrets = {
            "client_id": portal.client_id,
            "client_secret": portal.client_secret,
            "access_token": portal.access_token,
            "refresh_token": portal.refresh_token,
        }
        self.settings = {
            "auth": "oauth",
            "domain": portal.domain,
            "member_id": portal.member_id,
            "client_endpoint": portal.client_endpoint,
            "server_endpoint": portal.server_endpoint,
            "default_user_id": "1",
        }

    def put(self, state: str, phone: str) -> None:
        owned = {"ASSIGNED_BY_ID": 7, "PHONE": [{"VALUE": phone, "VALUE_TYPE": "WORK"}]}
        if state == "lead":
            self.portal.add_entity("LEAD", {"TITLE": "Заявка", **owned})
        elif state != "unknown":
            contact = self.portal.add_entity("CONTACT", {"NAME": "Ольга", **owned})
            self.portal.add_entity("DEAL", {"TITLE": "Старая", "CONTACT_ID": contact, "STAGE_ID": "C0:WON"})
            if state == "contact_with_deal":
                self.portal.add_entity("DEAL", {"TITLE": "Открытая", "CONTACT_ID": contact, "STAGE_ID": "NEW"})

    def cards(self, kind: str) -> list[dict[str, Any]]:
        if kind == "call":
            return [{**one, "id": one["CALL_ID"]} for one in self.portal.calls()]
        with self.portal.portal.lock:
            return [{**one, "id": one["ID"]} for one in self.portal.portal.crm[kind].values()]

    def offences(self) -> list[Any]:
        return self.portal.ledger.offences()


class AmocrmStand(CrmStand):
    vendor, kinds = "amocrm", ("leads", "contacts", "unsorted", "call")

    def __init__(self, account: AmoCrmSimulator) -> None:
        super().__init__(next(_NUMBERS))
        self.account = account
        self.secrets = {"client_id": account.client_id, "client_secret": account.client_secret,
                        "redirect_uri": account.redirect_uri, "access_token": account.access_token,
                        "refresh_token": account.refresh_token}  # fmt: skip
        self.settings = {"auth": "oauth", "base_url": account.base_url}

    def put(self, state: str, phone: str) -> None:
        if state == "unknown":
            return
        if state == "lead":
            self._put_lead_alone(phone)
            return
        contact = self.account.add_contact(phone, "Ольга", OWNER)
        lead = self.account.add_entity("leads", {"name": "Старая", "responsible_user_id": OWNER, "status_id": 142})
        self.account.link(lead, contact)
        if state == "contact_with_deal":
            deal = self.account.add_entity("leads", {"name": "Открытая", "responsible_user_id": OWNER})
            self.account.link(deal, contact)

    def _put_lead_alone(self, phone: str) -> None:
        """An incoming call that somebody else's integration brought in without a contact (amocrm.md §3.2)."""
        at = int(datetime.now(UTC).timestamp())
        call = {"phone": phone, "from": phone, "called_at": at, "duration": 9, "link": "", "service_code": "other",
                "uniq": f"other-{phone}", "call_responsible": "Anna"}  # fmt: skip
        item = {"source_uid": "other", "source_name": "Other", "created_at": at, "metadata": call,
                "_embedded": {"leads": [{"name": "Old"}]}}  # fmt: skip
        headers = {"Authorization": f"Bearer {self.secrets['access_token']}", "Content-Type": "application/json"}
        url = f"{self.account.base_url}/api/v4/leads/unsorted/sip"
        urlopen(Request(url, json.dumps([item]).encode(), headers), timeout=10).close()

    def cards(self, kind: str) -> list[dict[str, Any]]:
        if kind == "unsorted":
            return [{**one, "id": one["uid"]} for one in self.account.unsorted()]
        read = {"leads": self.account.leads, "contacts": self.account.contacts, "call": self.account.calls}
        return list(read[kind]())

    def offences(self) -> list[Any]:
        return self.account.offences()


@contextmanager
def stands() -> Iterator[dict[str, CrmStand]]:
    """Bitrix24 in both modes, and amoCRM."""
    with Bitrix24Simulator() as classic, Bitrix24Simulator() as simple, AmoCrmSimulator() as account:
        simple.settings.crm_mode = "simple"
        for one in (classic, simple, account):
            one.settings.limited = False
        yield {
            "classic": Bitrix24Stand(classic),
            "simple": Bitrix24Stand(simple),
            "amocrm": AmocrmStand(account),
        }
