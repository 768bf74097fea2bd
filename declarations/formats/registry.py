"""All formats by key, and what each is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from django.utils.functional import Promise

from declarations.formats import bmi, cue, dsr, soundexchange, suisa
from declarations.formats.base import DeclarationFormat
from declarations.formats.template import TemplateDeclaration, read_options

Options = Mapping[str, Any]  # Any: JSON of a profile


class Labelled(DeclarationFormat, Protocol):
    """A format without options; people read its label."""

    @property
    def label(self) -> str | Promise:
        """Return its name in menus."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A format in menus: its key, label and version, its options, and how to make it."""

    key: str
    label: str | Promise
    version: str
    read_options: Callable[[Options], dict[str, Any]]  # Any: as above
    make: Callable[[Options], DeclarationFormat]


def _no_options(given: Options) -> dict[str, Any]:  # Any: as above
    """Return no options; those of another format are dropped."""
    return {}


def _plain(made: Labelled) -> Entry:
    return Entry(made.key, made.label, made.version, _no_options, lambda _: made)


FORMATS: Final[Mapping[str, Entry]] = {
    entry.key: entry
    for entry in (
        _plain(dsr.DSR_RADIO),
        _plain(soundexchange.SOUNDEXCHANGE),
        _plain(soundexchange.SOUNDEXCHANGE_BARE),
        _plain(suisa.SUISA),
        _plain(suisa.SUISA_XLSX),
        _plain(bmi.BMI_LOG),
        _plain(cue.FORMAT),
        Entry(
            TemplateDeclaration.key,
            TemplateDeclaration.label,
            TemplateDeclaration.version,
            read_options,
            TemplateDeclaration,
        ),
    )
}


class UnknownFormat(Exception):
    """No format has this key; a profile of another version may name one."""


def entry_of(key: str) -> Entry:
    """Return the entry of a format; raise ``UnknownFormat``."""
    try:
        return FORMATS[key]
    except KeyError as error:
        raise UnknownFormat(key) from error


def make_format(key: str, options: Options) -> DeclarationFormat:
    """Return a format with its options; raise ``UnknownFormat`` or ``BadOptions``."""
    return entry_of(key).make(options)


def choices() -> list[tuple[str, str | Promise]]:
    """Return keys and labels for a menu."""
    return [(entry.key, entry.label) for entry in FORMATS.values()]


def label_of(key: str) -> str:
    """Return the name of a format in menus; of an unknown one its key."""
    entry = FORMATS.get(key)
    return str(entry.label) if entry else key
