"""The widget's archive as moderation looks at it (amocrm.md §6.1, §6.2, §6.4)."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from connectors.amocrm.archive import LANGUAGES, Widget, archive
from hub.cli import run

HUB = "https://hub.acme.example"
SIZES = {
    "logo_main": (400, 272), "logo": (130, 100), "logo_small": (108, 108), "logo_medium": (240, 84),
    "logo_min": (84, 84), "logo_dp": (174, 109),
}  # fmt: skip


def opened(site: str = "amocrm", version: str = "1.0.7") -> zipfile.ZipFile:
    made = archive(Widget(HUB, version, "https://acme.example/help", "help@acme.example", site))
    return zipfile.ZipFile(io.BytesIO(made))


def document(files: zipfile.ZipFile, name: str) -> dict[str, Any]:
    found = json.loads(files.read(name))
    assert isinstance(found, dict)
    return found


def paths(words: dict[str, Any], before: str = "") -> set[str]:
    found = set()
    for name, value in words.items():
        found |= paths(value, f"{before}{name}.") if isinstance(value, dict) else {before + name}
    return found


@pytest.mark.parametrize("site", ["amocrm", "kommo"])
def test_every_language_that_is_declared_has_its_filled_file_and_pictures(site: str) -> None:
    files = opened(site)
    about = document(files, "manifest.json")
    names = set(files.namelist())
    assert about["widget"]["locale"] == list(LANGUAGES[site])
    assert {name for name in names if name.startswith("i18n/")} == {f"i18n/{one}.json" for one in LANGUAGES[site]}
    pictures = {name for name in names if name.startswith("images/tour_")}
    assert pictures == {image[1:] for images in about["tour"]["tour_images"].values() for image in images}
    words = [document(files, f"i18n/{one}.json") for one in LANGUAGES[site]]
    assert all(paths(one) == paths(words[0]) for one in words)
    assert all(isinstance(text, str) and text for one in words for text in one["widget"].values())


def test_every_word_that_manifest_and_script_name_is_there() -> None:
    files = opened()
    known = paths(document(files, "i18n/ru.json"))
    about = json.dumps(document(files, "manifest.json"))
    script = files.read("script.js").decode()
    named = set(re.findall(r'"((?:widget|settings|advanced)\.[a-z_]+)"', about))
    named |= set(re.findall(r"words\('([a-z_.]+[a-z_])'\)", script))
    assert named
    assert named <= known


def test_the_manifest_says_what_the_vendor_asks_for() -> None:
    about = document(opened(), "manifest.json")
    widget = about["widget"]
    assert (widget["interface_version"], widget["version"], widget["installation"]) == (2, "1.0.7", True)
    assert widget["support"] == {"link": "https://acme.example/help", "email": "help@acme.example"}
    assert {"everywhere", "settings", "lcard-1", "ccard-1", "comcard-1"} <= set(about["locations"])
    assert about["tour"]["is_tour"] is True
    assert about["settings"]


def test_pictures_have_the_sizes_that_the_vendor_shows() -> None:
    files = opened()
    for name, size in SIZES.items():
        head = files.read(f"images/{name}.png")[:24]
        assert struct.unpack(">II", head[16:24]) == size, name


def test_the_script_is_readable_and_speaks_to_the_hub_alone() -> None:
    script = opened().read("script.js").decode()
    assert max(len(line) for line in script.splitlines()) <= 130
    assert set(re.findall(r"https?://[a-z.]+", script)) == {HUB}
    assert "__" not in script.replace("dozvon__", "")
    assert "innerHTML" not in script
    assert "eval(" not in script


def test_the_same_widget_is_the_same_archive() -> None:
    made = Widget(HUB, "1.0.7", HUB, "help@acme.example")
    assert archive(made) == archive(made)


def test_the_command_writes_it_and_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "widget.zip"
    usual = ["amocrm", "widget", "--support-email", "help@acme.example", "--out", str(out), "--home", str(tmp_path)]
    assert run([*usual, "--url", f"{HUB}/", "--version", "1.0.8"]) == 0
    assert "version 1.0.8" in capsys.readouterr().out
    assert zipfile.is_zipfile(out)
    for wrong in (["--url", "http://hub.acme.example"], ["--url", "nonsense"], []):
        assert run([*usual, *wrong]) == 2
        assert "https address" in capsys.readouterr().err
    assert run(["amocrm", "widget", "--url", HUB, "--support-email", "nobody", "--out", str(out)]) == 2
