"""The VIP list on both stores: what is found, put in place, taken in and taken away."""

from __future__ import annotations

import pytest

from hub.routing import vips
from hub.routing.vips import Vip, WrongVip, list_vips, make_vip, put_vip, take_in
from tests.routing.conftest import Scene

OLGA, PETR = Vip("+79001234567", "101", "Ольга, the landlord"), Vip("+74951234567", None, "")


def on_the_list(scene: Scene, text: str = "") -> list[str]:
    with scene.world.database.reading() as session:
        return [vip.phone for vip in list_vips(session, scene.world.workspace_id, text=text)]


def test_lines_are_found_by_note_and_by_digits(scene: Scene) -> None:
    with scene.world.database.transaction() as session:
        assert [put_vip(session, scene.world.workspace_id, vip) for vip in (OLGA, PETR, OLGA)] == [True, True, False]
    assert on_the_list(scene) == [PETR.phone, OLGA.phone]
    assert on_the_list(scene, "LANDLORD") == [OLGA.phone]
    assert on_the_list(scene, "495 123") == [PETR.phone]
    assert on_the_list(scene, "100%") == []


def test_taking_in_adds_changes_and_only_when_asked_removes(scene: Scene) -> None:
    workspace_id = scene.world.workspace_id
    with scene.world.database.transaction() as session:
        assert take_in(session, workspace_id, [OLGA, PETR], replace=False) == (2, 0, 0)
        changed = Vip(OLGA.phone, "102")
        assert take_in(session, workspace_id, [changed], replace=False) == (0, 1, 0)
        assert take_in(session, workspace_id, [changed], replace=True) == (0, 0, 1)
        assert vips.count_vips(session, workspace_id) == 1
        (kept,) = list_vips(session, workspace_id)
    assert (kept.phone, kept.extension, kept.note) == (OLGA.phone, "102", "")


@pytest.mark.parametrize(
    ("phone", "extension"), [("12", "101"), ("", "101"), ("anonymous", ""), ("+79001234567", "1" * 65)]
)
def test_what_is_no_line_is_refused(phone: str, extension: str) -> None:
    with pytest.raises(WrongVip):
        make_vip(phone, extension, "", "RU")
