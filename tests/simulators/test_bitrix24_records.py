"""Recordings on the simulated portal (bitrix24.md §8) and transcripts (§3.6)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from simulators.bitrix24 import Bitrix24Simulator
from tests.simulators.bitrix24_talk import MP3, WAV, Talk, token_request

ATTACH = "telephony.externalCall.attachRecord"


@pytest.fixture
def portal() -> Iterator[Bitrix24Simulator]:
    with Bitrix24Simulator() as simulator:
        yield simulator


@pytest.fixture
def talk(portal: Bitrix24Simulator) -> Talk:
    return Talk(portal)


def upload(
    url: str, filename: str = "call.mp3", content: bytes = MP3, field: str = "file"
) -> tuple[int, dict[str, Any]]:
    answer = urllib3.request("POST", url, fields={field: (filename, content)}, retries=False)
    return answer.status, answer.json()


def test_recording_before_finish_is_refused(portal: Bitrix24Simulator, talk: Talk) -> None:
    call_id = talk.register()["CALL_ID"]
    refusal = talk.refused(ATTACH, CALL_ID=call_id, FILENAME="a.mp3")
    assert refusal[2] == "Call is not found in the statistic table. Looks like it is not finished yet."
    assert portal.ledger.offences("record_before_finish")


def test_two_steps_attach_the_file_and_the_page_serves_it_in_ranges(portal: Bitrix24Simulator, talk: Talk) -> None:
    call_id = talk.finished_call()
    permission = talk.ok(ATTACH, CALL_ID=call_id, FILENAME="call.mp3")
    assert permission["fieldName"] == "file"
    status, body = upload(permission["uploadUrl"])
    assert status == 200
    (call,) = portal.calls()
    assert call["RECORD_FILE_ID"] == body["result"]["FILE_ID"]
    (row,) = talk.ok("voximplant.statistic.get", FILTER={"CALL_ID": call_id})
    assert row["RECORD_FILE_ID"] == body["result"]["FILE_ID"]
    answer = urllib3.request("GET", row["CALL_RECORD_URL"], headers={"Range": "bytes=0-2"})
    assert (answer.status, answer.data, answer.headers["Content-Type"]) == (206, b"ID3", "audio/mpeg")


def test_upload_address_works_once(portal: Bitrix24Simulator, talk: Talk) -> None:
    url = talk.ok(ATTACH, CALL_ID=talk.finished_call(), FILENAME="call.mp3")["uploadUrl"]
    assert upload(url)[0] == 200
    assert upload(url)[0] == 403
    assert portal.ledger.offences("upload_to_stale_url")
    assert portal.calls()[0]["RECORDS_EVER"] == 1


def test_upload_address_dies_with_the_token(portal: Bitrix24Simulator, talk: Talk) -> None:
    url = talk.ok(ATTACH, CALL_ID=talk.finished_call(), FILENAME="call.mp3")["uploadUrl"]
    token_request(portal, grant_type="refresh_token", refresh_token=portal.refresh_token)
    assert upload(url)[0] == 401
    assert portal.ledger.offences("upload_to_stale_url")


def test_upload_without_the_field_says_so_and_keeps_the_address_good(talk: Talk) -> None:
    url = talk.ok(ATTACH, CALL_ID=talk.finished_call(), FILENAME="call.mp3")["uploadUrl"]
    status, body = upload(url, field="record")
    assert (status, body["error_description"]) == (400, "Error: required parameter file is not found")
    assert upload(url)[0] == 200


def test_second_file_replaces_the_first(portal: Bitrix24Simulator, talk: Talk) -> None:
    call_id = talk.finished_call()
    first = talk.ok(ATTACH, CALL_ID=call_id, FILENAME="a.mp3", FILE_CONTENT=base64.b64encode(MP3).decode())
    second = talk.ok(ATTACH, CALL_ID=call_id, FILENAME="a.wav", FILE_CONTENT=base64.b64encode(WAV).decode())
    assert portal.calls()[0]["RECORD"]["file_id"] == second["FILE_ID"] != first["FILE_ID"]
    assert portal.ledger.offences("record_replaced")


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({}, "Required parameters are not set. Request should contain either URL or FILENAME parameter"),
        ({"FILENAME": ""}, "File name is empty"),
        ({"FILENAME": "call.ogg"}, "Wrong file extension. Only wav and mp3 are allowed"),
        ({"FILENAME": "call.MP3"}, "Wrong file extension. Only wav and mp3 are allowed"),
        ({"FILENAME": "call.mp3", "FILE_CONTENT": ""}, "File content is empty."),
        (
            {"FILENAME": "call.mp3", "FILE_CONTENT": "кириллица!"},
            "File content is not properly encoded. Base64 encoding is expected.",
        ),
    ],
)
def test_wrong_files_are_refused(talk: Talk, params: dict[str, Any], sentence: str) -> None:
    assert talk.refused(ATTACH, CALL_ID=talk.finished_call(), **params) == (400, "ERROR_CORE", sentence)


def test_page_of_a_web_server_is_not_taken_for_audio(portal: Bitrix24Simulator, talk: Talk) -> None:
    url = talk.ok(ATTACH, CALL_ID=talk.finished_call(), FILENAME="call.mp3")["uploadUrl"]
    assert upload(url, content=b"<html>not found</html>")[0] == 400
    assert portal.ledger.offences("content_is_not_audio")
    assert portal.calls()[0]["RECORD"] is None


def test_recording_by_address_is_fetched_at_once_and_failure_is_told(portal: Bitrix24Simulator, talk: Talk) -> None:
    first = talk.finished_call()
    talk.ok(ATTACH, CALL_ID=first, FILENAME="a.mp3", FILE_CONTENT=base64.b64encode(MP3).decode())
    source = portal.calls()[0]["CALL_RECORD_URL"]
    second = talk.finished_call(EXTERNAL_CALL_ID="pbx-2")
    talk.ok(ATTACH, CALL_ID=second, RECORD_URL=source, FILENAME="b.mp3")
    assert portal.calls()[1]["RECORD"]["filename"] == "b.mp3"
    missing = talk.refused(ATTACH, CALL_ID=second, RECORD_URL=f"{portal.base_url}/_sim/records/1", FILENAME="b.mp3")
    assert missing[2] == "Server returns HTTP error code 404"


def test_transcript_is_checked_message_by_message(talk: Talk) -> None:
    method, call_id = "telephony.call.attachTranscription", talk.finished_call()
    good = {"SIDE": "User", "START_TIME": 0, "STOP_TIME": 2, "MESSAGE": "Добрый день"}
    assert talk.ok(method, CALL_ID=call_id, MESSAGES=[good]) == {"TRANSCRIPT_ID": 1}
    assert talk.refused(method, CALL_ID=call_id, MESSAGES="x")[2] == "MESSAGES should be an array"
    wrong = talk.refused(method, CALL_ID=call_id, MESSAGES=[good, good | {"SIDE": "Robot"}])
    assert wrong[2] == "MESSAGES[1][SIDE] should be either Client or User"
    assert talk.refused(method, CALL_ID="nope", MESSAGES=[good])[2] == "Call nope is not found. Is it finished?"
