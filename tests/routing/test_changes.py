"""Cards that were changed are read every few minutes: an event of the CRM may get lost, or never come."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from connectors.contract import Door, OwnedPhone, OwnersPage
from hub.db.routing import OwnerSync, PhoneOwner
from hub.domain.errors import DeliveryError, OverBudget, Unreachable
from hub.domain.phone import Phone
from hub.routing.sync import CHANGES_EVERY, sync_again, sync_changes, sync_owners
from tests.routing.conftest import CLIENT, OLGA, Scene

OTHER = Phone("79001230002", "+79001230002")
PETR = replace(OLGA, phone=OTHER, id="872", name="Petr", owner_user_id="8")


@dataclass
class FakeChanges:
    """`pages` of phones; the cards of a page are those of its phones and `bare`, which have none."""

    pages: list[list[OwnedPhone]] = field(default_factory=list)
    bare: tuple[str, ...] = ()
    trouble: list[DeliveryError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)

    def changed_since(self, moment: datetime) -> str:
        self.since.append(moment)
        return "0"

    def changes(self, door: Door, cursor: str) -> OwnersPage:
        if self.trouble:
            raise self.trouble.pop(0)
        self.asked.append(cursor)
        phones = tuple(self.pages[int(cursor)]) if self.pages else ()
        cards = tuple(("contact", number) for number in (*(one.id for one in phones), *self.bare))
        more = int(cursor) + 1 < len(self.pages)
        return OwnersPage(phones, str(int(cursor) + 1) if more else None, cards)


@pytest.fixture
def changes(scene: Scene) -> FakeChanges:
    """Where everything was read a while ago."""
    fake = FakeChanges()
    world = scene.world
    crm = replace(world.runtime.registry["crm"], owner_changes=fake)
    world.runtime = replace(world.runtime, registry={**world.runtime.registry, "crm": crm})
    scene.owners.pages = [[OLGA]]
    sync_owners(world.runtime)
    time_passes(scene)
    return fake


def time_passes(scene: Scene) -> None:
    with scene.world.database.transaction() as session:
        row = session.scalars(select(OwnerSync)).one()
        assert row.changes_began_at is not None
        row.changes_began_at -= CHANGES_EVERY
        row.lease_until = None


def index(scene: Scene) -> dict[str, tuple[str, str | None]]:
    with scene.world.database.reading() as session:
        return {row.e164: (row.party_id, row.owner_user_id) for row in session.scalars(select(PhoneOwner))}


def progress(scene: Scene) -> OwnerSync:
    with scene.world.database.reading() as session:
        return session.scalars(select(OwnerSync)).one()


def test_a_card_whose_event_never_came_is_found_changed(scene: Scene, changes: FakeChanges) -> None:
    changes.pages = [[replace(OLGA, owner_user_id="8")]]
    assert sync_changes(scene.world.runtime) is False
    assert index(scene) == {CLIENT.e164: ("871", "8")}


def test_a_phone_that_was_taken_off_its_card_is_forgotten(scene: Scene, changes: FakeChanges) -> None:
    changes.pages, changes.bare = [[PETR]], ("871",)
    sync_changes(scene.world.runtime)
    assert index(scene) == {OTHER.e164: ("872", "8")}


def test_changes_are_read_from_shortly_before_the_reading_before_and_not_all_the_time(
    scene: Scene, changes: FakeChanges
) -> None:
    began = progress(scene).changes_began_at
    assert began is not None
    for _ in range(3):
        sync_changes(scene.world.runtime)
    assert changes.asked == ["0"]
    (since,) = changes.since
    assert timedelta(minutes=1) < began - since < timedelta(minutes=5)
    time_passes(scene)
    sync_changes(scene.world.runtime)
    assert changes.asked == ["0", "0"]


def test_a_reading_that_was_broken_off_goes_on_where_it_was(scene: Scene, changes: FakeChanges) -> None:
    changes.pages = [[replace(OLGA, owner_user_id="8")], [PETR]]
    assert sync_changes(scene.world.runtime, lambda: True) is True
    assert progress(scene).changes_cursor == "1"
    changes.trouble = [Unreachable("the account is away")]
    assert sync_changes(scene.world.runtime) is True
    assert "away" in progress(scene).last_error
    with scene.world.database.transaction() as session:
        session.execute(update(OwnerSync).values(lease_until=None))
    assert sync_changes(scene.world.runtime) is False
    assert changes.asked == ["0", "1"]
    assert len(changes.since) == 1
    assert index(scene) == {CLIENT.e164: ("871", "8"), OTHER.e164: ("872", "8")}


def test_a_used_up_budget_puts_it_off_and_loses_nothing(scene: Scene, changes: FakeChanges) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    changes.pages, changes.trouble = [[PETR]], [OverBudget("used up", until=until, scope="connection")]
    assert sync_changes(scene.world.runtime) is True
    assert progress(scene).lease_until == until
    assert sync_changes(scene.world.runtime) is False
    time_passes(scene)
    sync_changes(scene.world.runtime)
    assert (changes.asked, len(changes.since)) == (["0"], 1)


def test_while_everything_is_to_be_read_changes_wait(scene: Scene, changes: FakeChanges) -> None:
    with scene.world.database.transaction() as session:
        sync_again(session, scene.world.crm_id)
    assert sync_changes(scene.world.runtime) is False
    assert changes.asked == []
