"""Recordings of finished calls: inline, in two steps, by address (bitrix24.md §8)."""

from __future__ import annotations

import base64
import posixpath
import threading
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3

from .auth import ACCESS_SECONDS
from .errors import RestError, core
from .methods import Caller, Params, rest_method
from .portal import Portal, Record, UploadToken, new_secret
from .values import text

_EXTENSIONS = (".wav", ".mp3")
_DOWNLOAD_SECONDS = 30.0
_WRONG_TYPE = "Wrong file extension. Only wav and mp3 are allowed"


@rest_method(
    "telephony.externalCall.attachRecord",
    "telephony",
    documented="CALL_ID FILENAME FILE_CONTENT RECORD_URL",
    locks_itself=True,
)
def attach_record(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    """Takes the file, or fetches it, or says where to post it; a second file replaces the first."""
    call_id, url = text(params.get("CALL_ID")), text(params.get("RECORD_URL"))
    if not url and "FILENAME" not in params:
        raise core("Required parameters are not set. Request should contain either URL or FILENAME parameter")
    _statistics_of(portal, call_id)
    if url:
        name = text(params.get("FILENAME")) or posixpath.basename(urlsplit(url).path)
        _check_name(name)
        return {"FILE_ID": _attach(portal, call_id, name, _downloaded(url))}
    name = text(params.get("FILENAME"))
    _check_name(name)
    if "FILE_CONTENT" not in params:
        return _upload_url(portal, caller, call_id, name)
    return {"FILE_ID": _attach(portal, call_id, name, _decoded(text(params["FILE_CONTENT"])))}


def take_upload(portal: Portal, token: str, filename: str | None, content: bytes) -> dict[str, Any]:
    """The second step: the posted file of `/rest/upload.json`. `filename` None means the field was not there."""
    with portal.lock:
        permission = portal.uploads.get(token)
        if permission is None or permission.used or portal.clock() >= permission.expires_at:
            portal.offence("upload_to_stale_url", permission.call_id if permission else "unknown token")
            raise RestError(403, "ERROR_UPLOAD_TOKEN", "The upload token is unknown, used or expired")
        if filename is None:
            raise core("Error: required parameter file is not found")
        _check_name(filename)
        file_id = _attach(portal, permission.call_id, filename, content)
        permission.used = True
        return {"FILE_ID": file_id}


def download_silently(portal: Portal, call_id: str, url: str) -> None:
    """RECORD_URL of `finish`: fetched later, and a failure is told to nobody."""

    def fetch() -> None:
        name = posixpath.basename(urlsplit(url).path)
        try:
            _check_name(name)
            _attach(portal, call_id, name, _downloaded(url))
        except RestError as failure:
            portal.offence("record_url_failed_silently", f"{call_id}: {failure.description}")

    portal.offence("record_url_in_finish", call_id)
    threading.Thread(target=fetch, name="bitrix24-record", daemon=True).start()


def audio_type(content: bytes) -> str | None:
    """The media type by the first bytes: `audio/wav`, `audio/mpeg`, or None for anything else."""
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        return "audio/wav"
    is_frame = len(content) > 1 and content[0] == 0xFF and content[1] & 0xE0 == 0xE0 and content[1] & 0x06 != 0
    return "audio/mpeg" if content[:3] == b"ID3" or is_frame else None


def _upload_url(portal: Portal, caller: Caller, call_id: str, name: str) -> dict[str, str]:
    token = f"telephony|{new_secret(48)}"
    with portal.lock:
        portal.uploads[token] = UploadToken(call_id, name, portal.clock() + ACCESS_SECONDS)
    credential = f"auth={caller.token}&" if caller.is_app else ""
    prefix = "" if caller.is_app else _webhook_path(portal, caller)
    url = f"{portal.client_endpoint}{prefix}upload.json?{credential}token={quote(token, safe='')}"
    return {"uploadUrl": url, "fieldName": "file"}


def _webhook_path(portal: Portal, caller: Caller) -> str:
    secret = next(secret for user_id, secret in portal.webhooks if user_id == caller.user.id)
    return f"{caller.user.id}/{secret}/"


def _statistics_of(portal: Portal, call_id: str) -> dict[str, Any]:
    row = next((row for row in portal.statistics if row["CALL_ID"] == call_id), None)
    if row is None:
        portal.offence("record_before_finish", call_id)
        raise core("Call is not found in the statistic table. Looks like it is not finished yet.")
    return row


def _check_name(name: str) -> None:
    if not name:
        raise core("File name is empty")
    if not name.endswith(_EXTENSIONS):
        raise core(_WRONG_TYPE)


def _decoded(raw: str) -> bytes:
    if not raw:
        raise core("File content is empty.")
    try:
        return base64.b64decode(raw, validate=True)
    except ValueError:
        raise core("File content is not properly encoded. Base64 encoding is expected.") from None


def _downloaded(url: str) -> bytes:
    try:
        answer = urllib3.request("GET", url, timeout=_DOWNLOAD_SECONDS, retries=False, redirect=False)
    except (urllib3.exceptions.HTTPError, ValueError):
        raise core("Server returns HTTP error code 0") from None
    if answer.status != 200:
        raise core(f"Server returns HTTP error code {answer.status}")
    return answer.data


def _attach(portal: Portal, call_id: str, name: str, content: bytes) -> int:
    if not content:
        raise core("File content is empty.")
    mime = audio_type(content)
    if mime is None:
        portal.offence("content_is_not_audio", f"{call_id}: {name}")
        raise core(_WRONG_TYPE)
    with portal.lock:
        row = _statistics_of(portal, call_id)
        file_id = portal.next_id("file")
        portal.records[file_id] = Record(file_id, call_id, name, mime, content, portal.clock())
        if row["RECORD_FILE_ID"] is not None:
            portal.offence("record_replaced", call_id)
        row["RECORD_FILE_ID"] = file_id
        row["CALL_RECORD_URL"] = f"{portal.base_url}/_sim/records/{file_id}"
        return file_id
