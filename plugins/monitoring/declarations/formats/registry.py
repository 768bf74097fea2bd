"""Formats of declarations: each registers in the ``format.py`` of its folder.

From the registration come its place in the menu of profiles and its help there; pages,
commands and the API declare in each format by its key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from django.utils.functional import Promise

from plugins.monitoring.declarations.formats.base import DeclarationFormat

Options = Mapping[str, Any]  # Any: JSON of a profile


class Labelled(DeclarationFormat, Protocol):
    """A format without options; people read its label."""

    @property
    def label(self) -> str | Promise:
        """Return its name in menus."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A format in menus, where lower ranks come first; ``help`` says what its rows are."""

    key: str
    label: str | Promise
    version: str
    help: str | Promise
    make: Callable[[Options], DeclarationFormat]
    # Any: as above. Without options, those of another format are dropped.
    read_options: Callable[[Options], dict[str, Any]] = lambda _options: {}
    rank: int = 100


_entries: dict[str, Entry] = {}


def register(entry: Entry) -> None:
    """Make a format known."""
    _entries[entry.key] = entry


def register_plain(made: Labelled, text: str | Promise, *, rank: int = 100) -> None:
    """Make a format without options known."""
    register(Entry(made.key, made.label, made.version, text, lambda _: made, rank=rank))


def unregister(key: str) -> None:
    """Forget a format, as tests do with theirs."""
    del _entries[key]


def register_folders(package: Path) -> None:
    """Import the ``format.py`` of each folder of this package."""
    for path in sorted(package.glob("*/format.py")):
        import_module(f"plugins.monitoring.declarations.formats.{path.parent.name}.format")


class UnknownFormat(Exception):
    """No format has this key; a profile of another version may name one."""


def entries() -> list[Entry]:
    """Return all formats in the order of menus."""
    return sorted(_entries.values(), key=lambda entry: entry.rank)


def entry_of(key: str) -> Entry:
    """Return the entry of a format; raise ``UnknownFormat``."""
    try:
        return _entries[key]
    except KeyError as error:
        raise UnknownFormat(key) from error


def make_format(key: str, options: Options) -> DeclarationFormat:
    """Return a format with its options; raise ``UnknownFormat`` or ``BadOptions``."""
    return entry_of(key).make(options)


def choices() -> list[tuple[str, str | Promise]]:
    """Return keys and labels for a menu."""
    return [(entry.key, entry.label) for entry in entries()]


def label_of(key: str) -> str:
    """Return the name of a format in menus; of an unknown one its key."""
    entry = _entries.get(key)
    return str(entry.label) if entry else key
