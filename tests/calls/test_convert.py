"""Recordings that come as WAV: an MP3 where the machine can make one, else as they came."""

from __future__ import annotations

import math
import os
import struct
import wave
from pathlib import Path

import pytest

from hub.calls import convert
from hub.calls.storage import RecordingFolder, sniff


def tone(path: Path, seconds: float = 2.0) -> Path:
    """Speech-like mono at 8 kHz, as a PBX records it."""
    frames = [int(9000 * math.sin(n / 8)) for n in range(int(8000 * seconds))]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(struct.pack(f"<{len(frames)}h", *frames))
    return path


def kept(folder: Path, wav: Path) -> tuple[str, int]:
    store = RecordingFolder(folder)
    with store.draft() as draft:
        draft.write(wav.read_bytes())
        return store.keep(draft, "abcdef")


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only tool of this machine, a stand-in for lame whose last argument is the file to write."""
    programs = tmp_path / "bin"
    programs.mkdir()
    script = programs / "lame"
    script.write_text('#!/bin/sh\nfor last; do :; done\nprintf "ID3%200s" audio > "$last"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/bin")
    return script


def test_a_wav_becomes_an_mp3_and_nothing_is_left_beside_it(tmp_path: Path, tool: Path) -> None:
    name, size_bytes = kept(tmp_path / "r", tone(tmp_path / "a.wav"))
    assert (name, size_bytes) == ("ab/abcdef.mp3", 203)
    assert [path.name for path in (tmp_path / "r").rglob("*") if path.is_file()] == ["abcdef.mp3"]


@pytest.mark.parametrize("body", ["exit 1", "exit 0", 'for last; do :; done\n: > "$last"'])
def test_a_tool_that_fails_leaves_the_wav_as_it_came(tmp_path: Path, tool: Path, body: str) -> None:
    tool.write_text(f"#!/bin/sh\n{body}\n")
    wav = tone(tmp_path / "a.wav")
    assert kept(tmp_path / "r", wav) == ("ab/abcdef.wav", wav.stat().st_size)
    assert [path.name for path in (tmp_path / "r").rglob("*") if path.is_file()] == ["abcdef.wav"]


def test_a_tool_that_never_ends_is_given_up(tmp_path: Path, tool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool.write_text("#!/bin/sh\nexec /bin/sleep 30\n")
    monkeypatch.setattr(convert, "_LONGEST_SECONDS", 0.2)
    assert kept(tmp_path / "r", tone(tmp_path / "a.wav"))[0] == "ab/abcdef.wav"


def test_a_machine_without_a_tool_keeps_the_wav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kept(tmp_path / "r", tone(tmp_path / "a.wav"))[0] == "ab/abcdef.wav"


@pytest.mark.skipif(convert.command_for(Path("a"), Path("b")) is None, reason="neither ffmpeg nor lame is installed")
def test_the_real_tool_makes_a_real_mp3(tmp_path: Path) -> None:
    wav = tone(tmp_path / "a.wav")
    before = wav.stat().st_size
    made = convert.to_mp3(wav)
    assert made is not None
    assert sniff(made.read_bytes()[:64], made.stat().st_size) == "mp3"
    assert made.stat().st_size < before
    assert not wav.exists()
