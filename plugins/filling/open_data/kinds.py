"""The kinds of sources: each is a folder beside this module with a ``source.py``."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import plugins.filling.open_data
from plugins.filling.open_data.index import OpenIndex, SourceIndex


def gettext_noop(text: str) -> str:
    """Mark a text for translation, without Django, which this package does not know."""
    return text


class ConfinedStream(Protocol):
    """Runs a job on the source's file in a confined child process."""

    def __call__(
        self, jobs: str, request: Mapping[str, Any], on_rows: Callable[[Any], None], /
    ) -> None:  # Any: JSON
        """Pass each message of the child on."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader gets: the file, where the index goes, and how to go on.

    ``scratch`` is a file that survives a restart of the same reading. ``rows`` yields the
    rows of a table, by our names of its columns. ``report`` takes the rows read so far,
    and stops the work where it must not go on.
    """

    path: Path
    index: Path
    scratch: Path
    stream: ConfinedStream
    rows: Callable[[], Iterator[dict[str, str]]]
    report: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a reader found out about a file; ``rows`` are its recordings or tracks."""

    rows: int
    schema: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of source: its licence, which a person accepts, and how it is read."""

    name: str
    label: str
    licence: str
    terms: str
    read: Callable[[Reading], SourceFacts]
    sums: str = "SHA256SUMS"
    """The file of checksums beside the file, which may have wildcards."""
    address: Callable[[str], str] = lambda _id: ""
    """Returns the public page of an id there, or "" if it has none."""
    open: Callable[[Path], SourceIndex] = OpenIndex


@cache
def source_kinds() -> dict[str, SourceKind]:
    """Return the kinds by name."""
    kinds = {}
    for module in pkgutil.iter_modules(plugins.filling.open_data.__path__):
        if module.ispkg:
            path = f"{plugins.filling.open_data.__name__}.{module.name}.source"
            kind: SourceKind = import_module(path).SOURCE
            kinds[kind.name] = kind
    return kinds
