"""A recording into the portal, in two steps: ask for an upload address, then upload (bitrix24.md §8)."""

from __future__ import annotations

from urllib.parse import urlsplit

from connectors.bitrix24.calls import call_id_of
from connectors.bitrix24.client import Portal
from connectors.bitrix24.envelope import identifier, mapping, opened, text
from connectors.bitrix24.errors import Refused
from connectors.bitrix24.hosts import host_of
from connectors.bitrix24.rename import is_redirect
from connectors.bitrix24.statistics import finished_call
from connectors.bitrix24.translate_cards import record_name
from connectors.contract import RecordingFile, Step, StepResult
from hub.domain.errors import AuthExpired, AuthRevoked, NotReady, OutcomeUnknown, Rejected, Unreachable

_TYPES = frozenset({"mp3", "wav"})
_UPLOAD_TIMEOUT_SECONDS = 65.0
"""The cloud ends a request after 60 s (bitrix24.md §2.1)."""


def attach(step: Step, portal: Portal) -> StepResult:
    """Attach the recording. Result: `file_id`, or `skipped`.

    Bitrix24 keeps one recording a call and a second one would replace it, so only the first is attached.
    """
    if other_files(step):
        return {"skipped": "Bitrix24 keeps one recording a call, and this call has one"}
    file = portal.door.recording(step.intent.about)
    if file.extension.lower() not in _TYPES:
        raise Rejected(f"Bitrix24 takes mp3 and wav recordings, not {file.extension}.")
    name = record_name(step.intent.call, step.intent.about, file.extension)
    address, field = _upload_address(portal, call_id_of(step), name)
    return {"file_id": _upload(portal, address, field, name, file)}


def other_files(step: Step) -> set[str]:
    """Files that other recordings of this call have become."""
    return {
        text(result["file_id"])
        for key, result in step.done.items()
        if key.startswith("record:") and key != step.key and result.get("file_id")
    }


def attached_file(step: Step, portal: Portal) -> str | None:
    """The file that is attached to the call now, when it is not another recording's."""
    row = finished_call(portal, "CALL_ID", call_id_of(step))
    file_id = identifier(row.get("RECORD_FILE_ID")) if row else None
    return None if file_id in other_files(step) else file_id


def _upload_address(portal: Portal, call_id: str, name: str) -> tuple[str, str]:
    """A fresh address and the form field's name; nothing is changed by asking.

    The address carries a token, so it is used only on the portal's own host, and never logged.
    """
    params = {"CALL_ID": call_id, "FILENAME": name}
    try:
        result = mapping(portal.call("telephony.externalCall.attachRecord", params, write=False))
    except Refused as refusal:
        if refusal.says("not finished yet"):
            raise NotReady(refusal.message) from refusal
        raise
    address = text(result.get("uploadUrl"))
    if host_of(address) != portal.host or urlsplit(address).scheme != urlsplit(portal.endpoint).scheme:
        raise Rejected("Bitrix24 gave an upload address that is not on the portal itself; nothing was sent there.")
    return address, text(result.get("fieldName")) or "file"


def _upload(portal: Portal, address: str, field: str, name: str, file: RecordingFile) -> str:
    portal.door.spend("upload")
    with file.path.open("rb") as stream:
        answer = portal.door.http.request(
            "POST",
            address,
            write=True,
            read_timeout_seconds=_UPLOAD_TIMEOUT_SECONDS,
            files={field: (name, stream)},
        )
    if is_redirect(answer):
        raise Unreachable("Bitrix24 redirected the upload of a recording.")
    try:
        envelope = opened(answer, write=True, now=portal.door.now())
    except (AuthExpired, AuthRevoked) as error:
        # The token inside an upload address dies on its own; the next try asks for a fresh address.
        raise Unreachable(error.message) from error
    file_id = identifier(mapping(envelope["result"]).get("FILE_ID"))
    if file_id is None:
        raise OutcomeUnknown("Bitrix24 answered the upload without a FILE_ID.")
    return file_id
