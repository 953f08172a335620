"""What the portal shows of our calls: by our id, from every page, doubles counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.bitrix24.logged import Bitrix24Log
from connectors.contract import LoggedCall
from hub.domain.errors import DeliveryError
from tests.bitrix24.portal import FakePortal, refusal, reply

SINCE = datetime(2026, 8, 29, 6, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=2)


def row(key: str, number: int = 1, file_id: int | None = None) -> dict[str, Any]:
    return {"ID": str(number), "CALL_ID": f"c{number}", "EXTERNAL_CALL_ID": key, "RECORD_FILE_ID": file_id}


def test_calls_are_told_by_our_id_with_their_recordings() -> None:
    portal = FakePortal().answers(voximplant__statistic__get=reply([row("a", 1, 77), row("b", 2)]))
    assert Bitrix24Log().logged(portal.door, SINCE, UNTIL) == {
        "a": LoggedCall("c1", recorded=True),
        "b": LoggedCall("c2", recorded=False),
    }


def test_span_is_asked_for_with_an_offset_and_a_margin() -> None:
    portal = FakePortal().answers(voximplant__statistic__get=reply([]))
    Bitrix24Log().logged(portal.door, SINCE, UNTIL)
    (params,) = portal.params("voximplant.statistic.get")
    assert params["FILTER"] == {
        ">=CALL_START_DATE": "2026-08-29T08:00:00+03:00",
        "<=CALL_START_DATE": "2026-08-29T12:00:00+03:00",
    }
    assert (params["SORT"], params["ORDER"], params["start"]) == ("ID", "ASC", 0)
    assert portal.spent == ["voximplant.statistic.get"]


def test_every_page_is_read() -> None:
    pages = [reply([row("a")], next=50, total=51), reply([row("b", 2)], total=51)]
    portal = FakePortal().answers(voximplant__statistic__get=list(pages))
    assert set(Bitrix24Log().logged(portal.door, SINCE, UNTIL)) == {"a", "b"}
    assert [params["start"] for params in portal.params("voximplant.statistic.get")] == [0, 50]


def test_calls_of_others_are_left_out_and_doubles_are_counted() -> None:
    portal = FakePortal().answers(voximplant__statistic__get=reply([row("", 1), row("a", 2), row("a", 3)]))
    assert Bitrix24Log().logged(portal.door, SINCE, UNTIL) == {"a": LoggedCall("c2", recorded=False, copies=2)}


def test_portal_that_does_not_let_us_view_the_statistics_says_so() -> None:
    portal = FakePortal().answers(voximplant__statistic__get=refusal("Access denied!", "ACCESS_DENIED", 403))
    with pytest.raises(DeliveryError):
        Bitrix24Log().logged(portal.door, SINCE, UNTIL)
