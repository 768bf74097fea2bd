"""Reads the children of a large XML document's root one at a time, within limits.

Document types are refused, so entities and external references cannot occur. Elements are
built in C, because a dump has 60 GB: ``imports.rights.xml_records`` takes twice the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from enrichment.open_data.errors import SourceRefused

MAX_DEPTH: Final = 32
MAX_PART_BYTES: Final = 16 * 1024**2
_CHUNK: Final = 64 * 1024


class _Parts:
    """Builds one child of the root at a time; ``done`` are those that are complete."""

    def __init__(self, root: str) -> None:
        self._root, self._depth = root, 0
        self._builder = TreeBuilder()
        self.done: list[Element] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_type
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._add_text

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > 1:
            self._builder.start(name, attributes)
        elif name != self._root:
            raise SourceRefused(
                "dump_schema",
                f"The file holds “{name[:40]}”, not “{self._root}”. Choose the file of "
                f"{self._root}.",
            )
        if self._depth > MAX_DEPTH:
            raise _refusal("elements are nested too deeply")

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._depth:
            element = self._builder.end(name)
            if self._depth == 1:
                self.done.append(element)
                self._builder = TreeBuilder()

    def _add_text(self, text: str) -> None:
        if self._depth > 1:
            self._builder.data(text)

    def _refuse_type(self, *_what: object) -> None:
        raise _refusal("it declares a document type (DTD), which is not allowed")


def parts_of(file: BinaryIO, *, root: str) -> Iterator[Element]:
    """Yield the children of the root, which has this name. Raises ``SourceRefused``."""
    parts = _Parts(root)
    since = 0
    try:
        for chunk in iter(partial(file.read, _CHUNK), b""):
            parts.parser.Parse(chunk, False)
            since = 0 if parts.done else since + len(chunk)
            if since > MAX_PART_BYTES:
                raise _refusal("an entry is too large")
            yield from parts.done
            parts.done.clear()
        parts.parser.Parse(b"", True)
        yield from parts.done
    except expat.ExpatError as error:
        cause = expat.ErrorString(error.code)
        raise _refusal(f"{cause}, line {error.lineno}") from error


def _refusal(cause: str) -> SourceRefused:
    return SourceRefused(
        "dump_unreadable",
        f"The XML cannot be read: {cause}. Download the file again.",
    )
