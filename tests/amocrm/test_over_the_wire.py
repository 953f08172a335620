"""The connector over real sockets, and two tenants who must never meet."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from connectors.amocrm import CONNECTOR
from connectors.amocrm.party import find_party
from connectors.contract import ConnectionFacts, Door, Found, RecordingFile, Step, StepResult
from hub.domain.access import AccessToken
from hub.domain.errors import AuthRevoked, OutcomeUnknown
from hub.domain.intents import Intent
from hub.domain.phone import Phone
from hub.net.client import HubHttp
from tests.amocrm.account import FakeAccount
from tests.amocrm.served import Served, serving
from tests.amocrm.story import CLIENT, LINK, YANDEX, call, log, missed, record, source, task

THREADS = 40


@dataclass
class Link:
    """One tenant's connection: its own token, its own settings; everything else is shared with the other."""

    number: int
    http: HubHttp
    served: Served
    access: str
    done: dict[str, StepResult] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)
    version: int = 0

    def current(self) -> AccessToken:
        return AccessToken(self.access, self.version)

    def renewed(self, stale: AccessToken) -> AccessToken:
        assert CONNECTOR.oauth is not None
        pair = CONNECTOR.oauth.refresh(self.door, "R1")
        self.access, self.version = pair.access, stale.version + 1
        return self.current()

    @property
    def door(self) -> Door:
        settings = {"auth": "oauth", "base_url": self.served.base_url, **self.settings}
        secrets = {"client_id": "same-for-all", "client_secret": "sesame", "redirect_uri": "https://hub.example/"}
        facts = ConnectionFacts(self.number, "amocrm", "amo", "RU", "Europe/Moscow", "en", settings, secrets)
        return Door(
            connection=facts,
            http=self.http,
            tokens=self,
            now=lambda: datetime.now(UTC),
            spend=lambda _: None,
            recording=_no_file,
            remember=self.settings.update,
        )

    def step(self, key: str, what: Intent) -> Step:
        return Step(key, what, dict(self.done))

    def do(self, key: str, what: Intent) -> StepResult:
        assert CONNECTOR.crm is not None
        self.done[key] = CONNECTOR.crm.perform(self.step(key, what), self.door)
        return self.done[key]


def _no_file(key: str) -> RecordingFile:
    raise AssertionError("amoCRM is sent links, not files")


@pytest.fixture
def http() -> Iterator[HubHttp]:
    client = HubHttp(("127.0.0.1",))
    yield client
    client.close()


@pytest.fixture
def link(http: HubHttp) -> Iterator[Link]:
    with serving(FakeAccount(), "token-1") as served:
        yield Link(1, http, served, "token-1")


def test_a_whole_missed_call_of_a_stranger(link: Link) -> None:
    facts = missed(source=YANDEX, recording_links=(LINK,))
    for key, what in (("find", log(facts)), ("create", log(facts)), ("call", log(facts)), ("source", source(facts))):
        link.do(key, what)
    link.do("record:1", record(facts))
    link.do("task", task(facts))
    account = link.served.account
    (lead,) = account.leads.values()
    assert {one["field_code"] for one in lead["custom_fields_values"]} == {"UTM_SOURCE", "UTM_MEDIUM", "UTM_CAMPAIGN"}
    assert [note["params"]["link"] for note in account.call_notes()] == [LINK]
    assert (len(account.contacts), len(account.tasks), len(account.unsorted)) == (1, 1, 1)


def test_a_known_caller_and_a_second_call(link: Link) -> None:
    contact = link.served.account.add("contacts", "8 (900) 123-45-67")
    for number in ("1", "2"):
        link.done = {}
        for key in ("find", "create", "call"):
            link.do(key, log(call(call_id=number)))
    notes = link.served.account.call_notes()
    assert [(note["entity_id"], note["params"]["uniq"]) for note in notes] == [(contact, "1"), (contact, "2")]


def test_a_connection_that_breaks_after_the_write_is_looked_up(link: Link) -> None:
    assert CONNECTOR.crm is not None
    link.do("find", log())
    link.served.cut_after = "POST /api/v4/leads/unsorted/sip"
    with pytest.raises(OutcomeUnknown):
        link.do("create", log())
    found = CONNECTOR.crm.look_up(link.step("create", log()), link.door)
    assert isinstance(found, Found)
    assert len(link.served.account.unsorted) == 1


def test_a_dead_token_and_a_lost_answer_to_the_refresh_are_survived(link: Link) -> None:
    link.access = "token-0"
    link.served.cut_after = "POST /oauth2/access_token"
    link.do("find", log())
    assert link.access == "token-1"
    assert link.served.strangers == ["Bearer token-0"]


def test_a_revoked_access_is_said(link: Link) -> None:
    link.access, link.served.refresh = "token-0", "another"
    with pytest.raises(AuthRevoked, match="Token has been revoked"):
        link.do("find", log())


def test_a_long_lived_token_works_without_a_refresh(link: Link) -> None:
    assert CONNECTOR.check is not None
    link.settings["auth"] = "long_lived"
    door = link.door
    connection = replace(door.connection, secrets={"access_token": "token-1"})
    assert "Acme" in CONNECTOR.check(replace(door, connection=connection))


# --- Two tenants ----------------------------------------------------------------------------------


def test_forty_threads_of_two_tenants_never_mix(http: HubHttp) -> None:
    """The same integration, the same number, one process: everything shared but the accounts themselves."""
    assert CONNECTOR.crm is not None
    crm = CONNECTOR.crm
    with serving(FakeAccount(users={5}), "token-1") as first, serving(FakeAccount(users={8}), "token-2") as second:
        for served, name in ((first, "Olga of one"), (second, "Petr of two")):
            served.account.number = 1000 if served is first else 5000
            served.account.add("contacts", "+79001234567", name=name)
            served.account.codes = ("UTM_SOURCE",) if served is first else ("UTM_MEDIUM",)

        def work(turn: int) -> tuple[int, str, set[str], set[str]]:
            number, served = (1, first) if turn % 2 else (2, second)
            link = Link(number, http, served, f"token-{number}")
            party = find_party(CLIENT, link.door)
            users = {user.user_id for user in crm.users(link.door)}
            stranger = Phone(f"+7901{turn:07d}", f"+7901{turn:07d}")
            facts = call(call_id=f"{number}-{turn}", client=stranger, user_id=None, source=YANDEX)
            for key in ("find", "create"):
                link.do(key, log(facts))
            assert party is not None
            written = link.done["create"]["created"]
            assert isinstance(written, list)
            return number, str(party.name), users, {one["id"] for one in written}

        with ThreadPoolExecutor(THREADS) as pool:
            results = list(pool.map(work, range(THREADS * 4)))

        assert first.strangers == second.strangers == []
        for number, served, name, user in ((1, first, "Olga of one", "5"), (2, second, "Petr of two", "8")):
            mine = [result for result in results if result[0] == number]
            assert {result[1] for result in mine} == {name}
            assert {frozenset(result[2]) for result in mine} == {frozenset({user})}
            uniqs = {item["metadata"]["uniq"] for item in served.account.unsorted}
            assert len(uniqs) == len(mine) == THREADS * 2
            assert {uniq.partition("-")[0] for uniq in uniqs} == {str(number)}
            codes = {
                field["field_code"] for lead in served.account.leads.values() for field in lead["custom_fields_values"]
            }
            assert codes == set(served.account.codes)
