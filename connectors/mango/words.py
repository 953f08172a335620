"""Mango's words in the hub's words (`mango.md` §2, §6.3).

A word that is not here is unknown: counted, and breaks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from hub.domain.events import Direction, EventKind, Place, RecordingState, Result

_LOOK_ALIKES = str.maketrans("АВЕКМНОРСТХаеорсух", "ABEKMHOPCTXaeopcyx")
"""The documents print some words with Cyrillic letters, and nobody knows what the wire has."""

STATES: Mapping[str, EventKind] = {
    "appeared": EventKind.APPEARED,
    "connected": EventKind.ANSWERED,
    "onhold": EventKind.HELD,
    "disconnected": EventKind.ENDED,
}
LOCATIONS: Mapping[str, Place] = {
    "ivr": Place.MENU,
    "queue": Place.QUEUE,
    "abonent": Place.EMPLOYEE,  # or the client, see `parties.place_of`
}
DIRECTIONS: Mapping[str, Direction] = {
    "0": Direction.INTERNAL,
    "1": Direction.INBOUND,
    "2": Direction.OUTBOUND,
}
RECORDING_STATES: Mapping[str, RecordingState] = {
    "started": RecordingState.STARTED,
    "continued": RecordingState.STARTED,
    "completed": RecordingState.COMPLETED,
}
RECIPIENTS: Mapping[str, bool] = {"cloud": True, "cloudandmail": True, "mail": False}
"""Whether the recording can be fetched: one that is only mailed cannot."""

CALLBACK_INITIATORS: Mapping[str, bool] = dict.fromkeys(
    ("cc", "api", "web", "obdial", "callbackwidget", "missgroupcallcallback", "missinivrcallcallback"), True
)
TRANSFERS_TO_CLIENT: Mapping[str, bool] = {"consultative": False, "blind": True, "return_blind": True}
"""Whether somebody who answers a leg of such a transfer talks with the client."""

TRACKING_TYPES: Mapping[str, bool] = {"0": False, "1": True, "2": True}

RESULTS: Mapping[int, Result | None] = {
    # Codes that mean "ended normally" say nothing about a call that nobody answered.
    1000: None, 1001: None, 1100: None, 1300: None,
    # 1110 and 1120 are read for a leg that nobody answered; the fold knows when somebody did.
    1110: Result.CANCELLED, 1111: Result.NO_ANSWER, 1120: Result.DECLINED, 1121: Result.BUSY,
    1122: Result.DECLINED, 1123: Result.DECLINED, 1124: Result.DECLINED, 1125: Result.CANCELLED,
    1130: Result.FORBIDDEN, 1131: Result.UNAVAILABLE, 1132: Result.UNAVAILABLE, 1133: Result.WRONG_NUMBER,
    1134: Result.FAILED, 1135: Result.FORBIDDEN, 1140: Result.FORBIDDEN, 1150: Result.FORBIDDEN,
    1151: Result.FORBIDDEN, 1152: Result.FORBIDDEN, 1160: Result.UNAVAILABLE, 1161: Result.FORBIDDEN,
    1162: Result.BUSY, 1163: Result.NO_ANSWER, 1164: Result.UNAVAILABLE, 1170: Result.IN_MENU,
    1171: Result.FAILED, 1180: Result.CANCELLED, 1181: Result.CANCELLED, 1182: Result.MOVED,
    1183: Result.MOVED, 1190: Result.OFF_HOURS, 1191: Result.UNAVAILABLE, 1192: Result.OFF_HOURS,
    1193: Result.BUSY, 1200: Result.FAILED, 1310: Result.NO_ANSWER, 1311: Result.NO_ANSWER,
    1312: Result.BUSY, 1313: Result.NO_ANSWER, 1314: Result.NO_ANSWER,
    2000: Result.NO_MONEY, 2100: Result.NO_MONEY, 2200: Result.NO_MONEY, 2220: Result.BUSY,
    2230: Result.UNAVAILABLE, 2240: Result.NO_MONEY, 2300: Result.FORBIDDEN, 2400: Result.NO_MONEY,
    3000: Result.FAILED, 3136: Result.WRONG_NUMBER, 3200: Result.WRONG_NUMBER, 3330: Result.WRONG_NUMBER,
    4000: Result.FAILED, 4200: Result.UNAVAILABLE, 4500: Result.FORBIDDEN, 5000: Result.FAILED,
    5010: Result.NO_MONEY, 6000: Result.FAILED,
}  # fmt: skip


def plain(word: str) -> str:
    """The word in small Latin letters, look-alikes replaced: what the tables are keyed by."""
    return word.translate(_LOOK_ALIKES).casefold()


def look_up_result(code: int) -> tuple[Result | None, bool]:
    """What a disconnect reason means, and whether we know it or at least its class.

    An unknown code falls back to its class: 2219 to 2210, then 2200, then 2000.
    """
    for step in (1, 10, 100, 1000):
        found = code // step * step
        if found in RESULTS:
            return RESULTS[found], step <= 100
    return Result.UNKNOWN, False
