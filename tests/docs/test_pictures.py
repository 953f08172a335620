"""The pictures of the pages are those that the script takes, and the script can take them."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from docs.pictures.__main__ import ALL, FOLDER
from docs.pictures.camera import LANGUAGES, chromium, logged_in, take
from docs.pictures.hubs import Tour
from hub.config import load_settings
from hub.db.engine import Database
from hub.db.migrate import upgrade
from tests.bitrix24 import pictures
from tests.docs.howto import ROOT
from tests.web.browser import serving
from tests.web.conftest import Notes, build
from tests.web.seed import PASSWORD, add_busy_day, add_workspace

MOST_BYTES = 3_000_000
NAMES = {picture.name for picture in ALL} | {*pictures.NAMES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_picture_of_the_script_is_there_and_no_other(language: str) -> None:
    assert {file.stem for file in (FOLDER / language).glob("*.png")} == NAMES


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_show_every_picture_in_their_own_language(language: str) -> None:
    pages = [page for page in (ROOT / "docs").glob("*.md") if page.name.endswith(".ru.md") == (language == "ru")]
    shown = {
        found for page in pages for found in re.findall(r"!\[[^\]]+\]\(images/(\w+)/([\w-]+)\.png\)", page.read_text())
    }
    assert shown == {(language, name) for name in NAMES}


def test_all_pictures_together_are_quickly_cloned() -> None:
    assert sum(file.stat().st_size for file in FOLDER.rglob("*.png")) < MOST_BYTES


@pytest.mark.browser
def test_the_script_takes_a_picture_of_a_hub(tmp_path: Path) -> None:
    settings = load_settings({}, home=tmp_path / "home")
    upgrade(settings.database_url)
    database = Database(settings.database_url)
    seeded = add_workspace(database)
    add_busy_day(database, seeded)
    overview = next(picture for picture in ALL if picture.name == "overview")
    with serving(build(settings, database, Notes())) as address, chromium("en") as browser:
        tour = Tour(address, seeded.email("owner"), PASSWORD, tmp_path)
        with logged_in(browser, tour, "en") as page:
            take(page, address, overview, tmp_path / "en" / "overview.png")
            take(page, address, replace(overview, cut="main"), tmp_path / "en" / "cut.png")
            assert page.locator("html").get_attribute("lang") == "en"
    database.close()
    width, height = size_of(tmp_path / "en" / "overview.png")
    assert (width, height) == (overview.width, overview.tallest)
    assert size_of(tmp_path / "en" / "cut.png")[0] < width


def size_of(file: Path) -> tuple[int, int]:
    """Width and height by the header of a PNG."""
    content = file.read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    return width, height
