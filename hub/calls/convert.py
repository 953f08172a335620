"""WAV to MP3: what a browser plays and seeks in, at a tenth of the size. Done by a tool of the machine, if it has one.

CRMs keep a link for years and want `audio/mpeg` behind it (amocrm.md §3.12). Where there is no tool,
and where it fails, the recording stays as it came: every browser plays WAV as well.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import structlog

log = structlog.get_logger()

_LONGEST_SECONDS = 120
_KBIT = "64"


def command_for(source: Path, target: Path) -> Sequence[str] | None:
    """How to convert here; None where no tool is installed. ffmpeg reads more kinds of WAV than lame does."""
    ffmpeg, lame = shutil.which("ffmpeg"), shutil.which("lame")
    if ffmpeg is not None:
        quiet = (ffmpeg, "-nostdin", "-loglevel", "error", "-y", "-i", str(source))
        return (*quiet, "-codec:a", "libmp3lame", "-b:a", f"{_KBIT}k", "-f", "mp3", str(target))
    if lame is not None:
        return (lame, "--quiet", "-b", _KBIT, str(source), str(target))
    return None


def to_mp3(source: Path) -> Path | None:
    """Put an MP3 in place of the WAV file `source`; None when it stays what it is."""
    target = source.with_suffix(".mp3")
    draft = source.with_name(f".draft-{target.name}")
    command = command_for(source, draft)
    if command is None:
        return None
    try:
        if not _converted(command) or not draft.stat().st_size:
            return None
        draft.replace(target)
    except OSError as error:
        log.warning("recording_not_converted", reason=type(error).__name__)
        return None
    finally:
        draft.unlink(missing_ok=True)
    source.unlink(missing_ok=True)
    return target


def _converted(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - the tool's own path and two paths of ours, and no shell
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LONGEST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        log.warning("recording_not_converted", reason="it took too long")
        return False
    if done.returncode:
        log.warning("recording_not_converted", reason=done.stderr[-200:].decode(errors="replace"))
    return done.returncode == 0
