"""What was said, into the finished call (bitrix24.md §3.6)."""

from __future__ import annotations

import pytest

from connectors.bitrix24.crm import Bitrix24Crm
from connectors.contract import Absent, Found
from hub.domain.errors import NotReady, OutcomeUnknown, Rejected
from hub.domain.events import Phrase, Side
from hub.domain.intents import IntentKind
from tests.bitrix24.portal import CALL_ID, FINISHED, FakePortal, intent, refusal, reply, step

CRM = Bitrix24Crm()
ATTACH = "telephony.call.attachTranscription"
STATISTICS = "voximplant.statistic.get"
STEP = step(
    "transcript", intent(IntentKind.ATTACH_TRANSCRIPT, phrases=(Phrase(Side.CLIENT, 0, 3, "Hello"),)), finish=FINISHED
)


def test_a_transcript_goes_to_the_call() -> None:
    portal = FakePortal().on(ATTACH, reply({"TRANSCRIPT_ID": 15}))
    assert CRM.perform(STEP, portal.door) == {"transcript_id": "15"}
    assert portal.params(ATTACH)[0]["CALL_ID"] == CALL_ID


def test_a_call_that_is_not_finished_there_yet_is_tried_again() -> None:
    with pytest.raises(NotReady):
        CRM.perform(STEP, FakePortal().on(ATTACH, refusal(f"Call {CALL_ID} is not found. Is it finished?")).door)


def test_a_transcript_that_the_portal_minds_is_given_up_with_its_words() -> None:
    with pytest.raises(Rejected, match="MESSAGE"):
        CRM.perform(STEP, FakePortal().on(ATTACH, refusal("MESSAGES[0][MESSAGE] is empty")).door)


def test_an_answer_without_an_id_leaves_the_outcome_open() -> None:
    with pytest.raises(OutcomeUnknown):
        CRM.perform(STEP, FakePortal().on(ATTACH, reply([])).door)


@pytest.mark.parametrize(("transcript", "found"), [("15", Found({"transcript_id": "15"})), (None, Absent())])
def test_whether_it_is_there_is_read_in_the_statistics(transcript: str | None, found: Found | Absent) -> None:
    row = {"ID": "1", "CALL_ID": CALL_ID, "TRANSCRIPT_ID": transcript}
    assert CRM.look_up(STEP, FakePortal().on(STATISTICS, reply([row])).door) == found


def test_a_call_that_the_statistics_lack_has_none() -> None:
    assert CRM.look_up(STEP, FakePortal().on(STATISTICS, reply([])).door) == Absent()
