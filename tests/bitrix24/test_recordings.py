"""The upload of a recording: where it may go, under what name, and what counts as done."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.bitrix24.crm import Bitrix24Crm
from connectors.bitrix24.translate_cards import short_key
from connectors.contract import RecordingFile, Step, StepResult
from hub.domain.errors import DeliveryError, NotReady, OutcomeUnknown, Rejected, Unreachable
from hub.domain.intents import IntentKind
from hub.net.http import HttpAnswer
from tests.bitrix24.portal import (
    CALL_ID,
    FINISHED,
    FakePortal,
    by_webhook,
    intent,
    redirect,
    refusal,
    reply,
    step,
)

CRM = Bitrix24Crm()
ATTACH = "telephony.externalCall.attachRecord"
UPLOAD_URL = "https://acme.bitrix24.ru/rest/upload.json?auth=u&token=telephony%7Cq"
OTHER = f"record:{short_key('8')}"


def recording(**done: StepResult) -> Step:
    key = f"record:{short_key('9')}"
    return step(key, intent(IntentKind.ATTACH_RECORDING, about="9"), **{"finish": FINISHED, **done})


def address(url: str = UPLOAD_URL, **more: str) -> HttpAnswer:
    return reply({"uploadUrl": url, "fieldName": "file", **more})


@pytest.fixture
def portal(tmp_path: Path) -> FakePortal:
    return with_file(FakePortal(), tmp_path).on(ATTACH, address()).on("upload.json", reply({"FILE_ID": 8123}))


def with_file(portal: FakePortal, folder: Path, extension: str = "MP3") -> FakePortal:
    path = folder / "kept"
    path.write_bytes(b"ID3 sound")
    portal.file = RecordingFile(path, extension, 9)
    return portal


def test_a_recording_is_uploaded_in_two_steps(portal: FakePortal) -> None:
    assert CRM.perform(recording(), portal.door) == {"file_id": "8123"}
    asked, upload = portal.http.asked
    name = f"call-call-551-{short_key('9')}.mp3"
    assert asked.params == {"CALL_ID": CALL_ID, "FILENAME": name, "auth": "token-old"}
    assert (upload.verb, upload.url, upload.files) == ("POST", UPLOAD_URL, {"file": (name, b"ID3 sound")})
    assert upload.write
    assert portal.spent == [ATTACH, "upload"]


def test_asking_for_an_address_changes_nothing_so_its_loss_is_harmless(portal: FakePortal) -> None:
    portal.on(ATTACH, HttpAnswer(502, {}, b"<html>"))
    with pytest.raises(Unreachable):
        CRM.perform(recording(), portal.door)


def test_the_form_field_is_the_one_that_the_portal_names(portal: FakePortal) -> None:
    portal.on(ATTACH, address(fieldName="record"))
    CRM.perform(recording(), portal.door)
    assert list(portal.http.asked[-1].files) == ["record"]


def test_each_try_asks_for_a_fresh_address(portal: FakePortal) -> None:
    fresh = UPLOAD_URL.replace("auth=u", "auth=v")
    portal.on(ATTACH, address(), address(fresh)).on("upload.json", OutcomeUnknown("cut"), reply({"FILE_ID": "8123"}))
    with pytest.raises(OutcomeUnknown):
        CRM.perform(recording(), portal.door)
    CRM.perform(recording(), portal.door)
    assert [asked.url for asked in portal.http.asked if asked.method == "upload.json"] == [UPLOAD_URL, fresh]


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/rest/upload.json?auth=u",
        "http://acme.bitrix24.ru/rest/upload.json?auth=u",
        "https://acme.bitrix24.ru:8443/rest/upload.json",
        "https://acme.bitrix24.ru@evil.example/upload.json",
        "//acme.bitrix24.ru/upload.json",
        "",
    ],
)
def test_a_recording_goes_nowhere_but_to_the_portal(portal: FakePortal, url: str) -> None:
    portal.on(ATTACH, address(url))
    with pytest.raises(Rejected, match="not on the portal") as caught:
        CRM.perform(recording(), portal.door)
    assert portal.methods == [ATTACH]
    assert "auth=u" not in str(caught.value)


def test_a_webhooks_portal_takes_the_upload_on_its_own_host(tmp_path: Path) -> None:
    portal = with_file(by_webhook(), tmp_path, "wav")
    portal.on(ATTACH, address()).on("upload.json", reply({"FILE_ID": "8123"}))
    assert CRM.perform(recording(), portal.door) == {"file_id": "8123"}


def test_a_moved_portal_takes_the_upload_on_its_new_host(portal: FakePortal) -> None:
    new = "acme-doors.bitrix24.ru"
    install = {"member_id": portal.settings["member_id"], "domain": new}
    portal.on("app.info", reply({"install": install}))
    portal.on(f"acme.bitrix24.ru {ATTACH}", redirect(f"https://{new}/rest/x"))
    portal.on(f"{new} {ATTACH}", address(UPLOAD_URL.replace("acme.", "acme-doors.")))
    assert CRM.perform(recording(), portal.door) == {"file_id": "8123"}


def test_a_type_that_the_portal_does_not_take_is_not_offered(tmp_path: Path) -> None:
    portal = with_file(FakePortal(), tmp_path, "ogg")
    with pytest.raises(Rejected, match="ogg"):
        CRM.perform(recording(), portal.door)
    assert portal.http.asked == []


def test_a_call_that_is_not_in_the_statistics_yet_is_asked_again_later(portal: FakePortal) -> None:
    words = "Call is not found in the statistic table. Looks like it is not finished yet."
    portal.on(ATTACH, refusal(words))
    with pytest.raises(NotReady):
        CRM.perform(recording(), portal.door)


def test_another_refusal_is_final(portal: FakePortal) -> None:
    portal.on(ATTACH, refusal("Wrong file extension. Only wav and mp3 are allowed"))
    with pytest.raises(Rejected, match="Wrong file extension"):
        CRM.perform(recording(), portal.door)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply({}), OutcomeUnknown),
        (reply([]), OutcomeUnknown),
        (HttpAnswer(504, {}, b""), OutcomeUnknown),
        (refusal("expired", "expired_token", 401), Unreachable),
        (refusal("unknown token", "NO_AUTH_FOUND", 401), Unreachable),
        (redirect("https://evil.example/"), Unreachable),
        (refusal("Error: required parameter file is not found"), Rejected),
        (refusal("Disk resource exhausted", ""), Rejected),
    ],
)
def test_the_upload_is_done_only_with_a_file_id(
    portal: FakePortal, answer: HttpAnswer, kind: type[DeliveryError]
) -> None:
    portal.on("upload.json", answer)
    with pytest.raises(kind):
        CRM.perform(recording(), portal.door)
    assert portal.methods == [ATTACH, "upload.json"]


def test_a_second_recording_does_not_replace_the_first(portal: FakePortal) -> None:
    assert "skipped" in CRM.perform(recording(**{OTHER: {"file_id": "77"}}), portal.door)
    assert portal.http.asked == []


def test_a_skipped_recording_stands_in_nobodys_way(portal: FakePortal) -> None:
    assert CRM.perform(recording(**{OTHER: {"skipped": "none"}}), portal.door) == {"file_id": "8123"}
