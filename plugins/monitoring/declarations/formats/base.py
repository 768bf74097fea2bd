"""The interface of all formats of a declaration, and their missing values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Protocol

from plugins.monitoring.declarations.facts import DeclarationFacts


class ValueSubject(StrEnum):
    """The kind of record in which a missing value is entered."""

    PLAY = "play"
    RECORDING = "recording"
    STATION = "station"
    FIGURES = "figures"
    BROADCAST = "broadcast"
    AUDIENCE = "audience"
    EPISODE = "episode"
    PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class MissingValue:
    """A mandatory cell without a value, or with one that the format cannot hold.

    ``uid`` is that of a play, recording or station, of the play whose use, broadcast or
    episode lacks it, or of the station whose figures lack it; empty for the profile.
    ``cell`` is the format's own name of the cell; ``why`` is a sentence for people.
    """

    subject: ValueSubject
    uid: str
    cell: str
    why: str


@dataclass(frozen=True, slots=True)
class WrittenDeclaration:
    """A file's totals, and one sentence for each change made to fit the format."""

    plays: int
    played_ms: int
    recordings: int
    lines: int
    changed: tuple[str, ...] = ()


class MandatoryMissing(Exception):
    """The declaration has gaps, so no file is written."""

    def __init__(self, gaps: tuple[MissingValue, ...]) -> None:
        super().__init__(gaps[0].why if gaps else "")
        self.gaps = gaps


class BadOptions(Exception):
    """The options of a format are wrong; ``option`` names which one."""

    def __init__(self, option: str, message: str) -> None:
        self.option = option
        super().__init__(message)


class DeclarationFormat(Protocol):
    """One layout of declarations. The same facts always give the same bytes."""

    key: str
    version: str
    media_type: str

    def gaps(self, facts: DeclarationFacts) -> Iterator[MissingValue]:
        """Yield the missing mandatory values in the order of the facts."""
        ...

    def file_name(self, facts: DeclarationFacts) -> str:
        """Return the name that the format gives its files."""
        ...

    def write(self, facts: DeclarationFacts, target: BinaryIO) -> WrittenDeclaration:
        """Write the file; raise ``MandatoryMissing`` before the first byte."""
        ...
