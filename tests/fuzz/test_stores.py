"""Spoilt requests through the real door into real stores: every row is closed, and nothing of the hub fails."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marshmallow import Schema
from sqlalchemy import func, select

from connectors.contract import Connector
from connectors.registry import REGISTRY
from hub.db.engine import Database
from hub.db.tables import CallRow
from hub.db.work import InboxRow
from hub.domain.events import CallEvent, Direction, EventKind, Place, RecordingNews, RecordingState, Result
from hub.domain.phone import Phone
from tests.contract.senders import RECEIVED_AT, SENDERS, Sample
from tests.fuzz.mutations import mutants
from tests.fuzz.test_parsers import kinds
from tests.fuzz.world import LONG_AGO, Hub, make_hub
from webhooks.contract import (
    Admitted,
    Drift,
    HookRequest,
    Ignored,
    InboxItem,
    Malformed,
    ParseContext,
    Parsed,
    Stated,
)
from webhooks.inbox import Inbox, open_inbox
from webhooks.receiver import BODY_CAP_BYTES

MOST_OF_A_VENDOR = 350
"""As many spoilt samples of a vendor as go through both stores in seconds; the parsers see all of them."""


@pytest.fixture
def inbox(database_url: str) -> Iterator[Inbox]:
    opened = open_inbox(database_url)
    yield opened
    opened.close()


@pytest.fixture
def hub(database: Database, inbox: Inbox, tmp_path: Path) -> Hub:
    return make_hub(database, inbox, tmp_path)


def spoilt(vendor: str) -> list[Sample]:
    """A fair part of all mutants, the same in every run."""
    sender = SENDERS[vendor]
    every = [mutant for sample in kinds(sender) for _, mutant in mutants(sender, sample)]
    chosen = random.Random(7).sample(every, min(MOST_OF_A_VENDOR, len(every)))
    return [*chosen, *sender.samples]


@pytest.mark.parametrize("vendor", sorted(SENDERS))
def test_every_spoilt_request_ends_closed_and_none_fails_the_hub(hub: Hub, vendor: str) -> None:
    statuses = {hub.post(vendor, sample) for sample in spoilt(vendor)}
    assert statuses <= {200, 404, 413}
    hub.drain()
    states = hub.states()
    assert states["received"] == 0
    assert states["processed"] + states["ignored"] > 0
    assert states["quarantined"] > 0 or not SENDERS[vendor].signs_body
    assert hub.poisoned() == []


@pytest.mark.parametrize("vendor", sorted(SENDERS))
def test_body_of_300_kib_is_too_large_and_one_below_the_cap_is_not(hub: Hub, vendor: str) -> None:
    assert hub.send(vendor, "", b"x" * 300 * 1024) == 413
    assert hub.send(vendor, "", b"x" * 300 * 1024, CONTENT_LENGTH="") == 413
    assert hub.send(vendor, "", b"x" * BODY_CAP_BYTES) == 404
    sender = SENDERS[vendor]
    document = {**sender.read(sender.first.body), "brand_new_field": "x" * 200_000}
    assert hub.post(vendor, Sample("large", sender.first.topic, sender.write(document))) == 200
    hub.drain()
    assert hub.states()["received"] == 0


@pytest.mark.parametrize("topic", ["\x00", "x" * 5000, "a/" * 2000, "%00", "ÿþ", "..", "events/call\x00"])
def test_strange_topics_are_kept_or_refused_and_never_unavailable(hub: Hub, topic: str) -> None:
    for vendor, sender in SENDERS.items():
        assert hub.post(vendor, Sample("strange", topic, sender.first.body)) in {200, 404}
    hub.drain()
    assert hub.states()["received"] == 0
    assert hub.poisoned() == []


# --- A folder that takes no care at all -------------------------------------------------------------


class Careless:
    """States whatever it is told to, as a folder with every bug at once would."""

    def __init__(self) -> None:
        self.says: dict[str, Parsed] = {}

    def admit(self, request: HookRequest, secrets: Sequence[Mapping[str, str]]) -> Admitted:
        return Admitted((InboxItem(request.body.decode("utf-8", "surrogateescape"), request.topic, request.body),))

    def parse(self, item: InboxItem, context: ParseContext) -> Parsed:
        return self.says[item.body.decode()]


_text = st.one_of(
    st.text(max_size=20),
    st.sampled_from(("", "\x00", "a\x00b", "\ud800", "101", "x" * 5000, "\x00" * 400, "'; DROP TABLE calls; --")),
)
_number = st.sampled_from((None, 0, -1, 1, 60, 2**31, 2**63, -(2**63), 10**400))
_moment = st.sampled_from(
    (
        RECEIVED_AT,
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2000, 1, 1, tzinfo=UTC),
        datetime(2100, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 11, 22, 10, 0),  # noqa: DTZ001 - a naive one is meant
        datetime(2026, 11, 22, 10, 5, tzinfo=UTC),
    )
)
_phone = st.builds(Phone, _text, st.sampled_from((None, "+79001234567")))
_event = st.builds(
    CallEvent,
    kind=st.sampled_from(EventKind),
    call_key=_text,
    event_key=_text,
    at=_moment,
    leg_key=st.none() | _text,
    seq=_number,
    direction=st.none() | st.sampled_from(Direction),
    place=st.none() | st.sampled_from(Place),
    client=st.none() | _phone,
    hidden=st.booleans(),
    line=st.none() | _phone,
    extension=st.none() | _text,
    group=st.none() | _text,
    result=st.none() | st.sampled_from(Result),
    talk_seconds=_number,
    started_at=st.none() | _moment,
    answered_at=st.none() | _moment,
    ended_at=st.none() | _moment,
    recording=st.none() | st.builds(RecordingNews, _text, st.sampled_from(RecordingState), st.none() | _text),
    command_id=st.none() | _text,
    came_from_leg=st.none() | _text,
    tracking_number=st.none() | _phone,
)
_drift = st.lists(st.builds(Drift, st.sampled_from(("field", "word", "k" * 99)), _text), max_size=3).map(tuple)
_parsed = st.one_of(
    st.builds(Stated, st.lists(_event, min_size=1, max_size=4).map(tuple), _drift),
    st.builds(Ignored, _text, _drift),
    st.builds(Malformed, _text, _drift),
)


@pytest.fixture
def careless(database: Database, inbox: Inbox, tmp_path: Path) -> tuple[Hub, Careless]:
    hook = Careless()
    registry = {**REGISTRY, "careless": Connector("careless", "Careless", Schema, Schema, hook=hook)}
    return make_hub(database, inbox, tmp_path, registry), hook


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=st.lists(_parsed, min_size=1, max_size=12))
def test_whatever_a_folder_states_is_folded_planned_and_stored(
    careless: tuple[Hub, Careless], said: list[Parsed]
) -> None:
    hub, hook = careless
    with hub.database.transaction() as session:
        first = (session.scalar(select(func.max(InboxRow.id))) or 0) + 1
        for number, parsed in enumerate(said, first):
            hook.says[str(number)] = parsed
            session.add(
                InboxRow(
                    connection_id=hub.connections["careless"], dedupe_key=str(number), topic="",
                    body=str(number).encode(), received_at=RECEIVED_AT, due_at=LONG_AGO,
                )
            )  # fmt: skip
    hub.drain()
    assert hub.states()["received"] == 0
    assert hub.poisoned() == []


def test_keys_that_were_too_long_or_unkeepable_still_tell_calls_apart(careless: tuple[Hub, Careless]) -> None:
    hub, hook = careless
    keys = ["x" * 5000 + "1", "x" * 5000 + "2", "a\x00b", "ab"]
    for number, key in enumerate(keys):
        body = f"r{number}"
        hook.says[body] = Stated((CallEvent(EventKind.APPEARED, key, "e", RECEIVED_AT),))
        assert hub.send("careless", "", body.encode()) == 200
    hub.drain()
    with hub.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(CallRow)) == len(keys)


def test_dedupe_keys_that_no_column_takes_are_kept_all_the_same(careless: tuple[Hub, Careless]) -> None:
    hub, hook = careless
    bodies = [b"a\x00b", b"ab", b"k" * 5000 + b"1", b"k" * 5000 + b"2", b"\xff"]
    for body in bodies:
        hook.says[body.decode("utf-8", "replace")] = Ignored("nothing")
        for _ in range(2):
            assert hub.send("careless", "t" * 900, body) == 200
    assert sum(hub.states().values()) == len(bodies)
