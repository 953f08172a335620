"""The docs as a site: built strictly, without a network, whole in both languages, and the same as on GitHub."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from markdown_it import MarkdownIt
from mkdocs.utils.yaml import yaml_load

from tests.web.browser import chromium

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DEVELOPERS = "For developers (in English)"
REFERENCES = {"index", "configuration"}
TROUBLE = {"": "\n## When something is wrong\n", ".ru": "\n## Если что-то не так\n"}
OFFLINE = """
import socket, sys

def refused(*_):
    raise OSError("the docs are built without a network")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refused
from mkdocs.__main__ import cli
cli(["build", "--strict", "--site-dir", sys.argv[1]])
"""
OUTSIDE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
# Where a page takes something from: attributes that a browser follows by itself.
TAKEN = {"src", "srcset", "poster", "data"}
LINKED = {"stylesheet", "icon", "preload", "preconnect", "prefetch", "dns-prefetch", "modulepreload", "manifest"}


@cache
def sections() -> dict[str, list[str]]:
    """The pages of the navigation by its sections, as paths in docs/."""
    return {title: list(flat(pages)) for one in navigation() for title, pages in one.items()}


def navigation() -> list[dict[str, list[Any]]]:
    return list(yaml_load((ROOT / "mkdocs.yml").read_text())["nav"])


def flat(pages: list[Any]) -> Iterator[str]:
    for page in pages:
        if isinstance(page, str):
            yield page
        else:
            for inner in page.values():
                yield from flat(inner)


def user_pages() -> list[str]:
    """The names, without `.md`, of the pages for people who use the hub."""
    return [page.removesuffix(".md") for title, pages in sections().items() for page in pages if title != DEVELOPERS]


def text(name: str) -> str:
    return (DOCS / f"{name}.md").read_text()


def without_code(page: str) -> str:
    return re.sub(r"^( *)```.*?^\1```", "", page, flags=re.DOTALL | re.MULTILINE)


# --- Two languages ----------------------------------------------------------------------------------


def test_there_are_pages_for_users_and_for_developers() -> None:
    assert {"first-steps", "mango", "mapping", "operations", "security"} <= set(user_pages())
    assert {"architecture.md", "adding-a-pbx.md", "adding-a-crm.md"} <= set(sections()[DEVELOPERS])


@pytest.mark.parametrize("name", user_pages())
def test_a_page_for_users_is_there_in_both_languages(name: str) -> None:
    assert {page for page in (f"{name}.md", f"{name}.ru.md") if not (DOCS / page).is_file()} == set()
    assert f"\n[По-русски]({name}.ru.md)\n" in text(name)
    assert f"\n[In English]({name}.md)\n" in text(f"{name}.ru")


@pytest.mark.parametrize("name", user_pages())
def test_both_languages_have_the_same_parts(name: str) -> None:
    def shape(page: str) -> dict[str, list[str]]:
        return {
            "headings": re.findall(r"^(#+) ", without_code(page), re.MULTILINE),
            "code": re.findall(r"^ *```(\w+)$", page, re.MULTILINE),
            "pictures": [Path(one).name for one in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page)],
        }

    assert shape(text(name)) == shape(text(f"{name}.ru"))


@pytest.mark.parametrize("name", user_pages())
def test_a_russian_page_is_in_russian(name: str) -> None:
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", without_code(text(f"{name}.ru")))
    cyrillic, latin = len(re.findall(r"[а-яё]", prose, re.IGNORECASE)), len(re.findall(r"[a-z]", prose, re.IGNORECASE))
    assert cyrillic > 4 * latin


@pytest.mark.parametrize("name", user_pages())
def test_a_russian_page_leads_to_russian_pages(name: str) -> None:
    page = text(f"{name}.ru").replace(f"[In English]({name}.md)", "", 1)
    foreign = [aim for aim in re.findall(r"\]\(([a-z0-9-]+)\.md", page) if (DOCS / f"{aim}.ru.md").exists()]
    assert foreign == []


@pytest.mark.parametrize("suffix", TROUBLE)
def test_every_page_for_users_says_what_to_do_when_it_goes_wrong(suffix: str) -> None:
    lost = [name for name in user_pages() if name not in REFERENCES and TROUBLE[suffix] not in text(name + suffix)]
    assert lost == []


# --- The site ---------------------------------------------------------------------------------------


@dataclass
class Seen(HTMLParser):
    """What stands in the article of a page, and what the page takes from elsewhere."""

    shape: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("table", "li", "pre", "img", "h2"), 0))
    taken: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    inside: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.inside |= tag == "article"
        if self.inside and tag in self.shape:
            self.shape[tag] += 1
        self.taken += [named[name] for name in TAKEN & set(named)]
        self.taken += re.findall(r"url\(([^)]*)\)", named.get("style", ""))
        if tag == "link" and LINKED & set(named.get("rel", "").split()):
            self.taken.append(named.get("href", ""))
        if tag == "a" and "href" in named:
            self.links.append(named["href"])

    def handle_endtag(self, tag: str) -> None:
        self.inside &= tag != "article"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def seen(page: Path) -> Seen:
    found = Seen()
    found.feed(page.read_text())
    return found


def built(site: Path, name: str, language: str = "") -> Path:
    return site / language / ("" if name == "index" else name) / "index.html"


def test_every_page_of_the_navigation_is_built_in_its_languages(site: Path) -> None:
    for name in user_pages():
        assert "<html lang=" not in (words := built(site, name).read_text()) or 'lang="en"' in words
        assert 'lang="ru"' in built(site, name, "ru").read_text()
    assert built(site, "architecture").is_file()


def test_pages_take_nothing_from_an_outside_host(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 50
    assert {(page.name, one) for page in pages for one in seen(page).taken if OUTSIDE.match(one)} == set()
    styles = "".join(sheet.read_text() for sheet in site.rglob("*.css"))
    assert styles
    assert [
        one
        for one in re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", styles)
        if any(map(OUTSIDE.match, one))
    ] == []


@pytest.mark.parametrize("name", [page.removesuffix(".md") for pages in sections().values() for page in pages])
def test_a_page_has_the_same_parts_on_the_site_as_on_github(site: Path, name: str) -> None:
    """GitHub reads CommonMark with tables; what the site's own reader makes of a list or a table must not differ."""
    where = name.removesuffix("/README") if name.endswith("/README") else name
    for suffix, language in (("", ""), (".ru", "ru")):
        if not (DOCS / f"{name}{suffix}.md").exists():
            continue
        tokens = MarkdownIt("commonmark").enable("table").parse(text(name + suffix))
        kinds = [token.type if token.type != "heading_open" else token.tag for token in tokens]
        inline = [child.type for token in tokens for child in token.children or ()]
        expected = {
            "table": kinds.count("table_open"), "li": kinds.count("list_item_open"), "pre": kinds.count("fence"),
            "img": inline.count("image"), "h2": kinds.count("h2"),
        }  # fmt: skip
        assert seen(built(site, where, language)).shape == expected, name + suffix


