"""What the fold makes of the news about recordings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.calls.fold import fold
from hub.domain.events import RecordingState
from tests.calls.test_fold import recording


@given(st.permutations([RecordingState.STARTED, RecordingState.COMPLETED, RecordingState.AVAILABLE]))
def test_recording_only_moves_forward(states: list[RecordingState]) -> None:
    events = [recording(n, "r", state) for n, state in enumerate(states)]
    assert [one.state for one in fold(events).recordings] == [RecordingState.AVAILABLE]


def test_recording_without_a_file_stays_none_until_there_is_one() -> None:
    news = [recording(0, "r", RecordingState.STARTED, "101"), recording(9, "r", RecordingState.NONE)]
    assert [(one.state, one.extension) for one in fold(news).recordings] == [(RecordingState.NONE, "101")]
    (late,) = fold([*news, recording(20, "r", RecordingState.AVAILABLE)]).recordings
    assert late.state is RecordingState.AVAILABLE


def test_recordings_are_told_in_the_order_in_which_they_began_and_make_no_leg() -> None:
    events = [recording(9, "b", RecordingState.STARTED, "102"), recording(2, "a", RecordingState.COMPLETED)]
    call = fold(events)
    assert [one.key for one in call.recordings] == ["a", "b"]
    assert call.legs == ()
