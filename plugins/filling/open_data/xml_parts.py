"""Reads the children of a large XML document's root one at a time, within limits.

Document types are refused, so entities and external references cannot occur. Elements are
built in C, because a dump has 60 GB: a reader in Python takes twice the time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import BinaryIO, Final
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from plugins.filling.open_data.errors import SourceRefused

MAX_DEPTH: Final = 32
MAX_PART_BYTES: Final = 16 * 1024**2
_CHUNK: Final = 64 * 1024


class _Parts:
    """Builds one child of the root at a time; ``done`` are those that are complete.

    Inside an element that is read, expat calls the builder itself, and nothing counts
    the depth: the size of a part limits it.
    """

    def __init__(self, root: str, names: Collection[str]) -> None:
        self._root, self._names = root, names
        self._skipped = 0
        self._builder = TreeBuilder()
        self._inside: Element | None = None
        self.done: list[Element] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse_type
        self.parser.StartElementHandler = self._start_root

    def _handle(
        self,
        start: Callable[[str, dict[str, str]], object],
        end: Callable[[str], object],
        text: Callable[[str], object] | None = None,
    ) -> None:
        self.parser.StartElementHandler = start
        self.parser.EndElementHandler = end
        self.parser.CharacterDataHandler = text

    def _start_root(self, name: str, _attributes: dict[str, str]) -> None:
        if name != self._root:
            raise SourceRefused(
                "dump_schema",
                f"The file holds “{name[:40]}”, not “{self._root}”. Choose the file of "
                f"{self._root}.",
            )
        self.parser.StartElementHandler = self._start_part

    def _start_part(self, name: str, attributes: dict[str, str]) -> None:
        self._builder = TreeBuilder()
        self._builder.start(name, attributes)
        self._handle(self._start_child, self._end_part)

    def _end_part(self, name: str) -> None:
        self.done.append(self._builder.end(name))
        self.parser.StartElementHandler = self._start_part
        self.parser.EndElementHandler = None

    def _start_child(self, name: str, attributes: dict[str, str]) -> None:
        if name in self._names:
            self._inside = self._builder.start(name, attributes)
            self._handle(self._builder.start, self._end_inside, self._builder.data)
        else:
            self._skipped = 1
            self._handle(self._start_skipped, self._end_skipped)

    def _end_inside(self, name: str) -> None:
        if self._builder.end(name) is self._inside:
            self._handle(self._start_child, self._end_part)

    def _start_skipped(self, _name: str, _attributes: dict[str, str]) -> None:
        self._skipped += 1
        if self._skipped > MAX_DEPTH:
            raise _refusal("elements are nested too deeply")

    def _end_skipped(self, _name: str) -> None:
        self._skipped -= 1
        if not self._skipped:
            self._handle(self._start_child, self._end_part)

    def _refuse_type(self, *_event: object) -> None:
        raise _refusal("it declares a document type (DTD), which is not allowed")


def parts_of(file: BinaryIO, *, root: str, names: Collection[str]) -> Iterator[Element]:
    """Yield the children of the root, which has this name. Raises ``SourceRefused``.

    Each has only those of its own children that have one of ``names``.
    """
    parts = _Parts(root, names)
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
        "dump_unreadable", f"The XML cannot be read: {cause}. Download the file again."
    )