def test_the_language_switch_leads_to_the_same_page_and_no_english_line_is_left_in_it(site: Path) -> None:
    page = built(site, "mapping")
    russian = [
        link
        for link in seen(page).links
        if (page.parent / link / "index.html").resolve() == built(site, "mapping", "ru")
    ]
    assert russian
    assert ">In English<" not in built(site, "mapping", "ru").read_text()


def test_a_page_that_is_english_only_says_so_to_russian_readers(site: Path) -> None:
    words = "только на английском"
    assert words in built(site, "architecture", "ru").read_text()
    assert words not in built(site, "architecture").read_text()


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(site))

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.browser
def test_a_browser_asks_no_outside_host_and_finds_russian_words(address: str) -> None:
    asked: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(120_000)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/ru/mango/")
        page.get_by_role("textbox").first.fill("карантин")
        page.locator(".md-search-result__link").first.wait_for()
        assert "карантин" in page.locator(".md-search-result__list").inner_text().lower()
    assert {urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))} == {
        urlsplit(address).netloc
    }


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read_by_everybody(address: str, scheme: str) -> None:
    """WCAG 2.2 AA by axe-core, on a page with code, tables, lists and links."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
        page.set_default_timeout(120_000)
        page.goto(f"{address}/ru/webhook-connector/")
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}).response
        assert [(one["id"], one["nodes"][0]["target"]) for one in found["violations"]] == []
