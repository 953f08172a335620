"""`dozvon ring-test` says what came, what did not, and where to look."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.cli.ring_test import Seen, _look, _verdict
from hub.db.engine import Database
from tests.delivery.story import answers, ends, rings
from tests.delivery.world import make_world


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Seen(), "Nothing came from mango. Check its hook address"),
        (Seen(("heard: events/call",), ("not understood: no entry_id",)), "no call: see /admin/quarantine"),
        (Seen(("heard: events/call",), is_over=True, has_call=True), "there is no CRM that it goes to"),
        (Seen(("heard: events/call",), has_call=True), "did not get all the way"),
    ],
)
def test_what_did_not_arrive_is_said_with_what_to_do(
    seen: Seen, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _verdict(seen, "mango") == 1
    told = capsys.readouterr().err
    assert words in told
    assert all(trouble in told for trouble in seen.troubles)


def test_a_call_is_followed_from_the_first_event_to_the_crm(database: Database, tmp_path: Path) -> None:
    world = make_world(database, tmp_path)
    assert _look(database, world.pbx_id, 0) == Seen()
    world.receive((rings("101", 1),), (answers("101", 5),))
    world.drain()
    ringing = _look(database, world.pbx_id, 0)
    assert (ringing.has_call, ringing.is_over, ringing.is_written) == (True, False, False)
    assert "understood: inbound call with +7900*****67" in ringing.lines
    world.receive((ends(65, answered_at=5, extension="101"),))
    world.drain()
    world.deliver()
    over = _look(database, world.pbx_id, 0)
    assert (over.is_over, over.is_written, over.troubles) == (True, True, ())
    assert "ended: answered, 60 s of talk" in over.lines
    assert "written to crm: finish" in over.lines


def test_what_cannot_be_understood_is_said(database: Database, tmp_path: Path) -> None:
    world = make_world(database, tmp_path)
    world.receive("broken")
    world.drain()
    assert _look(database, world.pbx_id, 0).troubles == ("not understood: broken on purpose",)
