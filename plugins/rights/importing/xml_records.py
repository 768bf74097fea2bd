"""Reads the records of a large XML message one at a time, within strict limits.

Document types are refused, so entities and external references cannot occur.
"""

from __future__ import annotations

import codecs
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Final
from xml.parsers import expat

from django.utils.translation import gettext as _

from plugins.rights.importing.faults import MessageRefused

MAX_DEPTH: Final = 32
MAX_ATTRIBUTES: Final = 40
MAX_RECORD_TEXT: Final = 500_000
MAX_RECORD_ELEMENTS: Final = 50_000
# How many names of unread elements are kept apart.
MAX_NAMES: Final = 200
OTHERS: Final = "other elements"
_CHUNK = 64 * 1024
# A tag, comment or instruction is in memory as a whole.
_MAX_TOKEN = 1024 * 1024
_ENCODINGS = frozenset({"utf-8", "utf-16", "us-ascii", "iso-8859-1"})


@dataclass(slots=True)
class XmlRecord:
    """An element with the elements in it; names have no namespace."""

    name: str
    line: int
    attributes: Mapping[str, str]
    children: list[XmlRecord] = field(default_factory=list)
    text: str = ""

    def all(self, *path: str) -> list[XmlRecord]:
        """Return every element on a path of names."""
        records = [self]
        for name in path:
            records = [
                child for record in records for child in record.children if child.name == name
            ]
        return records

    def first(self, *path: str) -> str:
        """Return the text of the first element on a path that has one."""
        return next((record.text for record in self.all(*path) if record.text), "")

    def is_true(self, attribute: str) -> bool:
        """Tell whether an attribute says yes."""
        return self.attributes.get(attribute, "") in ("true", "1")


class _Limits(Exception):
    """A limit is exceeded; the text says which."""


@dataclass(slots=True)
class XmlReader:
    """Yields the root element, then each record as it ends.

    ``lists`` names the children of the root whose children are records, with the names
    of the elements that are read in these; ``singles`` are records themselves. Elements
    that are not read are counted in ``skipped``, without those inside them.
    """

    lists: Mapping[str, frozenset[str]]
    singles: Mapping[str, frozenset[str]]
    skipped: Counter[str]
    namespace: str = ""
    _parser: expat.XMLParserType = field(init=False)
    _path: list[str] = field(default_factory=list)
    _open: list[XmlRecord] = field(default_factory=list)
    _texts: list[list[str]] = field(default_factory=list)
    _text_size: int = 0
    _elements: int = 0
    _unread_from: int = 0
    """Depth of the unread element that the parser is in; 0 outside."""
    _readable: frozenset[str] = frozenset()
    _done: list[XmlRecord] = field(default_factory=list)
    _quiet_bytes: int = 0

    def __post_init__(self) -> None:
        parser = expat.ParserCreate(namespace_separator="|")
        parser.buffer_text = True
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        parser.XmlDeclHandler = self._declare
        parser.StartDoctypeDeclHandler = self._refuse_type
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._add_text
        parser.CommentHandler = self._pass
        parser.ProcessingInstructionHandler = self._pass
        self._parser = parser

    def read(self, file: BinaryIO) -> Iterator[XmlRecord]:
        """Yield the root without children, then the records; raise ``MessageRefused``."""
        beginning = file.read(_CHUNK)
        # Programs write blank lines before the declaration, which expat refuses.
        bare = beginning.removeprefix(codecs.BOM_UTF8).lstrip(b" \t\r\n")
        chunks = iter(partial(file.read, _CHUNK), b"")
        try:
            for chunk in itertools.chain([bare] if bare else [], chunks):
                self._quiet_bytes += len(chunk)
                self._parser.Parse(chunk, False)
                if self._quiet_bytes > _MAX_TOKEN:
                    raise _Limits(_("a tag or comment is too long"))
                yield from self._take_done()
            self._parser.Parse(b"", True)
            yield from self._take_done()
        except expat.ExpatError as error:
            cause = expat.ErrorString(error.code)
            raise self._refusal(f"{cause}", error.lineno) from error
        except _Limits as error:
            line = self._parser.CurrentLineNumber
            raise self._refusal(str(error), line) from error

    def _refusal(self, cause: str, line: int) -> MessageRefused:
        return MessageRefused(
            _("Line %(line)s: this XML cannot be read: %(cause)s.") % {"line": line, "cause": cause}
        )

    def _take_done(self) -> Iterator[XmlRecord]:
        done, self._done = self._done, []
        yield from done

    def _pass(self, *_event: object) -> None:
        self._quiet_bytes = 0

    def _declare(self, _version: str, encoding: str | None, _alone: int) -> None:
        if encoding is not None and encoding.lower() not in _ENCODINGS:
            raise _Limits(_("its encoding is not UTF-8"))

    def _refuse_type(self, *_event: object) -> None:
        raise _Limits(_("it declares a document type (DTD), which is not allowed"))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._quiet_bytes = 0
        namespace, _bar, bare = name.rpartition("|")
        self._path.append(bare)
        depth = len(self._path)
        if depth > MAX_DEPTH:
            raise _Limits(_("elements are nested too deeply"))
        if len(attributes) > MAX_ATTRIBUTES:
            raise _Limits(_("an element has too many attributes"))
        if self._unread_from:
            return
        if depth == 1:
            self.namespace = namespace
            line = self._parser.CurrentLineNumber
            self._done.append(XmlRecord(bare, line, attributes))
        elif self._open:
            self._start_inside(bare, attributes)
        else:
            self._start_record(bare, attributes, depth)

    def _start_record(self, name: str, attributes: dict[str, str], depth: int) -> None:
        if depth == 2 and name in self.lists:
            return
        if depth == 2 and name in self.singles:
            self._readable = self.singles[name]
        elif depth == 3:
            self._readable = self.lists[self._path[1]]
        else:
            self._skip(name)
            return
        self._elements = self._text_size = 0
        self._push(name, attributes)

    def _start_inside(self, name: str, attributes: dict[str, str]) -> None:
        if name not in self._readable:
            self._skip(name)
            return
        self._elements += 1
        if self._elements > MAX_RECORD_ELEMENTS:
            raise _Limits(_("an entry has too many elements"))
        self._push(name, attributes)

    def _skip(self, name: str) -> None:
        self._unread_from = len(self._path)
        is_counted = name in self.skipped or len(self.skipped) < MAX_NAMES
        self.skipped[name if is_counted else OTHERS] += 1

    def _push(self, name: str, attributes: dict[str, str]) -> None:
        record = XmlRecord(name, self._parser.CurrentLineNumber, attributes)
        if self._open:
            self._open[-1].children.append(record)
        self._open.append(record)
        self._texts.append([])

    def _add_text(self, text: str) -> None:
        self._quiet_bytes = 0
        if not self._open or self._unread_from:
            return
        self._text_size += len(text)
        if self._text_size > MAX_RECORD_TEXT:
            raise _Limits(_("an entry has too much text"))
        self._texts[-1].append(text)

    def _end(self, _name: str) -> None:
        self._quiet_bytes = 0
        depth = len(self._path)
        self._path.pop()
        if self._unread_from:
            if depth == self._unread_from:
                self._unread_from = 0
            return
        if not self._open:
            return
        record = self._open.pop()
        record.text = " ".join("".join(self._texts.pop()).split())
        if not self._open:
            self._done.append(record)
