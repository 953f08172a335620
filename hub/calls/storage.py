"""Where recordings are kept: one interface, one folder for now."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hub.calls.convert import to_mp3

SMALLEST_BYTES = 100
LARGEST_BYTES = 200 * 1024 * 1024
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"{", b"<body")


class NotARecording(Exception):
    """What was fetched cannot be a recording; the message says why."""


def sniff(head: bytes, size_bytes: int) -> str:
    """The file's extension, "mp3" or "wav", from its first bytes.

    Raises `NotARecording` for an empty or tiny file, a web page, or anything that is neither.
    """
    if size_bytes < SMALLEST_BYTES:
        raise NotARecording(f"the file has only {size_bytes} bytes")
    if head.lstrip().lower().startswith(_MARKUP):
        raise NotARecording("a web page or a message came instead of audio")
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):
        return "mp3"
    raise NotARecording("the file is neither MP3 nor WAV")


class RecordingFolder:
    """Recordings as files under one folder, spread by the first letters of their names."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def draft(self) -> Iterator[BinaryIO]:
        """A file to write into; it vanishes unless `keep` is called with it."""
        self._root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._root, prefix=".draft-", delete=False) as out:
            try:
                yield out  # type: ignore[misc]
            finally:
                Path(out.name).unlink(missing_ok=True)

    def keep(self, draft: BinaryIO, token: str) -> tuple[str, int]:
        """Check the draft and make it last, as MP3 where this machine can; returns its name and size in bytes.

        The name is that under the folder. Raises `NotARecording`.
        """
        draft.flush()
        os.fsync(draft.fileno())
        source = Path(draft.name)
        size_bytes = source.stat().st_size
        with source.open("rb") as head:
            extension = sniff(head.read(64), size_bytes)
        name = f"{token[:2]}/{token}.{extension}"
        target = self._root / name
        target.parent.mkdir(exist_ok=True)
        source.replace(target)
        played = to_mp3(target) if extension == "wav" else None
        if played is None:
            return name, size_bytes
        return f"{token[:2]}/{played.name}", played.stat().st_size

    def path(self, name: str) -> Path:
        return self._root / name


CONTENT_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
