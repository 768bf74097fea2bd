"""The guides as pages of the portal, and their headings for the search.

They lie in ``docs/``, and those of a plug-in in its own folder of that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from markdown_it import MarkdownIt
from markdown_it.token import Token

INDEX = "index"
"""The guide that lists the others."""
IMAGES = "images"
_OWN = Path(settings.BASE_DIR) / "docs"
_PLUGINS = Path(settings.BASE_DIR) / "plugins"
# Headings below these are too many to be found by.
_FOUND = ("h1", "h2", "h3")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a guide; that of the whole guide has no anchor."""

    guide: str
    title: str
    text: str
    anchor: str = ""

    @property
    def url(self) -> str:
        """Return the address of the place in the guide."""
        page = reverse("portal:guide", args=[self.guide])
        return f"{page}#{self.anchor}" if self.anchor else page


@dataclass(frozen=True, slots=True)
class Guide:
    """One document: its name in the address, title and content."""

    name: str
    title: str
    content: SafeString
    headings: tuple[Heading, ...]


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Return the names of all guides; none where the documents were left out."""
    return tuple(sorted(_paths()))


@lru_cache(maxsize=1)
def _paths() -> Mapping[str, Path]:
    return {path.stem: path for folder in folders() for path in folder.glob("*.md")}


def folders() -> Sequence[Path]:
    """Return the folders with guides: the portal's own, then those of plug-ins."""
    return (_OWN, *(_PLUGINS / name / "docs" for name in settings.ACRPORTAL_PLUGINS))


def image(name: str) -> Path | None:
    """Return the picture with this name; None if there is none."""
    pictures = (path for folder in folders() for path in (folder / IMAGES).glob("*.png"))
    return next((path for path in pictures if path.name == name), None)


def find_headings(text: str) -> Iterator[Heading]:
    """Yield the guides, then their parts, whose headings have all words of the text."""
    words = text.casefold().split()
    all_headings = [heading for name in names() for heading in read(name).headings]
    # sorted() is stable: whole guides first, then in their order.
    for heading in sorted(all_headings, key=lambda heading: bool(heading.anchor)):
        within = f"{heading.title} {heading.text}".casefold()
        own = heading.text.casefold()
        if all(word in within for word in words) and any(word in own for word in words):
            yield heading


@lru_cache(maxsize=100)
def read(name: str) -> Guide:
    """Return a guide; its text changes with the program only."""
    # Written HTML stays text: nobody checks the documents for scripts.
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(_text(name))
    headings = tuple(_headings(name, tokens))
    title = headings[0].text if headings else name
    # The page shows the title as its own heading.
    if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
        tokens = tokens[3:]
    for token in tokens:
        _adapt(token)
    content = markdown.renderer.render(tokens, markdown.options, {})
    return Guide(name, title, mark_safe(content), headings)  # noqa: S308 -- of our own documents


def _text(name: str) -> str:
    """Return the text of a guide."""
    text = _paths()[name].read_text(encoding="utf-8")
    if name == INDEX:
        text += _index_of_plugins()
    return text


def _index_of_plugins() -> str:
    """Return a list of the plug-ins' guides, which the portal's own index leaves out."""
    added = [name for name, path in _paths().items() if path.parent != _OWN]
    if not added:
        return ""
    lines = (f"- [{read(name).title}]({name}.md)\n" for name in added)
    return f"\n## {gettext('Plug-ins')}\n\n{''.join(lines)}"


def _headings(name: str, tokens: Sequence[Token]) -> Iterator[Heading]:
    """Yield the headings, and give each of them its anchor."""
    title, taken = "", set[str]()
    for opened, inline in pairwise(tokens):
        if opened.type != "heading_open":
            continue
        text = "".join(
            child.content
            for child in inline.children or ()
            if child.type in ("text", "code_inline")
        )
        # Links between the documents use the anchors that GitHub makes.
        anchor = base = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        number = 0
        while anchor in taken:
            number += 1
            anchor = f"{base}-{number}"
        taken.add(anchor)
        opened.attrSet("id", anchor)
        title = title or text
        if opened.tag in _FOUND:
            is_title = opened.tag == "h1"
            yield Heading(name, title, text, "" if is_title else anchor)


def _adapt(token: Token) -> None:
    """Point links and images at the portal, and drop what its policy forbids."""
    if token.type in ("th_open", "td_open"):
        # Alignment is written as an inline style.
        if token.attrGet("style") == "text-align:right":
            token.attrSet("class", "num")
        token.attrs.pop("style", None)
    if token.type == "table_open":
        token.attrSet("class", "table table--plain")
    tag = "a"
    for child in token.children or ():
        for name in ("href", "src"):
            if isinstance(target := child.attrGet(name), str):
                child.attrSet(name, _address(target))
        if child.type == "link_open" and not child.attrGet("href"):
            child.attrs = {}
            tag = "span"
        if child.type in ("link_open", "link_close"):
            child.tag = tag
        if child.type == "link_close":
            tag = "a"


def _address(target: str) -> str:
    """Return where a link leads from the portal; empty for what is not shown there."""
    parts = urlsplit(target)
    if parts.scheme or not parts.path:
        return target
    path = Path(parts.path)
    anchor = f"#{parts.fragment}" if parts.fragment else ""
    if path.parent.name == IMAGES:
        return reverse("portal:guide_image", args=[path.name])
    # A plug-in's guide names those of the portal by their way through the folders.
    if path.suffix == ".md" and path.stem in names():
        return reverse("portal:guide", args=[path.stem]) + anchor
    return ""
