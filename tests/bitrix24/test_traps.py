"""Each trap of the simulated portal (bitrix24.md §10) is armed, and the connector walks past it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.bitrix24 import CONNECTOR
from connectors.contract import Absent, Found
from hub.domain.errors import DeliveryError, OutcomeUnknown, Paused, Throttled
from hub.domain.intents import IntentKind
from hub.domain.notices import DialRequested
from hub.domain.phone import Phone
from simulators.bitrix24.traps import TRAPS, arm
from tests.bitrix24.test_over_the_wire import Hub, call, hub, register

__all__ = ["hub"]
LOG, RECORD = IntentKind.LOG_CALL, IntentKind.ATTACH_RECORDING


def finished(hub: Hub) -> None:
    """A call is logged at the first, or at the second try."""
    register(hub, call())
    hub.do(LOG, call())


def lost_registration(hub: Hub) -> None:
    with pytest.raises(OutcomeUnknown):
        register(hub, call())
    assert hub.find(LOG, call(), "register") == Absent()
    finished(hub)
    assert len(hub.portal.leads()) == 1


def lost_end(hub: Hub) -> None:
    register(hub, call())
    with pytest.raises(OutcomeUnknown):
        hub.do(LOG, call())
    assert isinstance(hub.find(LOG, call()), Found)


def dead_upload_address(hub: Hub) -> None:
    finished(hub)
    with pytest.raises(DeliveryError):
        hub.do(RECORD, call(), about="1")
    hub.do(RECORD, call(), about="1")
    assert hub.portal.calls()[0]["RECORDS_EVER"] == 1


def empty_directory(hub: Hub) -> None:
    assert CONNECTOR.crm is not None
    with pytest.raises(DeliveryError):
        CONNECTOR.crm.users(hub.door)
    assert len(CONNECTOR.crm.users(hub.door)) == 3


def strange_extension(hub: Hub) -> None:
    assert register(hub, call(user_id=None, extension="101"))["user_id"] == "1"
    hub.do(LOG, call())


def refused(kind: type[DeliveryError], *, at_end: bool = False) -> Callable[[Hub], None]:
    def walk(hub: Hub) -> None:
        if at_end:
            register(hub, call())
        with pytest.raises(kind):
            hub.do(LOG, call(), "" if at_end else "register")
        hub.portal.faults.clear()
        finished(hub)
        assert len(hub.portal.calls()) == 1

    return walk


def shared_number(hub: Hub) -> None:
    before = [dict(lead) for lead in hub.portal.leads()]
    about = call(client=Phone("+74951234567", "+74951234567"))
    register(hub, about)
    assert "skipped" in hub.do(IntentKind.SET_SOURCE, about)
    hub.do(LOG, about)
    assert hub.portal.leads() == before


def own_click(hub: Hub) -> None:
    """What the portal opened is taken over, or closed; never registered."""
    assert CONNECTOR.dials is not None
    (clicked,) = hub.portal.portal.live
    dial = DialRequested(Phone("+79001112233", "+79001112233"), "1", crm_call_id=clicked)
    spec, result = CONNECTOR.dials.adopted(dial)
    assert (spec.key, result["call_id"]) == ("register", clicked)
    CONNECTOR.dials.give_up(dial, "nobody can be rung", hub.door)
    assert hub.portal.portal.live == {}


def unfinished_installation(hub: Hub) -> None:
    assert CONNECTOR.check is not None
    assert "not fully installed" in CONNECTOR.check(hub.door)


WALKS: dict[int, Callable[[Hub], None]] = {
    3: own_click,
    8: strange_extension,
    9: empty_directory,
    10: lost_registration,
    11: lost_end,
    13: dead_upload_address,
    14: unfinished_installation,
    15: finished,
    17: finished,
    18: refused(Throttled),
    19: lost_end,
    20: refused(Throttled, at_end=True),
    21: shared_number,
    25: refused(Paused),
    26: refused(DeliveryError),
}


@pytest.mark.parametrize("number", WALKS)
def test_the_connector_walks_past_the_trap(hub: Hub, number: int) -> None:
    arm(hub.portal.portal, number)
    WALKS[number](hub)
    assert hub.portal.ledger.offences() == []


def test_every_trap_that_can_be_armed_is_walked_past_and_all_are_there() -> None:
    assert set(WALKS) == {number for number, trap in TRAPS.items() if trap.arm is not None}
    assert set(TRAPS) == set(range(1, 29))


def test_every_offence_of_a_trap_is_one_that_the_portal_knows() -> None:
    listed = (Path(__file__).parents[2] / "docs" / "simulators-bitrix24.md").read_text()
    for trap in TRAPS.values():
        for code in trap.offences:
            assert f"`{code}`" in listed


def test_what_cannot_be_armed_is_said(hub: Hub) -> None:
    with pytest.raises(ValueError, match="nothing to arm for 24"):
        arm(hub.portal.portal, 24)
