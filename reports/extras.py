"""What packages above add to reports and cue sheets, such as where a file was on air."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from base.common.registry import Registry
from catalogue.models import Recording
from reports.cells import ColumnType, Value
from reports.choices import Mode
from review.models import Match
from scanning.models import ScannedFile

Values = Mapping[str, Value]
"""Values of a row by column; what is missing is empty."""


class ReadyMade(StrEnum):
    """The ready-made reports that have columns of packages above."""

    CLAIMS = "claims"
    MUSIC = "music"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class Around:
    """Files and recordings of matches by key, which the report has read."""

    files: Mapping[int, ScannedFile]
    recordings: Mapping[int, Recording]


@dataclass(frozen=True, kw_only=True, eq=False)
class Extra:
    """Columns that follow the column ``after`` in reports of these modes.

    ``ready_made`` names those that are in ready-made reports, too. ``about_file`` says
    that they are about the file, which evidence packs name as a topic.
    ``of_files`` and ``of_matches`` return values by key. Without ``of_matches``, a match
    has the values of its file.
    """

    after: str
    columns: tuple[ColumnType, ...]
    modes: frozenset[Mode] = frozenset(Mode)
    ready_made: Mapping[ReadyMade, tuple[str, ...]] = field(default_factory=dict)
    about_file: bool = False
    of_files: Callable[[Sequence[ScannedFile]], Mapping[int, Values]]
    of_matches: Callable[[Sequence[Match], Around], Mapping[int, Values]] | None = None


extras: Registry[Extra] = Registry()
heads: Registry[Callable[[ScannedFile], str]] = Registry()
"""Functions that return what the head of a file's cue sheet says, or nothing."""


def columns_after(name: str, mode: Mode) -> tuple[ColumnType, ...]:
    """Return the columns that follow a column of a report."""
    return tuple(
        column
        for extra in extras
        if extra.after == name and mode in extra.modes
        for column in extra.columns
    )


def columns_for(report: ReadyMade) -> Iterator[str]:
    """Yield the columns that packages above add to a ready-made report."""
    for extra in extras:
        yield from extra.ready_made.get(report, ())


def columns_about_files() -> set[str]:
    """Return the columns of packages above that are about the file."""
    return {column.name for extra in extras if extra.about_file for column in extra.columns}


def extras_of_files(files: Sequence[ScannedFile]) -> dict[int, dict[str, Value]]:
    """Return the values of files by key."""
    by_file: dict[int, dict[str, Value]] = {file.pk: {} for file in files}
    for extra in extras:
        for key, values in extra.of_files(files).items():
            by_file[key].update(values)
    return by_file


def extras_of_matches(
    matches: Sequence[Match], around: Around, without: Collection[str] = ()
) -> dict[int, dict[str, Value]]:
    """Return the values of matches by key.

    A package whose columns are all in ``without`` is not asked.
    """
    by_match: dict[int, dict[str, Value]] = {match.pk: {} for match in matches}
    for extra in extras:
        if all(column.name in without for column in extra.columns):
            continue
        if extra.of_matches is not None:
            for key, values in extra.of_matches(matches, around).items():
                by_match[key].update(values)
            continue
        of_files = extra.of_files(list(around.files.values()))
        for match in matches:
            by_match[match.pk].update(of_files.get(match.scanned_file_id, {}))
    return by_match
