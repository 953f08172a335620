"""Rules by the caller's number, kept in the strict PBX over real sockets: ours follow the list, others stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.contract import ConnectionFacts, Door, RecordingFile
from connectors.mango.forwarding import MangoForwarding
from hub.domain.access import AccessToken
from hub.domain.errors import Rejected
from hub.net.client import HubHttp
from hub.routing.forwarding import bring_about
from simulators.mango import MangoSimulator
from tests.mango.samples import KEY, SALT

FORWARDING = MangoForwarding()
CLIENT, OTHER = "+79001234567", "+79001230002"
THEIR_RULE = {
    "client_phone_number": "79001230009", "client_phone_type": 0, "status": 1, "comment": "by hand",
    "forward_type": "user", "forward_to_user": {"forward_user_id": 5001, "forward_contact_id": ""},
}  # fmt: skip


class NoTokens:
    def current(self) -> AccessToken:
        raise AssertionError("Mango has no tokens")

    def renewed(self, stale: AccessToken) -> AccessToken:
        raise AssertionError("Mango has no tokens")


@dataclass
class Link:
    pbx: MangoSimulator
    door: Door

    def rules(self) -> dict[str, Any]:
        """Client to whom it rings."""
        return {
            str(rule["client_phone_number"]): rule.get("forward_to_user", rule.get("forward_to_group"))
            for rule in self.pbx.office.forwarding.values()
        }


@pytest.fixture
def link() -> Iterator[Link]:
    http = HubHttp(("127.0.0.1",))
    with MangoSimulator(hub_url="", api_key=KEY, api_salt=SALT) as pbx:
        pbx.faults.rate_limits = False  # one question about employees in two seconds: the hub's budget sees to that
        facts = ConnectionFacts(
            1, "mango", "mango", "RU", "Europe/Moscow", "ru", {"base_url": pbx.base_url},
            {"api_key": KEY, "api_salt": SALT},
        )  # fmt: skip
        door = Door(
            connection=facts,
            http=http,
            tokens=NoTokens(),
            now=lambda: datetime.now(UTC),
            spend=lambda _: None,
            recording=lambda _: RecordingFile(Path("/none"), "mp3", 0),
            remember=lambda _: None,
        )
        yield Link(pbx, door)
        assert [one for one in pbx.ledger.entries("offence") if one["code"] != "5225"] == []
    http.close()


def want(link: Link, wanted: dict[str, str]) -> None:
    bring_about(FORWARDING, link.door, wanted)


def test_rules_are_made_changed_and_taken_away_with_the_list(link: Link) -> None:
    want(link, {CLIENT: "101", OTHER: "300"})
    assert link.rules() == {
        "79001234567": {"forward_user_id": 5001, "forward_contact_id": ""},
        "79001230002": {"forward_group_id": 21},
    }
    want(link, {CLIENT: "102"})
    assert link.rules() == {"79001234567": {"forward_user_id": 5002, "forward_contact_id": ""}}
    want(link, {})
    assert link.rules() == {}


def test_what_stands_already_is_not_written_again(link: Link) -> None:
    want(link, {CLIENT: "101"})
    before = dict(link.pbx.office.forwarding)
    want(link, {CLIENT: "101"})
    assert link.pbx.office.forwarding == before
    writes = [one for one in link.pbx.ledger.entries("query") if one["path"].startswith("forwarding/number/")]
    assert len(writes) == 1


def test_rules_of_people_stay_as_they_are(link: Link) -> None:
    link.pbx.office.forwarding[1] = dict(THEIR_RULE)
    want(link, {"+79001230009": "102", CLIENT: "101"})
    assert link.pbx.office.forwarding[1] == THEIR_RULE
    want(link, {})
    assert list(link.rules()) == ["79001230009"]


def test_an_extension_that_the_pbx_does_not_list_gets_no_rule(link: Link) -> None:
    want(link, {CLIENT: "999"})
    assert link.rules() == {}


def test_a_product_without_the_service_says_so_and_locks_nothing(link: Link) -> None:
    link.pbx.faults.ani_routing = False
    for _ in range(3):
        with pytest.raises(Rejected, match="5225"):
            want(link, {CLIENT: "101"})
    assert link.pbx.ledger.entries("lock_out") == []
