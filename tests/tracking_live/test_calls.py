"""From a number on a page to a call: the visit, its labels and its pages, or an honest unknown."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from hub.calls.again import ask_again, learn_laws
from hub.calls.record import CallChange
from hub.db.tracking import AttributionRow, LeaseRow, SiteRow
from hub.domain.events import Direction
from hub.web.api.documents import attribution_document
from hub.web.queries.calls import call_story
from tests.tracking_live.conftest import AD, AFTER, BILLBOARD, DEFAULT, ORIGIN, POOL, Hub
from tests.tracking_live.ringing import Ring, runtime_of
from tests.tracking_live.test_pages import log_in


def kept(hub: Hub) -> AttributionRow:
    with hub.database.reading() as session:
        return session.scalars(select(AttributionRow)).one()


def test_a_call_while_the_page_is_open_has_the_visits_labels_at_ring_time(hub: Hub, ring: Ring) -> None:
    visitor = hub.arrive(AD + "&utm_term=doors&utm_content=banner", ref="https://yandex.ru/", title="Двери")
    hub.clock.pass_time(seconds=20)
    change = ring(visitor["number"])
    source = change.source
    assert source is not None
    assert (source.source, source.medium, source.campaign) == ("yandex", "cpc", "spring")
    assert (source.content, source.term) == ("banner", "doors")
    assert change.visit is not None
    (page,) = change.visit.pages
    assert (page.title, page.url) == ("Двери", f"{AD}&utm_term=doors&utm_content=banner")
    assert (change.row.source, change.row.campaign) == ("yandex", "spring")
    answer = kept(hub)
    assert (answer.visit_uid, answer.model) == (visitor["visit"], "dynamic")
    assert answer.document["candidates"][0]["visit_id"] == visitor["visit"]
    assert answer.document["evidence"]


def test_a_call_minutes_after_leaving_is_still_that_visits(hub: Hub, ring: Ring) -> None:
    visitor = hub.arrive()
    hub.clock.pass_time(seconds=50)
    hub.leave(visitor["visit"])
    hub.clock.pass_time(minutes=3)
    assert ring(visitor["number"]).row.source == "yandex"


def test_a_call_days_later_to_a_number_of_many_is_unknown_and_keeps_its_candidates(hub: Hub, ring: Ring) -> None:
    hub.pool(POOL[0])
    for _ in range(12):
        hub.leave(hub.arrive()["visit"])
        hub.clock.pass_time(hours=5)
    change = ring(POOL[0])
    assert change.source is None
    assert change.row.source is None
    answer = kept(hub)
    assert answer.visit_uid is None
    assert answer.model in {"unknown", "somebody_else"}
    assert answer.document["candidates"]
    assert answer.document["evidence"]


@pytest.mark.parametrize("number", [DEFAULT, AFTER])
def test_a_call_to_the_number_that_everybody_sees_is_counted_as_lost(hub: Hub, ring: Ring, number: str) -> None:
    hub.arrive()
    assert ring(number).source is None
    assert kept(hub).model == "default_number"


def test_a_static_number_needs_no_guess(hub: Hub, ring: Ring) -> None:
    source = ring(BILLBOARD).source
    assert source is not None
    assert source.source == "billboard"


def test_who_left_the_number_in_a_form_is_known_even_on_the_default_number(hub: Hub, ring: Ring) -> None:
    visitor = hub.arrive()
    around: Any = type("Around", (), {"address": "10.0.0.1", "user_agent": "", "origin": ORIGIN})()
    said = {"v": visitor["visit"], "form": "order", "fields": {"phone": "8 900 123 45 67"}}
    hub.visitors.report(hub.site, said, around)
    hub.write()
    hub.clock.pass_time(days=2)
    assert ring(DEFAULT).row.source == "yandex"
    assert kept(hub).model == "form"
    assert ring(DEFAULT, client="+79007654321").source is None


def test_the_last_touch_that_was_not_direct_gets_the_call(hub: Hub, ring: Ring) -> None:
    first = hub.arrive()
    hub.leave(first["visit"])
    hub.clock.pass_time(days=2)
    back = hub.arrive(f"{ORIGIN}/", u=first["visitor"])
    assert back["visit"] != first["visit"]
    assert ring(back["number"]).row.source == "yandex"


def test_two_visits_that_share_a_number_are_told_apart_or_left_unknown(hub: Hub, ring: Ring) -> None:
    hub.pool(POOL[0])
    hub.arrive()
    hub.arrive(f"{ORIGIN}/?utm_source=vk&utm_medium=cpc")
    hub.clock.pass_time(seconds=5)
    assert ring(POOL[0]).source is None
    assert [round(one["probability"], 1) for one in kept(hub).document["candidates"]] == [0.5, 0.5]


def test_a_lease_that_is_known_late_answers_the_call_anew(hub: Hub, ring: Ring, settings: Any) -> None:
    visitor = hub.arrive()
    journal = f"dz:t:{{{hub.site_id}}}:journal"
    late: Any = hub.client.xrange(journal)
    hub.client.delete(journal)
    hub.clock.pass_time(seconds=10)
    assert ring(visitor["number"]).source is None
    for _, fields in late:
        hub.client.xadd(journal, fields)
    hub.write()
    assert kept(hub).stale
    changes: list[CallChange] = []
    assert ask_again(runtime_of(hub, settings), lambda _session, change: changes.append(change)) == 1
    assert changes[0].row.source == "yandex"
    assert not kept(hub).stale
    assert ask_again(runtime_of(hub, settings), lambda *_: None) == 0


def test_redis_away_costs_the_newest_facts_and_not_the_call(hub: Hub, ring: Ring, monkeypatch: Any) -> None:
    visitor = hub.arrive()
    hub.write()
    monkeypatch.setattr(hub.client, "xrange", _gone)
    assert ring(visitor["number"]).row.source == "yandex"


def _gone(*_arguments: Any, **_options: Any) -> None:
    import redis

    raise redis.ConnectionError("gone")


def test_a_broken_line_of_the_journal_harms_neither_the_call_nor_the_other_lines(hub: Hub, ring: Ring) -> None:
    journal = f"dz:t:{{{hub.site_id}}}:journal"
    hub.client.xadd(journal, {"d": 'P {"visit": 1}'})
    visitor = hub.arrive()
    ring(visitor["number"])
    hub.write()
    assert hub.client.xlen(journal) == 0
    with hub.database.reading() as session:
        assert len(session.scalars(select(LeaseRow)).all()) == 1


def test_a_law_is_learned_from_enough_calls_and_used(hub: Hub, ring: Ring, settings: Any) -> None:
    for number in range(24):
        visitor = hub.arrive()
        hub.clock.pass_time(seconds=40)
        ring(visitor["number"], client=f"+7900000{number:04}")
        hub.leave(visitor["visit"])
        hub.clock.pass_time(minutes=20)
    assert learn_laws(runtime_of(hub, settings)) == 1
    with hub.database.reading() as session:
        site = session.scalars(select(SiteRow)).one()
        assert site.law is not None
        assert site.law["calls_learned"] > 0
    assert learn_laws(runtime_of(hub, settings)) == 0
    visitor = hub.arrive()
    assert ring(visitor["number"]).row.source == "yandex"


def test_outbound_calls_are_nobodys_visit(hub: Hub, ring: Ring) -> None:
    visitor = hub.arrive()
    assert ring(visitor["number"], direction=Direction.OUTBOUND).source is None
    with hub.database.reading() as session:
        assert session.scalars(select(AttributionRow)).all() == []


def test_the_api_and_the_page_tell_the_answer_with_its_candidates(
    hub: Hub, ring: Ring, settings: Any, app: Flask
) -> None:
    visitor = hub.arrive(title="Двери")
    hub.clock.pass_time(seconds=9)
    call_id = ring(visitor["number"]).row.id
    with hub.database.reading() as session:
        workspace_id = session.scalars(select(SiteRow.workspace_id)).one()
        story = call_story(session, workspace_id, call_id)
    assert story is not None
    told = attribution_document(story)
    assert told["chosen"]["source"] == "yandex"
    assert told["chosen"]["visit"] == told["candidates"][0]["visit"] == visitor["visit"]
    assert told["candidates"][0]["on_page"] is True
    assert told["evidence"]
    assert [page["title"] for page in told["pages"]] == ["Двери"]
    page = log_in(app, hub).get(f"/admin/calls/{call_id}").text
    assert "by the visit that held the number" in page
    assert f"/admin/visits/{visitor['visit']}" in page
