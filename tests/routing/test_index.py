"""The owner index: read in parts, kept fresh by cards that change, mended by look-ups."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from hub.db.routing import LookUpWish, OwnerSync, PhoneOwner
from hub.domain.errors import Unreachable
from hub.domain.notices import PartyChanged
from hub.domain.phone import Phone
from hub.routing.heed import heed_notice
from hub.routing.index import grant_wishes, wish_look_up
from hub.routing.sync import sync_again, sync_owners
from tests.routing.conftest import CLIENT, OLGA, Scene

OTHER = Phone("79001230002", "+79001230002")
PETR = replace(OLGA, phone=OTHER, id="872", name="Petr", owner_user_id="8")


def index(scene: Scene) -> dict[str, tuple[str, str | None]]:
    """Phone to (card, owner)."""
    with scene.world.database.reading() as session:
        return {row.e164: (row.party_id, row.owner_user_id) for row in session.scalars(select(PhoneOwner))}


def progress(scene: Scene) -> OwnerSync:
    with scene.world.database.reading() as session:
        return session.scalars(select(OwnerSync)).one()


def let_time_pass(scene: Scene) -> None:
    with scene.world.database.transaction() as session:
        session.execute(update(OwnerSync).values(lease_until=None))


def changed(scene: Scene, **more: object) -> bool:
    notice = PartyChanged("contact", "871", **more)  # type: ignore[arg-type]
    with scene.world.database.transaction() as session:
        return heed_notice(session, scene.world.runtime, scene.world.crm_id, notice)


def test_a_reading_that_was_broken_off_goes_on_where_it_was(scene: Scene) -> None:
    scene.owners.pages = [[OLGA], [PETR]]
    scene.owners.trouble = []
    first_page = scene.owners.owners

    def once(door: object, cursor: str | None) -> object:
        if cursor == "1" and not scene.owners.trouble and progress(scene).cursor == "1" and not broken:
            broken.append(True)
            raise Unreachable("the portal is away")
        return first_page(door, cursor)  # type: ignore[arg-type]

    broken: list[bool] = []
    scene.owners.owners = once  # type: ignore[method-assign, assignment]
    assert sync_owners(scene.world.runtime) is True
    assert (progress(scene).phones, progress(scene).finished_at) == (1, None)
    assert "away" in progress(scene).last_error
    let_time_pass(scene)
    assert sync_owners(scene.world.runtime) is False
    assert scene.owners.asked == ["page 0", "page 1"]
    assert index(scene) == {CLIENT.e164: ("871", "7"), OTHER.e164: ("872", "8")}
    assert progress(scene).finished_at is not None


def test_what_a_complete_reading_has_not_seen_is_gone(scene: Scene) -> None:
    scene.owners.pages = [[OLGA, PETR]]
    sync_owners(scene.world.runtime)
    scene.owners.pages = [[replace(OLGA, owner_user_id="8")]]
    with scene.world.database.transaction() as session:
        sync_again(session, scene.world.crm_id)
    sync_owners(scene.world.runtime)
    assert index(scene) == {CLIENT.e164: ("871", "8")}


def test_a_complete_reading_is_not_begun_anew_the_same_day(scene: Scene) -> None:
    scene.owners.pages = [[OLGA]]
    assert [sync_owners(scene.world.runtime) for _ in range(3)] == [False, False, False]
    assert scene.owners.asked == ["page 0"]


def test_more_phones_than_one_statement_holds_are_all_kept(scene: Scene) -> None:
    crowd = [replace(OLGA, phone=Phone("", f"+7900{number:07}"), id=str(number)) for number in range(1201)]
    scene.owners.pages = [crowd]
    sync_owners(scene.world.runtime)
    assert (len(index(scene)), progress(scene).phones) == (1201, 1201)


def test_a_changed_card_is_read_again_and_a_removed_one_forgotten(scene: Scene) -> None:
    scene.owners.pages = [[OLGA]]
    sync_owners(scene.world.runtime)
    scene.owners.by_card["871"] = [replace(OLGA, phone=OTHER, owner_user_id="8")]
    assert changed(scene)
    grant_wishes(scene.world.runtime)
    assert index(scene) == {OTHER.e164: ("871", "8")}
    assert changed(scene, deleted=True)
    assert index(scene) == {}


def test_a_card_without_phones_is_nobodys_business(scene: Scene) -> None:
    with scene.world.database.transaction() as session:
        assert not heed_notice(session, scene.world.runtime, scene.world.crm_id, PartyChanged("deal", "1"))


def test_a_look_up_replaces_what_was_known_of_the_phone(scene: Scene) -> None:
    scene.owners.pages = [[OLGA]]
    sync_owners(scene.world.runtime)
    scene.owners.by_phone[CLIENT.display] = [replace(OLGA, id="900", owner_user_id="8")]
    wish(scene, CLIENT.display)
    assert grant_wishes(scene.world.runtime) == [(scene.world.workspace_id, CLIENT.e164)]
    assert index(scene) == {CLIENT.e164: ("900", "8")}
    assert open_wishes(scene) == 0


def test_a_look_up_that_fails_is_tried_again_later(scene: Scene) -> None:
    scene.owners.trouble = [Unreachable("away")]
    wish(scene, CLIENT.display)
    assert grant_wishes(scene.world.runtime) == []
    with scene.world.database.reading() as session:
        (kept,) = session.scalars(select(LookUpWish)).all()
    assert kept.attempts == 1
    assert kept.due_at > scene.world.runtime.now() - timedelta(seconds=5)


def test_a_flood_of_strangers_leaves_the_crm_alone(scene: Scene) -> None:
    for number in range(150):
        wish(scene, f"+7900{number:07}")
    assert open_wishes(scene) == 100


def wish(scene: Scene, e164: str) -> None:
    with scene.world.database.transaction() as session:
        wish_look_up(session, scene.world.workspace_id, e164)


def open_wishes(scene: Scene) -> int:
    with scene.world.database.reading() as session:
        return len(session.scalars(select(LookUpWish)).all())
