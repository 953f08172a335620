"""What the site changes in a page that GitHub shows as it stands. MkDocs calls it by `hooks` in mkdocs.yml.

On GitHub both languages stand side by side; the site has a switch, and keeps them apart. Developers' pages are English
only: the Russian part of the site shows them as they are.
"""  # noqa: INP001  # MkDocs loads it by its path; no package is meant

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

OTHER_LANGUAGE = re.compile(r"^\[(?:По-русски|In English)\]\([\w.-]+\)\n\n", re.MULTILINE)
LINK_TO_HEADING = re.compile(r"\]\(((?:\.\./)?[a-z0-9/-]+\.md)#[^)\s]+\)")
HEADING = re.compile(r"\A(# .+\n)")
ENGLISH_ONLY = r"\1\n*Эта страница есть только на английском.*\n"


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, **_: object) -> str:
    """The page without its link to the other language; in Russian also fit to be read among Russian pages."""
    text = OTHER_LANGUAGE.sub("", markdown, count=1)
    if config.theme["language"] != "ru" or page.file.src_uri.endswith(".ru.md"):
        return text
    # The Russian page has other headings: the link leads to its beginning.
    return HEADING.sub(ENGLISH_ONLY, LINK_TO_HEADING.sub(r"](\1)", text))
