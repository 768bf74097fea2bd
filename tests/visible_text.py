"""Finds raw codes and template leftovers in the text that a page shows.

``faults_in`` reads a page as a person sees it. It ignores scripts, styles,
``<template>`` and text that a page marks as verbatim: ``<code>``, ``<pre>``,
``<samp>``, the class ``request-id`` and elements with ``translate="no"`` (identifiers,
the cells of an exported file, names as somebody entered them).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache

from django.db.models import TextChoices
from lxml import etree, html

from base.common.phrases import own_apps

_SKIPPED = frozenset({"script", "style", "template", "code", "pre", "samp", "kbd", "textarea"})
# Every other element is inline and does not end a text block.
_INLINE = frozenset(
    {
        *("a", "abbr", "b", "bdi", "cite", "em", "i", "mark", "q", "s", "small", "span"),
        *("strong", "sub", "sup", "time", "u", "wbr", "svg", "use", "tspan", "input"),
    }
)
_SPOKEN = ("title", "aria-label", "placeholder", "alt", "aria-valuetext")
_SEPARATORS = re.compile(r"\s+[·|–—]\s+|:\s+")

# A word with underscores. In a path, an address or a file name it is not a code.
_SNAKE = re.compile(r"(?<![\w./@%&=?#+-])[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+(?![\w/@=-]|\.\w)")
# Public identifiers have a short prefix and 20 characters of base 32 (common/uid.py).
# Tokens and signing secrets have a prefix too, and are cut off where only a hint is
# shown.
_UID = re.compile(r"[a-z]+_(?:[0-9A-HJKMNP-TV-Z]{20}|OWN_ACCOUNTS)|acrp_\w+")
# A code with its type: licence:LIC-2, command:run_demo, match:m_…
_QUALIFIED = re.compile(r"(?<![\w./@])[a-z][a-z_]*:(?![/\s])[\w-]+")
# Names of FFmpeg's decoders; pages call the formats MP3 or AAC.
_DECODER = re.compile(r"\b(?:mp[123]|aac|ac3|opus|vorbis)float\b", re.IGNORECASE)
_NONE = re.compile(r"\bNone\b(?! (?:of|that|are|is|was|were|has|have|available|chosen)\b)")
_LEFTOVERS = ("{{", "{%", "{#", "[object Object]", " object at 0x")
# %(name)s, and an unfilled brace of str.format.
_UNFILLED = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
# Values of choices that pages also use as plain words, such as "3 new" on the dashboard.
_WORDS = frozenset(
    [*("changed", "draft", "files", "new", "nothing", "recording", "same"), *("streams", "unknown")]
)
_BARE = frozenset({"True", "False", "null", "undefined", "nan", "NaN", "[]"})


def faults_in(page: str) -> list[str]:
    """Return a line for each raw code and leftover on a page; a good page has none."""
    faults = (fault for piece in _pieces_of(page) for fault in _faults_of(piece))
    return list(dict.fromkeys(faults))


def visible_text(page: str) -> str:
    """Return the text that a page shows, one line per block."""
    return "\n".join(_pieces_of(page))


@cache
def lone_codes() -> frozenset[str]:
    """Return the lower-case values of all choices that differ from their labels.

    Values without an underscore can be English words too: only a value that stands
    alone counts as a code.
    """
    codes = set()
    for kind in _every_kind(TextChoices):
        if kind.__module__.partition(".")[0] in _own_packages():
            codes |= {
                member.value
                for member in kind
                if member.value != str(member.label) and member.value.islower()
            }
    return frozenset(codes - _WORDS)


def _own_packages() -> set[str]:
    return {config.name.partition(".")[0] for config in own_apps()}


def _every_kind(kind: type[TextChoices]) -> Iterator[type[TextChoices]]:
    for below in kind.__subclasses__():
        yield below
        yield from _every_kind(below)


@cache
def _faults_of(piece: str) -> list[str]:
    """Return the faults of a piece, most of which stand on every page."""
    if _is_json(piece):
        return []
    excerpt = piece if len(piece) <= 120 else f"{piece[:120]}…"
    leftovers = (*_leftovers(piece), *_codes(piece))
    return [f"{leftover!r} in {excerpt!r}" for leftover in leftovers]


def _leftovers(piece: str) -> Iterator[str]:
    """Yield unfilled parts of templates and format strings."""
    yield from (leftover for leftover in _LEFTOVERS if leftover in piece)
    for pattern in (_UNFILLED, _NONE):
        yield from (match[0] for match in pattern.finditer(piece))


def _codes(piece: str) -> Iterator[str]:
    for pattern in (_SNAKE, _QUALIFIED, _DECODER):
        for match in pattern.finditer(piece):
            if not _UID.fullmatch(match[0]):
                yield match[0]
    for part in _SEPARATORS.split(piece):
        if part in _BARE or ("_" not in part and part in lone_codes()):
            yield part


def _is_verbatim(values: Mapping[str, str]) -> bool:
    classes = values.get("class", "").split()
    return values.get("translate") == "no" or "request-id" in classes


def _is_json(piece: str) -> bool:
    """Return whether a block is an object or list as the admin shows a JSON field."""
    try:
        return piece.startswith(("{", "[{")) and bool(json.loads(piece))
    except ValueError:
        return False


def _pieces_of(page: str) -> list[str]:
    """Return the visible text of a page, one entry per block or spoken attribute."""
    if not page.strip():
        return []
    reader = _Reader()
    ignored: html.HtmlElement | None = None
    walk = etree.iterwalk(html.document_fromstring(page), events=("start", "end", "comment"))
    for event, element in walk:
        if event == "start":
            if reader.open(element):
                reader.text.append(element.text or "")
            else:
                ignored = element
                walk.skip_subtree()
            continue
        # Ignored text stands for itself before what follows, even where it is a block.
        if event == "end" and element is not ignored and element.tag not in _INLINE:
            reader.end_piece()
        reader.text.append(element.tail or "")
    reader.end_piece()
    return reader.pieces


class _Reader:
    """Collects the visible text of a page, one entry per block or spoken attribute."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.text: list[str] = []

    def open(self, element: html.HtmlElement) -> bool:
        """Open an element, unless its text is ignored.

        Its text for screen readers is an entry of its own.
        """
        tag, values = element.tag, element.attrib
        if tag not in _INLINE:
            self.end_piece()
        if tag in _SKIPPED or _is_verbatim(values):
            # A placeholder stands for ignored text, so that no neighbouring word stands
            # alone.
            self.text.append(" … ")
            return False
        if tag == "span":
            # Styles separate some elements that are adjacent in the source.
            self.text.append(" ")
        self.pieces += [
            " ".join(text.split())
            for name in _SPOKEN
            # Django's own icons for yes and no.
            if (text := values.get(name)) and "/icon-" not in values.get("src", "")
        ]
        is_button = tag == "input" and values.get("type") in ("submit", "button")
        if is_button and (text := values.get("value")):
            self.pieces.append(text)
        return True

    def end_piece(self) -> None:
        """End a text entry where a block begins or ends."""
        text = " ".join("".join(self.text).split())
        self.text.clear()
        if text and text != "…":
            self.pieces.append(text)
