"""What a call counts as, and which of a visitor's touches gets it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from hub.db.tables import CallRow
from hub.db.tracking import SiteRow
from hub.domain.events import Direction
from hub.web.api.documents import story_document
from hub.web.queries.calls import call_story
from tests.tracking_live.conftest import BILLBOARD, ORIGIN, POOL, Hub
from tests.tracking_live.ringing import Ring


def test_the_models_share_the_call_among_the_visitors_touches(hub: Hub, ring: Ring, settings: Any) -> None:
    first = hub.arrive()
    hub.leave(first["visit"])
    hub.clock.pass_time(days=2)
    hub.arrive(f"{ORIGIN}/?utm_source=vk&utm_medium=cpc", v="", u=first["visitor"])
    hub.clock.pass_time(days=2)
    back = hub.arrive(f"{ORIGIN}/", u=first["visitor"])
    call_id = ring(back["number"]).row.id
    told = story_of(hub, call_id)["attribution"]["models"]
    shares = {model: [(one["source"], round(one["share"], 2)) for one in credited] for model, credited in told.items()}
    assert shares == {
        "first": [("yandex", 1.0)],
        "last": [("(direct)", 1.0)],
        "last_non_direct": [("vk", 1.0)],
        "linear": [("yandex", 0.33), ("vk", 0.33), ("(direct)", 0.33)],
    }


def test_a_site_may_have_the_crm_told_of_the_first_touch(hub: Hub, ring: Ring) -> None:
    hub.setup(touch_model="first")
    first = hub.arrive()
    hub.leave(first["visit"])
    hub.clock.pass_time(days=2)
    back = hub.arrive(f"{ORIGIN}/?utm_source=vk&utm_medium=cpc", u=first["visitor"])
    assert ring(back["number"]).row.source == "yandex"


def story_of(hub: Hub, call_id: int) -> dict[str, Any]:
    with hub.database.reading() as session:
        workspace_id = session.scalars(select(SiteRow.workspace_id)).one()
        story = call_story(session, workspace_id, call_id)
        assert story is not None
        return story_document(story, "http://hub.example")


def test_flags_say_whether_a_call_is_unique_new_and_good_by_the_sites_rules(hub: Hub, ring: Ring) -> None:
    hub.setup(quality_seconds=20, unique_days=7)
    number = hub.arrive()["number"]
    first = ring(number).row.id
    with hub.database.transaction() as session:
        session.get_one(CallRow, first).talk_seconds = 25
    assert story_of(hub, first)["flags"] == {"unique": True, "new": True, "quality": True}
    hub.clock.pass_time(days=3)
    assert story_of(hub, ring(number).row.id)["flags"] == {"unique": False, "new": False, "quality": False}
    hub.clock.pass_time(days=8)
    assert story_of(hub, ring(number).row.id)["flags"] == {"unique": True, "new": False, "quality": False}


@pytest.mark.parametrize(
    ("rules", "good"),
    [
        ({}, True), ({"quality_seconds": 40}, False), ({"quality_groups": ["sales"]}, False),
        ({"quality_lines": ["8 495 111-00-01", "8 495 111-00-02", "8 495 111-00-03"]}, True),
        ({"quality_lines": ["+74950000000"]}, False),
    ],
)  # fmt: skip
def test_only_groups_and_lines_that_count_make_a_good_call(
    hub: Hub, ring: Ring, rules: dict[str, Any], good: bool
) -> None:
    hub.setup(**rules)
    call_id = ring(hub.arrive()["number"]).row.id
    with hub.database.transaction() as session:
        session.get_one(CallRow, call_id).talk_seconds = 31
    assert story_of(hub, call_id)["flags"]["quality"] is good


def test_calls_on_a_static_number_have_flags_and_outbound_calls_have_none(hub: Hub, ring: Ring) -> None:
    assert story_of(hub, ring(BILLBOARD).row.id)["flags"]["unique"] is True
    assert story_of(hub, ring(POOL[0], direction=Direction.OUTBOUND).row.id)["flags"] is None
