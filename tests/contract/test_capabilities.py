"""What every PBX that takes commands, and every CRM that tells owners, must keep to; a new one inherits all of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.contract import ConnectionFacts, Door, RecordingFile
from connectors.registry import REGISTRY
from hub.domain.access import AccessToken
from hub.domain.errors import Rejected
from hub.domain.phone import Phone
from hub.net.http import Http

COMMANDING = [vendor for vendor, connector in REGISTRY.items() if connector.commands is not None]
OWNING = [vendor for vendor, connector in REGISTRY.items() if connector.owners is not None]
KINDS_OF_COMMAND = ("route", "callback", "callback_group", "hangup", "extensions")
CLIENT, LINE = Phone("79001234567", "+79001234567"), Phone("74950000001", "+74950000001")
SHORT = Phone("12")


class NoWayOut:
    """Nothing may be sent through this door."""

    def request(self, *_: object, **__: object) -> Any:
        raise AssertionError("something was sent")


class OneToken:
    def current(self) -> AccessToken:
        return AccessToken("token", 1)

    def renewed(self, stale: AccessToken) -> AccessToken:
        return stale


def door(vendor: str) -> Door:
    return Door(
        connection=facts(vendor),
        http=cast("Http", NoWayOut()),
        tokens=OneToken(),
        now=lambda: datetime(2026, 9, 1, tzinfo=UTC),
        spend=lambda _: None,
        recording=lambda _: RecordingFile(Path("/none"), "mp3", 0),
        remember=lambda _: None,
    )


def facts(vendor: str) -> ConnectionFacts:
    secrets = {"api_key": "key", "api_salt": "salt", "client_id": "id", "client_secret": "secret"}
    settings = {"base_url": "https://acme.example", "domain": "acme.example"}
    return ConnectionFacts(1, vendor, "one", "RU", "Europe/Moscow", "ru", settings, secrets)


NONSENSE: dict[str, Callable[[Any, Door], None]] = {
    "a leg without a key": lambda told, to: told.route(to, command_id="c1", leg_key="", to="101"),
    "a target that is no number": lambda told, to: told.route(to, command_id="c1", leg_key="L1", to="nobody here"),
    "an empty target": lambda told, to: told.route(to, command_id="c1", leg_key="L1", to=""),
    "a command without an id": lambda told, to: told.hangup(to, command_id="", leg_key="L1"),
    "a leg to end without a key": lambda told, to: told.hangup(to, command_id="c1", leg_key=""),
    "a short client": lambda told, to: told.callback(to, command_id="c1", extension="101", client=SHORT, line=LINE),
    "no extension": lambda told, to: told.callback(to, command_id="c1", extension="", client=CLIENT, line=LINE),
    "no group": lambda told, to: told.callback_group(to, command_id="c1", group="", client=CLIENT, line=LINE),
}


def commands(vendor: str) -> Any:
    return REGISTRY[vendor].commands


@pytest.mark.parametrize("vendor", COMMANDING)
@pytest.mark.parametrize("what", NONSENSE)
def test_what_a_pbx_could_only_refuse_is_refused_before_it_is_sent(vendor: str, what: str) -> None:
    with pytest.raises(Rejected):
        NONSENSE[what](commands(vendor), door(vendor))


@pytest.mark.parametrize("vendor", COMMANDING)
@pytest.mark.parametrize("kind", KINDS_OF_COMMAND)
def test_a_limit_of_one_command_is_shared_by_all_connections_of_one_product(vendor: str, kind: str) -> None:
    rule = commands(vendor).pace(facts(vendor), kind)
    if rule is None:
        return
    assert rule.per_second > 0
    assert rule.capacity >= 1
    other = ConnectionFacts(2, vendor, "two", "RU", "Europe/Moscow", "ru", {}, facts(vendor).secrets)
    assert commands(vendor).pace(other, kind) == rule
    assert "key" not in rule.key.split(":")


@pytest.mark.parametrize("vendor", COMMANDING)
def test_a_pbx_that_takes_commands_lists_whom_they_may_name_and_has_a_budget(vendor: str) -> None:
    connector = REGISTRY[vendor]
    assert connector.directory is not None
    assert connector.pbx is not None
    assert connector.pbx.quota(facts(vendor)) is not None


@pytest.mark.parametrize("vendor", OWNING)
def test_a_place_that_no_page_gave_is_refused(vendor: str) -> None:
    owners = REGISTRY[vendor].owners
    assert owners is not None
    for cursor in ("nonsense", "deals:1", "-1", ":"):
        with pytest.raises(Rejected):
            owners.owners(door(vendor), cursor)


@pytest.mark.parametrize("vendor", OWNING)
def test_a_card_that_has_no_phones_is_nobodys(vendor: str) -> None:
    owners = REGISTRY[vendor].owners
    assert owners is not None
    assert owners.kind_of("no such kind") == ""
    assert owners.party("no such kind", "1", door(vendor)) is None
